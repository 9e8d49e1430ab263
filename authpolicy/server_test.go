package authpolicy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// thief is the only one who is blocked in these tests, by any spelling.
func thief(login string) bool { return strings.EqualFold(login, "info@example.es") }

// Each file of testdata is a dialogue: "> COMMAND JSON" is posted and "<" is what
// the answer has to be, its status and text.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			config := Config{}
			if first, _, _ := strings.Cut(string(text), "\n"); strings.Contains(first, "imap too") {
				config.Refuse = []string{"smtp", "imap"}
			}
			s := New(config, thief, func(Question) {})
			var answer string
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSpace(line)
				switch mark, rest, _ := strings.Cut(line, " "); mark {
				case ">":
					command, body, _ := strings.Cut(rest, " ")
					answer = ask(s, "/?command="+command, body)
				case "<":
					require.Equal(t, rest, answer)
				}
			}
		})
	}
}

func ask(s *Server, url, body string) string {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, url, strings.NewReader(body)))
	return fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String()))
}

func TestKey(t *testing.T) {
	s := New(Config{Key: "secret"}, thief, func(Question) {})
	question := `{"login":"info@example.es","protocol":"smtp"}`
	require.Equal(t, "403 the key is another (auth_policy_server_api_header)", ask(s, "/?command=allow", question))
	r := httptest.NewRequest(http.MethodPost, "/?command=allow", strings.NewReader(question))
	r.Header.Set("X-API-Key", "secret")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	require.Contains(t, w.Body.String(), `"status":-1`)
}

func TestConfig(t *testing.T) {
	for at, fault := range map[string]string{
		"127.0.0.1:4001":   "",
		"[::1]:4001":       "",
		"localhost:4001":   "",
		"":                 "listen: there is no address (write 127.0.0.1:4001, or take the section away)",
		"0.0.0.0:4001":     "listen: 0.0.0.0:4001: other hosts could reach it (write 127.0.0.1:4001; a Dovecot elsewhere comes by a tunnel)",
		"4001":             "listen: 4001: no address and port (write 127.0.0.1:4001)",
		"127.0.0.1":        "listen: 127.0.0.1: no address and port (write 127.0.0.1:4001)",
		"mail.example:400": "listen: mail.example:400: no address and port (write 127.0.0.1:4001)",
	} {
		err := (&Config{Listen: at}).Check()
		if fault == "" {
			require.NoError(t, err, at)
		} else {
			require.EqualError(t, err, fault, at)
		}
	}
	err := (&Config{Listen: "127.0.0.1:1", Key: "a b", Refuse: []string{"SMTP"}}).Check()
	require.ErrorContains(t, err, "key: up to 256 letters")
	require.ErrorContains(t, err, `refuse: "SMTP" is no protocol`)
}

// served is a server that runs, and its address.
func served(tb testing.TB, s *Server) string {
	tb.Helper()
	l, err := (&Config{Listen: "127.0.0.1:1"}).Open()
	if l != nil {
		_ = l.Close() // somebody may be root
	}
	require.True(tb, err == nil || strings.Contains(err.Error(), "auth_policy: listen tcp 127.0.0.1:1"), "%v", err)
	l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	tb.Cleanup(func() {
		cancel()
		require.NoError(tb, <-ended)
	})
	return "http://" + l.Addr().String() + "/?command=allow"
}

// Who opens more connections than Dovecot needs is hung up on, and their places are
// free again when they go.
func TestConnectionsAreBounded(t *testing.T) {
	url := served(t, New(Config{}, thief, func(Question) {}))
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/?command=allow")
	question := "POST /?command=allow HTTP/1.1\r\nHost: x\r\nContent-Length: 45\r\n\r\n" + `{"login":"info@example.es","protocol":"smtp"}`
	var open []net.Conn
	answered := 0
	for range maxConnections + 10 {
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		open = append(open, conn)
		_, _ = io.WriteString(conn, question) // one that was hung up on says so when it is read
		if n, _ := conn.Read(make([]byte, 1)); n == 1 {
			answered++
		}
	}
	require.Equal(t, maxConnections, answered)
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool {
		response, err := http.Post(url, "application/json", strings.NewReader(`{"login":"a"}`))
		if err == nil {
			_ = response.Body.Close() // it was not read
		}
		return err == nil
	}, 5e9, 1e7)
}

// Whatever is posted is answered, and refused is only who is blocked and hands mail
// in.
func FuzzQuestion(f *testing.F) {
	for _, seed := range []string{
		`{"login":"info@example.es","protocol":"smtp"}`, `{"login":"info@example.es","protocol":"imap"}`, `{"LOGIN":"x"}`, `[]`, ``, `{"login":["a"]}`,
		`{"device_id":"","login":"a\u0000b","protocol":"smtp","pwhash":"00","remote":"192.0.2.7","tls":false}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := New(Config{}, thief, func(q Question) { require.True(t, thief(q.Login)) })
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?command=allow", bytes.NewReader(body)))
		if w.Code != http.StatusOK {
			require.Equal(t, http.StatusBadRequest, w.Code)
			return
		}
		var answer struct{ Status int }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		if answer.Status < 0 {
			var q Question
			require.NoError(t, json.Unmarshal(body, &q))
			require.True(t, thief(q.Login) && (strings.EqualFold(q.Protocol, "smtp") || strings.EqualFold(q.Protocol, "submission")))
		}
	})
}

// BenchmarkAnswer is a question over a connection that stays open, as Dovecot's do.
func BenchmarkAnswer(b *testing.B) {
	url := served(b, New(Config{}, thief, func(Question) {}))
	client := &http.Client{}
	for b.Loop() {
		response, err := client.Post(url, "application/json", strings.NewReader(`{"device_id":"","login":"info@example.es","protocol":"smtp","pwhash":"00","remote":"192.0.2.7","tls":false}`))
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}
