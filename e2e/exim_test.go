//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

// eximRoot is where .ci/run unpacks Debian's Exim, which can't be installed beside
// Postfix.
const eximRoot = "/usr/local/lib/sendwarden-e2e/exim"

// exim is a running Exim for the domain example.es, whose users have the passwords
// of Postfix's tests. It has its own spool, log and configuration.
type exim struct {
	Program, Dir, Port, Next string
	Options, ACLs            string // what Sendwarden has it write into its configuration
	list                     string
}

// startExim starts an Exim that has to relay by a port where nobody listens, and
// stops it with the test.
func startExim(t *testing.T, options ...string) *exim {
	t.Helper()
	require.Zero(t, os.Getuid(), "Exim starts as root only")
	_, port, err := net.SplitHostPort(freePort(t))
	require.NoError(t, err)
	_, next, err := net.SplitHostPort(freePort(t))
	require.NoError(t, err)
	x := &exim{Program: eximRoot + "/usr/sbin/exim4", Dir: folder(t), Port: port, Next: next}
	x.list = x.file("list", "blocklist")
	require.FileExists(t, x.Program, ".ci/run unpacks Exim there")
	account, err := user.Lookup("Debian-exim")
	require.NoError(t, err, "Exim's account, which .ci/run makes as its package would")
	uid, err := strconv.Atoi(account.Uid)
	require.NoError(t, err)
	for _, name := range []string{"spool", "log", "mail", "list"} {
		require.NoError(t, os.Mkdir(x.file(name), 0o755))
		require.NoError(t, os.Chown(x.file(name), uid, -1))
	}
	require.NoError(t, os.Chown(x.file("list"), 0, 0))
	write(t, x.file("rules.yaml"), "table: lsearch\n"+thirdCountry)
	x.Options = strings.Join(options, "\n")
	x.configure(t)
	t.Cleanup(func() { showOnFailure(t, x.file("log", "mainlog"), x.file("log", "paniclog")) })
	x.start(t)
	t.Cleanup(func() { x.stop(t) })
	return x
}

func (x *exim) file(elements ...string) string {
	return filepath.Join(append([]string{x.Dir}, elements...)...)
}

func (x *exim) configure(t *testing.T) {
	t.Helper()
	form, err := template.ParseFS(testdata, "testdata/exim.conf.tmpl")
	require.NoError(t, err)
	var text strings.Builder
	require.NoError(t, form.Execute(&text, x))
	write(t, x.file("exim.conf"), text.String())
}

// exim runs a command of Exim's, as a user.
func (x *exim) exim(t *testing.T, name, stdin string, args ...string) (string, error) {
	t.Helper()
	account, err := user.Lookup(name)
	require.NoError(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	require.NoError(t, err)
	cmd := exec.Command(x.Program, append([]string{"-C", x.file("exim.conf")}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (x *exim) start(t *testing.T) {
	t.Helper()
	out, err := x.exim(t, "root", "", "-bd")
	require.NoError(t, err, out)
	within(t, 10*time.Second, "Exim listens, and has said who it is", func() bool { return x.listens() && read(t, x.file("exim.pid")) != "" })
}

func (x *exim) listens() bool {
	conn, err := net.Dial("tcp", "127.0.0.1:"+x.Port)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

func (x *exim) stop(t *testing.T) {
	t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, x.file("exim.pid"))))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	within(t, 10*time.Second, "Exim has ended", func() bool { return !x.listens() })
	_ = os.Remove(x.file("exim.pid")) // it may have done so itself
}

// login opens a session in which a user has logged in; nobody does for "".
func (x *exim) login(t *testing.T, name string) *session {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+x.Port)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	s := &session{raw: conn, conn: textproto.NewConn(conn)}
	t.Cleanup(func() { _ = s.conn.Close() }) // the test may have closed it
	s.play(t, `
		< 220 mail.example.es ESMTP Exim
		> EHLO client.example.com
		< 250
	`)
	if name != "" {
		s.play(t, `
			> AUTH PLAIN `+plain(name)+`
			< 235 Authentication succeeded
		`)
	}
	return s
}

// hands in one message, which Exim takes, and returns its id.
func (s *session) hands(t *testing.T, from, to string) string {
	t.Helper()
	s.play(t, `
		> MAIL FROM:<`+from+`>
		< 250 OK
		> RCPT TO:<`+to+`>
		< 250 Accepted
		> DATA
		< 354
		> Subject: an offer
		>
		> Good morning.
		> .
	`)
	reply, err := s.reply()
	require.NoError(t, err)
	id, taken := strings.CutPrefix(reply, "250 OK id=")
	require.True(t, taken, reply)
	return id
}

// inbox counts the messages that a user got.
func (x *exim) inbox(t *testing.T, name string) int {
	t.Helper()
	mail, err := filepath.Glob(x.file("mail", name, "new", "*"))
	require.NoError(t, err)
	return len(mail)
}

// frozen tells whether a message waits for somebody.
func (x *exim) frozen(t *testing.T, id string) bool {
	t.Helper()
	header := read(t, x.file("spool", "input", id+"-H"))
	require.NotEmpty(t, header, "%s is in the queue", id)
	return strings.Contains(header, "\n-frozen ")
}

// sendwarden runs a command on this Exim's blocklist.
func (x *exim) sendwarden(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, append(args, "--rules", x.file("rules.yaml"), "--blocklist", x.list)...)
}

// setUp has Exim's configuration have the lines that `sendwarden setup exim` prints,
// and start anew with them.
func (x *exim) setUp(t *testing.T) {
	t.Helper()
	said := x.sendwarden(t, "setup", "exim", "--exim", x.Program, "--exim-config", x.file("exim.conf"), "--json")
	var steps []struct{ Place, Lines string }
	require.NoError(t, json.Unmarshal([]byte(said), &steps), said)
	require.Len(t, steps, 2)
	x.Options, x.ACLs = steps[0].Lines, steps[1].Lines
	x.stop(t)
	x.configure(t)
	x.start(t)
}

// suspended is the last line of what the blocked are told: Exim breaks a long reply
// after a colon.
const suspended = "550 unusual logins. Please contact your administrator."

// Who is blocked can't send: not anew, and not in a session that is open; they still
// receive, others still send, and released they do again.
func TestEximRefuses(t *testing.T) {
	x := startExim(t)
	x.sendwarden(t, "block", "nobody@example.es", "--reason", "a list to begin with")
	x.setUp(t)

	open := x.login(t, "alice@example.es")
	open.hands(t, "alice@example.es", "bob@example.es")
	x.sendwarden(t, "block", "alice@example.es", "--reason", "unusual log-ins")
	refused := `
		> MAIL FROM:<alice@example.es>
		< ` + suspended + `
	`
	open.play(t, refused)
	open.play(t, refused)
	x.login(t, "ALICE@example.es").play(t, refused)
	x.login(t, "bob@example.es").hands(t, "bob@example.es", "alice@example.es")
	x.login(t, "").hands(t, "friend@example.com", "alice@example.es")
	within(t, 10*time.Second, "alice has her mail", func() bool { return x.inbox(t, "alice") == 2 })
	require.Contains(t, read(t, x.file("log", "mainlog")), "sendwarden: alice@example.es is on the blocklist")

	x.sendwarden(t, "release", "alice@example.es")
	x.login(t, "alice@example.es").hands(t, "alice@example.es", "bob@example.es")
}

// BDAT is no way round, nor are the odd names that a log-in may have.
func TestEximOddNames(t *testing.T) {
	x := startExim(t)
	for _, name := range []string{"josé", `do\main`, "a:b", "a#b", "local:root"} {
		x.sendwarden(t, "block", name, "--reason", "x")
	}
	x.setUp(t)
	for _, name := range []string{"josé", `do\main`, "A:b", "a#B"} {
		x.login(t, name).play(t, `
			> MAIL FROM:<alice@example.es>
			< `+suspended+`
			> RCPT TO:<bob@example.es>
			< 503
			> BDAT 13 LAST
			> Subject: hi
			< 503
		`)
	}
}

// A local account that calls exim is stopped by its own name, whether it hands in a
// message or speaks SMTP on standard input.
func TestEximLocal(t *testing.T) {
	x := startExim(t)
	x.sendwarden(t, "block", "Debian-exim", "--reason", "a user of that name")
	x.setUp(t)
	message := "Subject: an offer\n\nGood morning.\n"
	dialogue := "EHLO pc\r\nMAIL FROM:<a@example.es>\r\nRCPT TO:<bob@example.es>\r\nDATA\r\n" + strings.ReplaceAll(message, "\n", "\r\n") + ".\r\nQUIT\r\n"
	out, err := x.exim(t, "Debian-exim", message, "-i", "bob@example.es")
	require.NoError(t, err, "the user of that name is another: %s", out)

	x.sendwarden(t, "block", "local:Debian-exim", "--reason", "a web site that was broken into")
	out, err = x.exim(t, "Debian-exim", message, "-i", "bob@example.es")
	require.Error(t, err)
	require.Contains(t, read(t, x.file("log", "mainlog")), "rejected by non-SMTP ACL: sendwarden: local:Debian-exim is on the blocklist", out)
	out, _ = x.exim(t, "Debian-exim", dialogue, "-bs", "-oMr", "scanned")
	require.Contains(t, out, suspended)
	out, err = x.exim(t, "root", message, "-i", "bob@example.es")
	require.NoError(t, err, out)
	within(t, 10*time.Second, "bob has what the others sent", func() bool { return x.inbox(t, "bob") == 2 })
}

// What a site has of its own for MAIL goes on, after ours.
func TestEximOwnRules(t *testing.T) {
	x := startExim(t, "acl_smtp_mail = acl_own")
	x.sendwarden(t, "block", "alice@example.es", "--reason", "x")
	x.setUp(t)
	x.login(t, "").play(t, `
		> MAIL FROM:<nobody@example.com>
		< 550 this server's own rule
	`)
	x.login(t, "alice@example.es").play(t, `
		> MAIL FROM:<alice@example.es>
		< `+suspended+`
	`)
	x.login(t, "bob@example.es").hands(t, "bob@example.es", "alice@example.es")
	said := x.sendwarden(t, "setup", "exim", "--exim", x.Program, "--exim-config", x.file("exim.conf"))
	require.Contains(t, said, "Nothing to do")

	require.NoError(t, os.Remove(x.list+".lsearch"))
	x.login(t, "alice@example.es").hands(t, "alice@example.es", "bob@example.es") // without the file, mail flows
}

// By the command: a user's queued mail waits and goes, and nobody else's.
func TestEximQueue(t *testing.T) {
	x := startExim(t)
	alice := x.login(t, "alice@example.es").hands(t, "alice@example.es", "customer@example.com")
	bob := x.login(t, "bob@example.es").hands(t, "alice@example.es", "customer@example.com")
	queue := func(args ...string) string {
		return output(t, append([]string{"queue", "alice@example.es", "--exim", x.Program, "--exim-config", x.file("exim.conf")}, args...)...)
	}
	within(t, 10*time.Second, "both have been tried", func() bool { return strings.Count(read(t, x.file("log", "mainlog")), " == ") >= 2 })
	require.Contains(t, queue(), "1 message of alice@example.es")
	require.Contains(t, queue("--hold"), "1 message of alice@example.es on hold now")
	require.True(t, x.frozen(t, alice))
	require.False(t, x.frozen(t, bob))
	require.Contains(t, queue("--release", bob), "not this user's")

	next, err := net.Listen("tcp", "127.0.0.1:"+x.Next)
	require.NoError(t, err)
	defer next.Close()
	require.Contains(t, queue("--release", "--whoever"), "1 message of alice@example.es released")
	require.False(t, x.frozen(t, alice))
	require.False(t, x.frozen(t, bob))
	require.Contains(t, read(t, x.file("log", "mainlog")), fmt.Sprintf("%s unfrozen by root", alice))
}

// from is a user who sends one message from an address far away: a trusted caller
// may say where a session comes from.
func (x *exim) from(t *testing.T, address, name, to string) string {
	t.Helper()
	out, err := x.exim(t, "root", "EHLO pc\r\nAUTH PLAIN "+plain(name)+"\r\nMAIL FROM:<"+name+">\r\nRCPT TO:<"+to+">\r\nDATA\r\nSubject: an offer\r\n\r\nGood morning.\r\n.\r\nQUIT\r\n",
		"-bs", "-oMa", address)
	require.NoError(t, err, out)
	_, id, taken := strings.Cut(out, "250 OK id=")
	require.True(t, taken, out)
	id, _, _ = strings.Cut(id, "\r\n")
	return id
}

// A theft, from Exim's log to the list that Exim obeys: the account is blocked at the
// third country, its session that is open is stopped, its queued mail is frozen, and
// a release undoes all of it. Others never notice.
func TestEximTheft(t *testing.T) {
	x := startExim(t)
	write(t, x.file("rules.yaml"), fmt.Sprintf("%s\ntable: lsearch\nqueue: {exim: %q, exim_config: %q}\n", thirdCountry, x.Program, x.file("exim.conf")))
	p := &postfix{Dir: x.Dir} // for what the daemon says
	log := x.file("log", "mainlog")
	d := runDaemon(t, p, exec.Command(program, "run", "--rules", x.file("rules.yaml"), "--blocklist", x.list, "--log", log, "--state", x.file("state.db"), "--control", x.file("control")))
	x.setUp(t)
	d.says(t, time.Second, `"exim reads"=lsearch;`+x.list+`.lsearch`)

	open := x.login(t, alice)
	open.hands(t, alice, bob)
	first := x.from(t, spain, alice, "customer@example.com")
	x.from(t, brazil, alice, bob)
	last := x.from(t, russia, alice, "victim@example.com")
	others := x.from(t, russia, bob, "customer@example.com")
	within(t, 2*time.Second, "Exim finds alice on the blocklist", func() bool { return strings.Contains(read(t, x.list+".lsearch"), alice+"  5.7.1 Sending is suspended") })
	open.play(t, `
		> MAIL FROM:<alice@example.es>
		< `+suspended+`
	`)
	within(t, 10*time.Second, "her mail is frozen", func() bool { return x.frozen(t, first) && x.frozen(t, last) })
	require.False(t, x.frozen(t, others))
	x.from(t, spain, bob, alice)
	within(t, 10*time.Second, "she receives", func() bool { return x.inbox(t, "alice") == 1 })

	output(t, "release", alice, "--rules", x.file("rules.yaml"), "--blocklist", x.list, "--control", x.file("control"))
	within(t, 10*time.Second, "her mail goes", func() bool { return !x.frozen(t, first) && !x.frozen(t, last) })
	x.login(t, alice).hands(t, alice, bob)
}
