package doctor

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"sendwarden/authpolicy"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

// The real server answers about nobody; others, and none, are told apart.
func TestCheckAuthPolicy(t *testing.T) {
	require.Empty(t, checkAuthPolicy(t.Context(), &Installation{}))
	config := authpolicy.Config{Key: "a-long-word"}
	genuine := authpolicy.New(config, func(string) bool { return false }, func(authpolicy.Question) { t.Error("nobody is refused") })
	for _, c := range []struct {
		what   string
		server http.Handler
		key    string
		state  State
		fact   string
	}{
		{"the daemon", genuine, "a-long-word", OK, "answers, in "},
		{"another key", genuine, "another", Fault, "HTTP status 403: the key is another"},
		{"another program", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }), "", Fault, `answers "hello" about nobody`},
	} {
		server := httptest.NewServer(c.server)
		in := &Installation{With: settings.Sections{AuthPolicy: authpolicy.Config{Listen: strings.TrimPrefix(server.URL, "http://"), Key: c.key}}}
		f := one(t, checkAuthPolicy(t.Context(), in))
		server.Close()
		require.Equal(t, c.state, f.State, c.what)
		require.Contains(t, f.Fact, c.fact, c.what)
		require.Contains(t, one(t, checkAuthPolicy(t.Context(), in)).Fact, "connection refused")
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	in := &Installation{With: settings.Sections{AuthPolicy: authpolicy.Config{Listen: silent.Addr().String()}}, Daemons: []Process{{pid: os.Getpid()}}}
	require.Equal(t, stuck, one(t, checkAuthPolicy(briefly(t), in)).Remedy)
}
