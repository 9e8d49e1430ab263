package queue

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve starts a server on a queue, for clients with this process's user id,
// and returns its socket and what it logs.
func serve(t *testing.T, l Local, allow bool) (socket string, logged func() string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	listener, err := Listen(socket, os.Getgid())
	require.NoError(t, err)
	var mu sync.Mutex
	var log strings.Builder
	s := &Server{
		Queue: l,
		Allow: func(uid uint32) bool { return allow && int(uid) == os.Getuid() },
		Log: func(msg string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(&log, msg, args)
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoFileExists(t, socket)
	})
	return socket, func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}
}

// converse plays a dialogue: ">" is sent, "<" is what the answer has to be,
// and the connection ends after it.
func converse(t *testing.T, socket, dialogue string) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	in := bufio.NewScanner(conn)
	for line := range strings.Lines(strings.TrimSpace(dialogue)) {
		mark, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch mark {
		case ">":
			_, err := fmt.Fprintln(conn, text)
			require.NoError(t, err)
		case "<":
			require.True(t, in.Scan(), "the answer ends before %s: %v", text, in.Err())
			require.Equal(t, text, in.Text())
		}
	}
	require.False(t, in.Scan(), "one more line: %s", in.Text())
}

func TestDialogues(t *testing.T) {
	b := newMailbag(t, bag)
	socket, logged := serve(t, b.local(), true)
	arrived, err := json.Marshal(arrival.Local())
	require.NoError(t, err)
	mail := `"arrived":` + string(arrived) + `,"size":1200,"sender":"a@example.es","recipients":1,"to":["ana@example.com"],"subject":"an offer"}}`
	for _, dialogue := range []string{`
		> {"verb":"hold","user":"alice","ids":["B00003","C00001","D00001","FFFFFF"]}
		< {"id":"B00003","outcome":"held"}
		< {"id":"C00001","outcome":"foreign"}
		< {"id":"D00001","outcome":"already_held"}
		< {"id":"FFFFFF","outcome":"gone"}
		< {"end":true}`, `
		> {"verb":"release","user":"ALICE","ids":["B00003","C00001"]}
		< {"id":"B00003","outcome":"released"}
		< {"id":"C00001","outcome":"foreign"}
		< {"end":true}`, `
		> {"verb":"list","user":"bob","all":true}
		< {"mail":{"id":"C00001","queue":"deferred",` + mail + `
		< {"mail":{"id":"D00002","queue":"hold",` + mail + `
		< {"end":true}`, `
		> {"verb":"list","user":"carol","all":true}
		< {"end":true}`, `
		> {"verb":"delete","user":"alice","all":true}
		< {"error":"no request: the verb \"delete\" (hold, release or list)"}`, `
		> {"verb":"hold","user":"alice"}
		< {"error":"no request: either \"ids\" or \"all\":true"}`, `
		> {"verb":"hold","user":"alice","ids":[]}
		< {"error":"no request: either \"ids\" or \"all\":true"}`, `
		> {"verb":"hold","user":"alice","ids":["B00003"],"all":true}
		< {"error":"no request: either \"ids\" or \"all\":true"}`, `
		> {"verb":"list","user":"alice","ids":["B00003"]}
		< {"error":"no request: list is of all the user's mail"}`, `
		> {"verb":"hold","user":"","all":true}
		< {"error":"no request: a user name of 0 bytes (1 to 512)"}`, `
		> {"verb":"hold","user":"alice","ids":["ALL"]}
		< {"error":"no request: \"ALL\" is no queue id"}`, `
		> {"verb":"hold","user":"alice","ids":["B00003","-d"]}
		< {"error":"no request: \"-d\" is no queue id"}`, `
		> {"verb":"hold","user":"alice","ids":["../B00003"]}
		< {"error":"no request: \"../B00003\" is no queue id"}`, `
		> {"verb":"hold","user":"alice","all":true,"config":"/tmp/evil"}
		< {"error":"no request: json: unknown field \"config\""}`, `
		> {"verb":"list","user":"alice","all":true} {"verb":"hold","user":"alice","all":true}
		< {"error":"no request: there is more than one"}`, `
		> hold alice
		< {"error":"no request: invalid character 'h' looking for beginning of value"}`,
	} {
		converse(t, socket, dialogue)
	}
	require.Contains(t, logged(), "hold [user alice asked 4 found 4 moved 1 error <nil>]\n")
	require.Contains(t, logged(), "the verb \"delete\"")
	require.Equal(t, []string{"-h - incoming active deferred", "-H - hold"}, b.calls)
}

func TestServerBounds(t *testing.T) {
	socket, _ := serve(t, newMailbag(t, bag).local(), true)
	for request, want := range map[string]string{
		strings.Repeat("x", maxRequest):             `{"error":"no request: a line above 65536 bytes"}`,
		`{"verb":"hold","user":"alice","all":true}`: `{"error":"no request: no whole line"}`, // without its newline
		"": `{"error":"no request: no whole line"}`,
		`{"verb":"hold","user":"` + strings.Repeat("a", 513) + `","all":true}` + "\n": `{"error":"no request: a user name of 513 bytes (1 to 512)"}`,
	} {
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
		require.NoError(t, err)
		_, err = conn.Write([]byte(request))
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		in := bufio.NewScanner(conn)
		require.True(t, in.Scan())
		require.Equal(t, want, in.Text())
		require.NoError(t, conn.Close())
	}
}

func TestServerRefusesOthers(t *testing.T) {
	b := newMailbag(t, bag)
	socket, logged := serve(t, b.local(), false)
	who := fmt.Sprintf("user id %d may not ask here (queue-helper --user names who may)", os.Getuid())
	_, err := Remote{socket}.Hold(context.Background(), "alice", nil)
	require.EqualError(t, err, "queue: "+socket+": "+who)
	require.Contains(t, logged(), who)
	require.Empty(t, b.calls)
}

// What Remote returns is what Local does.
func TestRemote(t *testing.T) {
	b := newMailbag(t, bag)
	socket, _ := serve(t, b.local(), true)
	ctx, r := context.Background(), Remote{socket}
	result, err := r.Hold(ctx, "alice", nil)
	require.NoError(t, err)
	require.Equal(t, "4fXq3z1Qm6zJ8d held\nA00001 held\nA00002 held\nB00003 held\nD00001 already_held", lines(result))
	require.Equal(t, []string{"D00001"}, result.IDs(AlreadyHeld))
	want, err := b.local().List(ctx, "alice")
	require.NoError(t, err)
	got, err := r.List(ctx, "alice")
	require.NoError(t, err)
	require.Len(t, got, 5)
	for i := range want {
		require.True(t, want[i].Arrived.Equal(got[i].Arrived))
		got[i].Arrived = want[i].Arrived
	}
	require.Equal(t, want, got)
	result, err = r.Release(ctx, "alice", result.IDs(Held))
	require.NoError(t, err)
	require.Equal(t, "4fXq3z1Qm6zJ8d released\nA00001 released\nA00002 released\nB00003 released", lines(result))
	result, err = r.Release(ctx, "alice", []string{})
	require.NoError(t, err)
	require.Empty(t, result)
	_, err = r.Release(ctx, "alice", []string{"ALL"})
	require.EqualError(t, err, `queue: no request: "ALL" is no queue id`)
}

// More messages than one request may name go in several, none above its bound.
func TestRemoteMany(t *testing.T) {
	b := newMailbag(t, "")
	socket, _ := serve(t, b.local(), true)
	var ids []string
	for i := range 2*maxIDs + 1 {
		ids = append(ids, fmt.Sprintf("%032X", i))
	}
	result, err := Remote{socket}.Hold(context.Background(), strings.Repeat("\x01", maxUser), ids)
	require.NoError(t, err)
	require.Equal(t, ids, result.IDs(Gone))
}

func TestRemoteFaults(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	_, err := Remote{socket}.List(context.Background(), "alice")
	require.EqualError(t, err, "queue: "+socket+": no such socket (start sendwarden queue-helper as root)")

	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	require.NoError(t, err)
	defer l.Close()
	for answer, want := range map[string]string{
		"":                                   "queue-helper broke off",
		`{"id":"A00001","outcome":"held"}`:   "queue-helper broke off",
		"hello\n":                            "no answer of queue-helper: invalid character 'h' looking for beginning of value",
		strings.Repeat("x", maxAnswer):       "bufio.Scanner: token too long",
		`{"error":"rm -rf\u001b[2J"}` + "\n": "rm -rf·[2J",
	} {
		ended := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = readRequest(conn)
				_, _ = conn.Write([]byte(answer))
				err = conn.Close()
			}
			ended <- err
		}()
		result, err := Remote{socket}.Hold(context.Background(), "alice", nil)
		require.EqualError(t, err, "queue: "+socket+": "+want)
		require.NoError(t, <-ended)
		if strings.HasPrefix(answer, `{"id"`) {
			require.Equal(t, []string{"A00001"}, result.IDs(Held), "what was done is told")
		}
	}

	// A server that is silent: the caller's context ends the wait.
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = readRequest(conn)
			cancel()
			_, _ = conn.Read(make([]byte, 1)) // until the client hangs up
			_ = conn.Close()
		}
	}()
	_, err = Remote{socket}.Hold(ctx, "alice", nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	gid := os.Getgid()
	l, err := Listen(path, gid)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o660, info.Mode())
	_, err = Listen(path, gid)
	require.EqualError(t, err, "queue: "+path+": a server listens there already")

	l.SetUnlinkOnClose(false) // as after a crash
	require.NoError(t, l.Close())
	l, err = Listen(path, gid)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Listen(file, gid)
	require.EqualError(t, err, "queue: "+file+": this is no socket (name another, or remove it)")
	require.FileExists(t, file)
	_, err = Listen(filepath.Join(dir, "none", "s"), gid)
	require.EqualError(t, err, "queue: "+dir+"/none/s: no such file or directory (mkdir the directory; systemd does with RuntimeDirectory=)")
}

// FuzzRequest: what is taken names a user and queue ids, and nothing else.
func FuzzRequest(f *testing.F) {
	for _, line := range []string{
		`{"verb":"hold","user":"alice","ids":["A672A9BAA49","4fXq3z1Qm6zJ8d"]}`,
		`{"verb":"list","user":"alice","all":true}`,
		`{"verb":"release","user":"alice","ids":["ALL"]}`,
		`{"verb":"hold","user":"alice","ids":null,"all":true,"VERB":"list"}`,
		`{"verb":"hold","user":"\u0000","all":true}{}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseRequest(line)
		if err != nil {
			require.Equal(t, request{}, r)
			return
		}
		require.Contains(t, []string{"hold", "release", "list"}, r.Verb)
		require.NotEmpty(t, r.User)
		require.NotEqual(t, r.All, len(r.IDs) > 0)
		require.LessOrEqual(t, len(r.IDs), maxIDs)
		for _, id := range r.IDs {
			require.Regexp(t, `^([0-9A-F]{6,32}|[0-9A-Za-z]{11,32})$`, id)
		}
		again, err := json.Marshal(r)
		require.NoError(t, err)
		same, err := parseRequest(again)
		require.NoError(t, err)
		require.Equal(t, r.User, same.User)
	})
}

// FuzzAnswer: an answer without its end is never taken for a whole one.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"id":"A672A9BAA49","outcome":"held"}` + "\n" + `{"mail":{"id":"A672A9BAA49","to":["x"]}}` + "\n" + `{"end":true}` + "\n"))
	f.Add([]byte(`{"error":"no"}`))
	f.Add([]byte(`{"end":false}` + "\n\n" + `{"END":true}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		result, mail, err := readAnswer(bytes.NewReader(answer))
		if err == nil {
			require.Contains(t, strings.ToLower(string(answer)), "true")
		}
		require.LessOrEqual(t, len(result)+len(mail), bytes.Count(answer, []byte("\n"))+1)
	})
}
