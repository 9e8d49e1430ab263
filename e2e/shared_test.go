//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sendwarden/shared/redistest"

	"github.com/stretchr/testify/require"
)

// mailHost is one of several hosts that share what they know.
type mailHost struct {
	*daemon
	t    *testing.T
	dir  string
	name string
	n    int

	flags []string // further ones
}

// sharingRules block who sends from three countries in an hour: where no host sees
// more than one of them, only all together do.
const sharingRules = `rules: [{name: three countries, when: 'countries("1h") >= 3', points: 100}]
mode: enforce
max_blocks: 1000
state: "%s"
`

func startHost(t *testing.T, name, engine string) *mailHost {
	h := prepareHost(t, name, engine)
	h.start()
	return h
}

// prepareHost makes a host that shares with others at an engine, or with nobody.
func prepareHost(t *testing.T, name, engine string) *mailHost {
	h := &mailHost{t: t, name: name, dir: t.TempDir()}
	write(t, h.file("mail.log"), "")
	if engine == "" {
		write(t, h.file("rules.yaml"), fmt.Sprintf(sharingRules, h.file("state.db")))
	} else {
		h.shareAt(engine)
	}
	return h
}

func (h *mailHost) shareAt(engine string) {
	write(h.t, h.file("rules.yaml"), fmt.Sprintf(sharingRules, "redis://"+engine+"?local="+h.file("state.db")))
}

func (h *mailHost) file(name string) string { return filepath.Join(h.dir, name) }

// run is a command of this host's.
func (h *mailHost) run(args ...string) (string, error) {
	out, err := exec.Command(program, append(args, "--rules", h.file("rules.yaml"), "--control", h.file("control"))...).CombinedOutput()
	return string(out), err
}

func (h *mailHost) start() {
	h.t.Helper()
	h.n++
	output := h.file(fmt.Sprintf("output%d", h.n))
	out, err := os.Create(output)
	require.NoError(h.t, err)
	defer out.Close()
	cmd := exec.Command(program, append([]string{"run", "--rules", h.file("rules.yaml"), "--blocklist", h.file("blocklist"), "--table", "texthash",
		"--log", h.file("mail.log"), "--control", h.file("control")}, h.flags...)...)
	cmd.Stderr = out
	d := &daemon{cmd: cmd, output: output, exited: make(chan struct{})}
	require.NoError(h.t, cmd.Start())
	go func() {
		defer close(d.exited)
		d.status = cmd.Wait()
	}()
	h.daemon = d
	h.t.Cleanup(func() { showOnFailure(h.t, output) })
	h.t.Cleanup(func() { d.stop(h.t) })
	d.says(h.t, 20*time.Second, "msg=running")
}

// sends has a user hand in a message from an address.
func (h *mailHost) sends(user, addr string) {
	h.t.Helper()
	h.n++
	log, err := os.OpenFile(h.file("mail.log"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(h.t, err)
	defer log.Close()
	_, err = fmt.Fprintf(log, "%s %s postfix/submission/smtpd[7]: %X%05X: client=unknown[%s], sasl_method=PLAIN, sasl_username=%s\n",
		time.Now().Format("2006-01-02T15:04:05.000000-07:00"), h.name, time.Now().UnixMicro(), h.n, addr, user)
	require.NoError(h.t, err)
}

func (h *mailHost) blocks(user string) bool {
	text, err := os.ReadFile(h.file("blocklist"))
	return err == nil && strings.Contains(string(text), "\n"+user+" ")
}

// Three addresses in three countries.
var abroad = []string{"177.32.18.77", "178.66.201.14", "14.160.33.192"}

func spreadTheft(t *testing.T, user string, hosts []*mailHost) {
	t.Helper()
	for i, h := range hosts {
		h.sends(user, abroad[i])
	}
	for _, h := range hosts {
		within(t, 10*time.Second, h.name+" blocks "+user, func() bool { return h.blocks(user) })
	}
}

// A theft that no host sees alone is found, and whoever is blocked or released on
// one host is on all.
func TestHostsShare(t *testing.T) {
	s := redistest.Start(t)
	var hosts []*mailHost
	for _, name := range []string{"mx1", "mx2", "mx3"} {
		h := startHost(t, name, s.Addr)
		h.says(t, 10*time.Second, "the others know what this host knows")
		hosts = append(hosts, h)
	}
	spreadTheft(t, "ana", hosts)

	out, err := hosts[1].run("release", "ana", "--reason", "the password is changed")
	require.NoError(t, err, out)
	began := time.Now()
	for _, h := range hosts {
		within(t, 5*time.Second, h.name+" releases ana", func() bool { return !h.blocks("ana") })
	}
	require.Less(t, time.Since(began), 2*time.Second)
	within(t, 5*time.Second, "the ledger of mx3 has it", func() bool {
		out, err := hosts[2].run("history")
		return err == nil && strings.Contains(out, " on ") && strings.Contains(out, "the password is changed")
	})

	text := read(t, hosts[0].file("blocklist"))
	write(t, hosts[0].file("blocklist"), text+"\nbob REJECT 5.7.1 by hand\n")
	began = time.Now()
	within(t, 5*time.Second, "an edit of the file holds for all", func() bool { return hosts[1].blocks("bob") && hosts[2].blocks("bob") })
	require.Less(t, time.Since(began), 3*time.Second)
	require.NoError(t, os.WriteFile(hosts[0].file("blocklist"), []byte(text), 0o640))
	within(t, 5*time.Second, "and so does its end", func() bool { return !hosts[1].blocks("bob") && !hosts[2].blocks("bob") })

	out, err = hosts[0].run("status")
	require.NoError(t, err, out)
	require.Contains(t, out, "shared")
	require.NotEqual(t, "0", s.Do("exists", "sendwarden:user:ana"))
}

// While the engine is away, hosts go on; what was blocked and told meanwhile comes
// to all when it is back, even empty, and even when a host was killed.
func TestEngineFails(t *testing.T) {
	s := redistest.Start(t)
	var hosts []*mailHost
	for _, name := range []string{"mx1", "mx2", "mx3"} {
		h := startHost(t, name, s.Addr)
		h.says(t, 10*time.Second, "the others know what this host knows")
		hosts = append(hosts, h)
	}
	spreadTheft(t, "ana", hosts)
	s.Kill()
	for _, h := range hosts {
		h.says(t, 15*time.Second, "the state that is shared is out of reach")
		require.True(t, h.blocks("ana"), "the blocked stay blocked")
	}
	out, err := hosts[0].run("block", "carl", "--reason", "by hand")
	require.NoError(t, err, out)
	require.True(t, hosts[0].blocks("carl"))
	for i, h := range hosts { // no host knows what the others see
		h.sends("eve", abroad[i])
	}
	for _, addr := range abroad { // one host sees all
		hosts[2].sends("dan", addr)
	}
	within(t, 10*time.Second, "mx3 blocks by what it knows", func() bool { return hosts[2].blocks("dan") })
	<-time.After(3 * time.Second) // until a save has been, of which nobody tells
	hosts[1].kill(t)
	s.Begin() // without what it knew
	hosts[1].start()
	for _, h := range hosts {
		for _, user := range []string{"ana", "carl", "dan", "eve"} {
			within(t, 20*time.Second, h.name+" blocks "+user, func() bool { return h.blocks(user) })
		}
	}
	hosts[0].says(t, 10*time.Second, "the engine has lost what it knew")
}

// Who runs a daemon with a state that cannot be is told so.
func TestSharedStateFaults(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yaml")
	write(t, rules, "state: redis://:verysecret@localhost\nrules: [{name: x, when: new_country, points: 1}]\n")
	out, err := exec.Command(program, "check", "--rules", rules).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "a password stands in the URL")
	require.NotContains(t, string(out), "verysecret")
}
