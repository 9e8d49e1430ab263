package doctor

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sendwarden/alert"
	"sendwarden/hook"
	"sendwarden/settings"

	"github.com/stretchr/testify/require"
)

func quietly() *log.Logger { return log.New(io.Discard, "", 0) }

// mailServer speaks SMTP up to the point where a mail would begin, in clear and,
// with a certificate, by TLS after STARTTLS.
func mailServer(t *testing.T, certificate *tls.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	over := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-over })
	go func() {
		defer close(over)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		lines := bufio.NewReader(conn)
		say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
		say("220 mail.example.es ESMTP")
		for {
			text, err := lines.ReadString('\n')
			switch verb := strings.ToUpper(strings.TrimSpace(text)); {
			case err != nil:
				return
			case strings.HasPrefix(verb, "EHLO"):
				say("250-mail.example.es\r\n250 STARTTLS")
			case verb == "STARTTLS" && certificate != nil:
				say("220 go on")
				conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*certificate}})
				lines = bufio.NewReader(conn)
			case verb == "QUIT":
				say("221 bye")
				return
			default:
				say("502 no") // a MAIL would be one too many
			}
		}
	}()
	return l.Addr().String()
}

func TestGreets(t *testing.T) {
	known := newAuthority(t, "Known")
	roots := x509.NewCertPool()
	roots.AddCert(known.certificate)
	in := &Installation{Now: noon, Host: "mail.example.es", roots: roots}
	good, ended := known.certify(t, "", noon.AddDate(0, -1, 0), noon.AddDate(1, 0, 0)), known.certify(t, "", noon.AddDate(0, -2, 0), noon.AddDate(0, 0, -1))

	server := mailServer(t, nil)
	require.Equal(t, "ok: smtp "+server+" greets ()", line(in.greets(t.Context(), server, false)))
	server = mailServer(t, &good)
	require.Equal(t, "ok: smtp "+server+" greets: the certificate is good until 2027-04-15 (nothing was posted) ()", line(in.greets(t.Context(), server, true)))
	server = mailServer(t, &ended)
	require.Equal(t, "fault: smtp "+server+": the certificate ended on 2026-04-14 (renew it, or see this host's clock)", line(in.greets(t.Context(), server, true)))
	server = mailServer(t, nil)
	require.Equal(t, Fault, in.greets(t.Context(), server, true).State, "it has no TLS")

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.Contains(t, in.greets(briefly(t), silent.Addr().String(), false).Fact, "no answer within")
	require.NoError(t, silent.Close())
	require.Contains(t, in.greets(t.Context(), silent.Addr().String(), false).Fact, "connection refused")
}

// Mails go by each group's server, else by that of all, else by the program.
func TestWays(t *testing.T) {
	one, other := alert.Mail{}, alert.Mail{SMTP: "192.0.2.1:25"}
	for _, c := range []struct {
		what    string
		config  alert.Config
		program string
		servers []string
	}{
		{"nobody is told", alert.Config{}, "", nil},
		{"the program", alert.Config{Mail: []alert.Mail{one}}, "/usr/sbin/sendmail", nil},
		{"another program", alert.Config{Mail: []alert.Mail{one}, Sendmail: "/opt/sendmail"}, "/opt/sendmail", nil},
		{"a server for all", alert.Config{Mail: []alert.Mail{one}, SMTP: "127.0.0.1:25"}, "", []string{"127.0.0.1:25"}},
		{"a server for one group", alert.Config{Mail: []alert.Mail{one, other}}, "/usr/sbin/sendmail", []string{"192.0.2.1:25"}},
		{"one group alone", alert.Config{Mail: []alert.Mail{other}}, "", []string{"192.0.2.1:25"}},
		{"and the user", alert.Config{Mail: []alert.Mail{other}, NotifyUser: true}, "/usr/sbin/sendmail", []string{"192.0.2.1:25"}},
	} {
		program, servers := ways(&c.config)
		require.Equal(t, c.program, program, c.what)
		require.Equal(t, c.servers, servers, c.what)
	}
}

func TestCheckAlerts(t *testing.T) {
	require.Empty(t, checkAlerts(t.Context(), &Installation{}))
	program := filepath.Join(t.TempDir(), "sendmail")
	in := &Installation{Now: noon, With: settings.Sections{Alerts: alert.Config{Sendmail: program, Mail: []alert.Mail{{}}, Webhook: []alert.Webhook{{URL: "https:///"}}}}}
	found := checkAlerts(t.Context(), in)
	require.Len(t, found, 2)
	require.Contains(t, line(found[0]), "fault: sendmail: stat "+program+": no such file")
	require.Equal(t, Fault, found[1].State)
}

// What the daemon runs it has to be able to, and nobody else may change it.
func TestProgramOf(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	for above := dir; above != "/tmp" && above != "/"; above = filepath.Dir(above) {
		require.NoError(t, os.Chmod(above, 0o755))
	}
	path := filepath.Join(dir, "lock")
	require.NoError(t, os.WriteFile(path, nil, 0o755))
	for _, c := range []struct {
		mode  os.FileMode
		owner int
		want  string // beginning
	}{
		{0o755, 0, "ok: hook: PATH can be run ()"},
		{0o644, 0, "fault: hook: PATH can't be run (-rw-r--r--) (chmod +x PATH)"},
		{0o700, 0, "fault: hook: the account nobody can't run PATH: PATH is -rwx------"},
		{0o757, 0, "fault: hook: everybody may change PATH, and so do what the daemon may (chmod o-w PATH)"},
		{0o755, 4711, "warning: hook: PATH belongs to another account (4711)"},
	} {
		require.NoError(t, os.Chmod(path, c.mode))
		require.NoError(t, os.Chown(path, c.owner, -1))
		f := (&Installation{Account: "nobody"}).programOf("hook", path)
		require.Truef(t, strings.HasPrefix(line(f), strings.ReplaceAll(c.want, "PATH", path)), "%s\n%s", line(f), c.want)
	}
	require.Contains(t, line((&Installation{Account: "nobody"}).programOf("hook", dir)), "can't be run (drwxr-xr-x)")
	require.Equal(t, Unknown, (&Installation{Account: "no-such-account"}).programOf("hook", "/bin/true").State)
}

func TestCheckHooks(t *testing.T) {
	in := &Installation{With: settings.Sections{Hooks: hook.Config{{Run: []string{"/nowhere/lock", "--now"}}, {Run: []string{"/bin/true"}}, {}}}}
	found := checkHooks(t.Context(), in)
	require.Len(t, found, 2)
	require.Equal(t, "fault: hook: stat /nowhere/lock: no such file or directory (name a program that is there)", line(found[0]))
	require.Equal(t, "ok: hook: /bin/true can be run ()", line(found[1]))
}
