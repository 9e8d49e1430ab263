package alert

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

func oneBlock() *digest {
	n := Notice{Kind: Block, Time: noon, User: "info@example.es", Score: 142, Limit: 100}
	return &digest{time: noon, host: "mail.example.es", notices: []Notice{n}}
}

func TestWebhook(t *testing.T) {
	var got post
	var seen http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header
		body, _ := io.ReadAll(r.Body)
		if json.Unmarshal(body, &got) != nil || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	w := newWebhook(Webhook{URL: server.URL, Headers: map[string]string{"Authorization": "Bearer x"}})
	require.NoError(t, w.send(context.Background(), oneBlock()))
	require.Equal(t, "application/json", seen.Get("Content-Type"))
	require.Equal(t, "Bearer x", seen.Get("Authorization"))
	require.Equal(t, oneBlock().notices, got.Notices)
	require.Contains(t, got.Text, "    sendwarden release info@example.es\n```")
}

// Whatever a webhook answers, the error says it without the URL's secret.
func TestWebhookFails(t *testing.T) {
	elsewhere := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/else", func(http.ResponseWriter, *http.Request) { elsewhere++ })
	mux.Handle("/secret/moved", http.RedirectHandler("/else", http.StatusTemporaryRedirect))
	mux.HandleFunc("/secret/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte("no\x1b[2J" + strings.Repeat("x", 1<<20)))
	})
	mux.HandleFunc("/secret/hung", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	server := httptest.NewServer(mux)
	defer server.Close()
	try := func(path string) string {
		w := newWebhook(Webhook{URL: server.URL + path, Timeout: time.Second})
		err := w.send(context.Background(), oneBlock())
		require.Error(t, err)
		require.NotContains(t, err.Error()+w.name(), "secret")
		return err.Error()
	}
	require.Equal(t, "HTTP status 307", try("/secret/moved"))
	require.Zero(t, elsewhere, "no redirect is followed")
	require.Equal(t, "HTTP status 500 no·[2J"+strings.Repeat("x", maxShort-6)+"…", try("/secret/broken"))
	require.Contains(t, try("/secret/hung"), "deadline exceeded")
	require.Equal(t, "HTTP status 404 404 page not found·", try("/secret/gone"))
	server.Close()
	require.Contains(t, try("/secret/moved"), "connection refused")
}

// mailbox is an SMTP server that keeps what it gets, and refuses "nobody".
type mailbox struct {
	from string
	to   []string
	data []byte
	tls  bool
	hung chan struct{} // if not nil, DATA waits for it
}

func (m *mailbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, m.tls = c.TLSConnectionState()
	return m, nil
}
func (m *mailbox) Mail(from string, _ *smtp.MailOptions) error { m.from = from; return nil }
func (m *mailbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	m.to = append(m.to, to)
	return nil
}
func (m *mailbox) Data(r io.Reader) (err error) {
	if m.hung != nil {
		<-m.hung
	}
	m.data, err = io.ReadAll(r)
	return err
}
func (m *mailbox) Reset()        {}
func (m *mailbox) Logout() error { return nil }

// serve starts the mailbox's server, with a certificate that is nobody's if asked.
func (m *mailbox) serve(t *testing.T, withTLS bool) string {
	t.Helper()
	server := smtp.NewServer(m)
	server.Domain = "mail.example.es"
	server.ErrorLog = discard{}
	if withTLS {
		borrowed := httptest.NewUnstartedServer(nil)
		borrowed.StartTLS()
		t.Cleanup(borrowed.Close)
		server.TLSConfig = &tls.Config{Certificates: borrowed.TLS.Certificates}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return l.Addr().String()
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

func TestSMTP(t *testing.T) {
	for _, withTLS := range []bool{false, true} {
		m := &mailbox{}
		hand := smarthost(m.serve(t, withTLS), "mail.example.es", false)
		mail := message{"sendwarden@mail.example.es", []string{"ana@example.es"}, "x", ".\n..\nend\n", noon, "1"}
		require.NoError(t, hand(context.Background(), mail.from, mail.to, mail.bytes()))
		require.Equal(t, mail.from, m.from)
		require.Equal(t, mail.to, m.to)
		require.Equal(t, string(mail.bytes()), string(m.data))
		require.Equal(t, withTLS, m.tls)
	}
}

func TestSMTPRefuses(t *testing.T) {
	m := &mailbox{}
	hand := smarthost(m.serve(t, false), "localhost", false)
	err := hand(context.Background(), "a@example.es", []string{"nobody@example.es", "ana@example.es"}, []byte("\r\n"))
	var some *refusedError
	require.True(t, errors.As(err, &some))
	require.Contains(t, err.Error(), "nobody@example.es: 550")
	require.Equal(t, []string{"ana@example.es"}, m.to)
	require.NotNil(t, m.data)

	m.data = nil
	err = hand(context.Background(), "a@example.es", []string{"nobody@example.es"}, []byte("\r\n"))
	require.ErrorContains(t, err, "every recipient was refused: nobody@example.es: 550")
	require.False(t, errors.As(err, &some))
	require.Nil(t, m.data)
}

func TestSMTPVerify(t *testing.T) {
	plain, foreign := &mailbox{}, &mailbox{}
	err := smarthost(plain.serve(t, false), "localhost", true)(context.Background(), "a@example.es", []string{"b@example.es"}, nil)
	require.ErrorContains(t, err, "no STARTTLS is offered")
	err = smarthost(foreign.serve(t, true), "localhost", true)(context.Background(), "a@example.es", []string{"b@example.es"}, nil)
	require.ErrorContains(t, err, "certificate")
	require.Empty(t, plain.from+foreign.from)
}

func TestSMTPHangs(t *testing.T) {
	m := &mailbox{hung: make(chan struct{})}
	hand := smarthost(m.serve(t, false), "localhost", false)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, hand(ctx, "a@example.es", []string{"b@example.es"}, []byte("x\r\n")), context.DeadlineExceeded)
	close(m.hung)
}

// program writes a shell script that stands for sendmail.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sendmail")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755))
	return path
}

func TestSendmail(t *testing.T) {
	path := program(t, `{ for a; do echo "[$a]"; done; env | sort | grep -v '^_\|^PWD\|SHLVL'; cat; } >"$0.got"`+"\n")
	t.Setenv("SECRET", "x")
	require.NoError(t, sendmail(path)(context.Background(), "a@example.es", []string{"b@example.es", "-oQ/tmp@example.es"}, []byte("Subject: x\r\n\r\n.\r\nend\r\n")))
	got, err := os.ReadFile(path + ".got")
	require.NoError(t, err)
	require.Equal(t, "[-i]\n[-f]\n[a@example.es]\n[--]\n[b@example.es]\n[-oQ/tmp@example.es]\n"+
		"LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nSubject: x\n\n.\nend\n", string(got))
}

func TestSendmailFails(t *testing.T) {
	path := program(t, "cat >/dev/null; printf 'queue full\\033[2J' >&2; exit 75\n")
	err := sendmail(path)(context.Background(), "a@example.es", []string{"b@example.es"}, []byte("x\r\n"))
	require.EqualError(t, err, path+": exit status 75: queue full·[2J")

	hung := program(t, "exec sleep 60\n")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, sendmail(hung)(ctx, "a@example.es", []string{"b@example.es"}, []byte("x\r\n")), context.DeadlineExceeded)

	require.ErrorContains(t, sendmail("/nonexistent/sendmail")(context.Background(), "a@example.es", nil, nil), "no such file")
}

// A desk made of a configuration tells by all ways of it, the user too.
func TestConfigured(t *testing.T) {
	m := &mailbox{}
	posted := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(posted) }))
	defer server.Close()
	path := program(t, `cat >"$0.to.$5"`+"\n")
	c := Config{
		Sendmail: path,
		Mail:     []Mail{{To: []string{"ana@example.es"}, SMTP: m.serve(t, false)}},
		Webhook:  []Webhook{{URL: server.URL}},
		// The user's mail goes by the program.
		NotifyUser: true, UserMail: UserMail{Domains: []string{"example.es"}, Text: "{user}: llame a su administrador\n"},
	}
	require.NoError(t, c.Check())
	log := &journal{}
	d := New(c, Options{Host: "mail.example.es", Log: log.logger(), Now: time.Now})
	d.Tell(Notice{Kind: Block, Time: time.Now(), User: "info@example.es"})
	stop := running(d)
	<-posted
	for len(d.Outbox().Waiting) > 0 && log.String() == "" { // each way has its turn
		<-time.After(time.Millisecond)
	}
	stop()
	require.Empty(t, log.String())
	require.Equal(t, "sendwarden@mail.example.es", m.from)
	require.Contains(t, string(m.data), "Subject: [Sendwarden] info@example.es is blocked\r\n")
	letter, err := os.ReadFile(path + ".to.info@example.es")
	require.NoError(t, err)
	require.Contains(t, string(letter), "info@example.es: llame a su administrador\n")
	require.Contains(t, string(letter), "Subject: Sending is suspended for info@example.es\n")
}
