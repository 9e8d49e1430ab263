package doctor

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sendwarden/control"
	"sendwarden/metrics"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

// steward answers one question of the daemon's.
type steward struct {
	control.Service // no other is asked
	faults          []string
}

func (s steward) Status(context.Context) (control.Status, error) {
	return control.Status{Version: "1.2", Mode: "enforce", Faults: s.faults}, nil
}

// running is an installation whose daemon, this process, has a socket.
func running(socket string) *Installation {
	return &Installation{Now: noon, With: settings.Sections{Control: control.Config{Socket: socket}}, Daemons: []Process{{pid: os.Getpid(), uid: uint32(os.Getuid())}}}
}

// What the daemon complains of, doctor does.
func TestCheckControl(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "run", "control")
	l, err := control.Listen(control.Config{Socket: socket})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- control.Serve(ctx, l, steward{faults: []string{"the blocklist could not be written; trying again: no space left on device"}}, slog.New(slog.DiscardHandler))
	}()
	found := checkControl(t.Context(), running(socket))
	require.Len(t, found, 2)
	require.Equal(t, "ok: "+socket+": version 1.2, mode enforce ()", line(found[0]))
	require.Equal(t, Fault, found[1].State)
	require.Equal(t, "the daemon says: the blocklist could not be written; trying again: no space left on device", found[1].Fact)
	cancel()
	require.NoError(t, <-ended)

	f := one(t, checkControl(t.Context(), running(socket)))
	require.Equal(t, Warning, f.State, "it is gone, and without it commands work on the files")
	require.Empty(t, checkControl(t.Context(), running(control.None)))
	require.Empty(t, checkControl(t.Context(), &Installation{}), "no daemon runs")
}

// A daemon that is stopped takes connections, or the kernel does for it.
func TestCheckControlStuck(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "control")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	f := one(t, checkControl(briefly(t), running(socket)))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "does not answer within")
	require.Equal(t, stuck, f.Remedy)
}

func TestCheckHealth(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   []string // beginnings
	}{
		{"well", 200, "ok\n", []string{"ok: URL/healthz: ok"}},
		{"two problems", 503, "Postfix is not answered at the door\n/var/log/mail.log: not read for 2m0s\n", []string{
			"fault: URL/healthz: Postfix is not answered at the door", "fault: URL/healthz: /var/log/mail.log: not read for 2m0s",
		}},
		{"another program", 404, "", []string{"fault: URL/healthz: HTTP status 404 (see metrics: in the rules"}},
		{"without end", 503, strings.Repeat("x", 1<<20), []string{"fault: URL/healthz: xxx"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/healthz" {
					c.status = http.StatusTeapot
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			in := running(control.None)
			in.With.Metrics = metrics.Config{Listen: strings.TrimPrefix(server.URL, "http://")}
			found := checkHealth(t.Context(), in)
			require.Len(t, found, len(c.want))
			for i, f := range found {
				require.LessOrEqual(t, len(f.Fact), maxHealth+100)
				require.Truef(t, strings.HasPrefix(line(f), strings.ReplaceAll(c.want[i], "URL", server.URL)), "%.200s", line(f))
			}
		})
	}
	require.Empty(t, checkHealth(t.Context(), running(control.None)), "nobody measures")
}

func TestCheckHealthStuck(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	in := running(control.None)
	in.With.Metrics = metrics.Config{Listen: l.Addr().String()}
	require.Equal(t, stuck, one(t, checkHealth(briefly(t), in)).Remedy)
	require.NoError(t, l.Close())
	require.Contains(t, one(t, checkHealth(t.Context(), in)).Fact, "connection refused")
}
