package control

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run", "control")
	l, err := Listen(Config{Socket: path})
	require.NoError(t, err)
	folder, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	require.Zero(t, folder.Mode().Perm()&0o027, "others may not even look")
	socket, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o660, socket.Mode())

	_, err = Listen(Config{Socket: path})
	require.ErrorContains(t, err, "another daemon listens there")
	require.NoError(t, l.UnixListener.Close()) // as a crash leaves it
	require.FileExists(t, path)
	l, err = Listen(Config{Socket: path})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoFileExists(t, path)
}

func TestSocketIsNoBackDoor(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("mine"), 0o600))
	link := filepath.Join(dir, "control")
	require.NoError(t, os.Symlink(victim, link))
	l, err := Listen(Config{Socket: link})
	require.NoError(t, err, "the link is replaced")
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "mine", string(text), "and not followed")
	require.NoError(t, l.Close())

	_, err = Listen(Config{Socket: victim})
	require.ErrorContains(t, err, "no socket")
	require.NoError(t, os.Chmod(dir, 0o777))
	_, err = Listen(Config{Socket: link})
	require.ErrorContains(t, err, "others may write to its folder (chmod 750 ")
}

// Who is neither root nor of the socket's owner or group is refused by the server
// as well, whatever the socket's mode has become.
func TestStrangersAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(Config{Socket: path})
	require.NoError(t, err)
	require.True(t, l.may(0, 0))
	require.True(t, l.may(os.Geteuid(), 1<<30))
	require.True(t, l.may(1<<30, os.Getegid()))
	require.False(t, l.may(1<<30, 1<<30))
	require.NoError(t, l.Close())

	w := &recorder{header: http.Header{}}
	s := &server{Service: stage{}, may: func(int, int) bool { return false }, log: slog.New(slog.DiscardHandler)}
	r, err := http.NewRequestWithContext(context.WithValue(t.Context(), peerKey{}, peer{uid: 1000}), "GET", "/v1/status", http.NoBody)
	require.NoError(t, err)
	s.ServeHTTP(w, r)
	require.Equal(t, http.StatusForbidden, w.status)
	require.Contains(t, w.String(), "user id 1000 may not ask here")
}

type recorder struct {
	strings.Builder
	header http.Header
	status int
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }

func TestHugeRequests(t *testing.T) {
	socket := open(t)
	client := plain(socket)
	got := talk(t, client, `POST /v1/acts {"act":"block","user":"a","why":"`+strings.Repeat("x", maxBody)+`"}`)
	require.Equal(t, `413 {"error":"no act: above 16384 bytes"}`, got)

	conn, err := net.Dial("unix", socket)
	require.NoError(t, err)
	defer conn.Close()
	_, _ = conn.Write([]byte("GET /v1/status HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n")) // it may hang up on the way
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	require.NoError(t, err)
	require.Contains(t, string(answer[:n]), "HTTP/1.1 431 ")
}

func TestClient(t *testing.T) {
	socket := open(t)
	c := NewClient(socket, "tester")
	defer c.Close()
	status, err := c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(4711), status.Lines)
	_, err = c.Account(t.Context(), "nobody@example.es")
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, http.StatusNotFound, e.Status)
	var seen []Judged
	err = c.Watch(t.Context(), func(j Judged) error { seen = append(seen, j); return nil })
	require.ErrorContains(t, err, "the daemon has stopped")
	require.Len(t, seen, 1)

	_, err = NewClient(socket+".none", "").Status(t.Context())
	require.ErrorIs(t, err, ErrAbsent)
}
