package doctor

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"sendwarden/policy"
	"sendwarden/queue"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

// The door is asked as Postfix asks, of a policy service that is the real one
// and of others.
func TestCheckDoor(t *testing.T) {
	dir := t.TempDir()
	config := policy.Config{Listen: []string{"unix:" + filepath.Join(dir, "door")}, Socketmap: []string{"unix:" + filepath.Join(dir, "map")}, SocketGroup: "root"}
	in := &Installation{With: settings.Sections{Door: config}}
	require.Equal(t, Fault, one(t, checkDoor(context.Background(), in)).State, "nobody listens yet")

	if os.Getuid() != 0 {
		t.Skip("only root gives a socket to a group")
	}
	door, err := policy.Open(config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error)
	go func() {
		over <- door.Run(ctx, func(r *policy.Request) policy.Action {
			if r.User != "" {
				return policy.Reject("the doctor asks about nobody")
			}
			return policy.Dunno()
		}, func(string, string) policy.Reply { return policy.NotFound() })
	}()
	require.Equal(t, OK, one(t, checkDoor(context.Background(), in)).State)
	require.Equal(t, OK, one(t, checkSocketmap(context.Background(), in)).State)
	cancel()
	require.NoError(t, <-over)
}

func TestCheckDoorOfAnother(t *testing.T) {
	for answer, want := range map[string]string{
		"action=REJECT\n\n": `answers "action=REJECT\n", not "action=DUNNO\n\n"`,
		"":                  "EOF",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		over := make(chan struct{})
		go func() {
			defer close(over)
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			if _, err := io.ReadFull(conn, make([]byte, 40)); err == nil {
				_, _ = io.WriteString(conn, answer) // who asks may be gone
			}
		}()
		in := &Installation{With: settings.Sections{Door: policy.Config{Listen: []string{"inet:" + listener.Addr().String()}}}}
		f := one(t, checkDoor(context.Background(), in))
		require.Equal(t, Fault, f.State)
		if answer != "" {
			require.Contains(t, f.Fact, want)
		}
		require.NoError(t, listener.Close())
		<-over
	}
	in := &Installation{With: settings.Sections{Door: policy.Config{Listen: []string{"systemd:door"}}}}
	require.Equal(t, Warning, one(t, checkDoor(context.Background(), in)).State)
}

func one(t *testing.T, found []Finding) Finding {
	t.Helper()
	require.Len(t, found, 1)
	return found[0]
}

// A daemon that has the socket and does not answer is told apart from none.
func TestCheckDoorStuck(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	in := &Installation{With: settings.Sections{Door: policy.Config{Listen: []string{"inet:" + listener.Addr().String()}}}, Daemons: []Process{{pid: os.Getpid()}}}
	f := one(t, checkDoor(briefly(t), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "no answer within")
	require.Equal(t, stuck, f.Remedy)
}

// The helper is looked for where the rules say, or where a daemon that is not root
// looks for it.
func TestCheckQueueHelper(t *testing.T) {
	require.Empty(t, checkQueueHelper(t.Context(), &Installation{Daemons: []Process{{pid: 1}}}), "a daemon that is root needs none")
	socket := filepath.Join(t.TempDir(), "queue")
	in := &Installation{With: settings.Sections{Queue: queue.Config{Helper: socket}}}
	f := one(t, checkQueueHelper(t.Context(), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "no such file")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	require.Equal(t, "ok: "+socket+" listens ()", line(one(t, checkQueueHelper(t.Context(), in))))
}

// The daemon's account has to be able to use it.
func TestCheckQueueHelperShut(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "queue")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	require.NoError(t, os.Chmod(socket, 0o600))
	in := &Installation{With: settings.Sections{Queue: queue.Config{Helper: socket}}, Account: "nobody"}
	f := one(t, checkQueueHelper(t.Context(), in))
	require.Equal(t, Fault, f.State)
	require.Contains(t, f.Fact, "the daemon's account nobody can't connect")
}
