//go:build e2e

package packaging

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// liveRules are short, as what is tested here is how the daemon lives, not how it judges.
const liveRules = `home: [ES]
threshold: {hold: 50, block: 100}
door: {listen: "systemd:door"}
rules:
  - {name: new country, when: new_country && !home, points: 60}
`

const (
	alice  = "alice@example.es"
	spain  = "80.58.61.250"
	brazil = "177.32.18.77"
	russia = "178.66.201.14"
)

// TestUnderSystemd installs the package on a machine that systemd runs, with Debian's
// Postfix and Dovecot and no log but the journal, and follows it through what happens to
// a service: asked, reloaded, killed, hung, restarted, upgraded, removed.
func TestUnderSystemd(t *testing.T) {
	deb, err := build()
	require.NoError(t, err)
	m := boot(t, map[string]string{"root/old.deb": deb, "root/new.deb": later(t, deb, "1.1")})
	m.run("dpkg", "-i", "/root/old.deb")
	m.runs("the package starts the daemon")
	require.Equal(t, "notify", m.unit("Type"))
	require.Contains(t, m.unit("StatusText"), "mode watch, 0 users blocked")
	require.NotZero(t, m.journal("log=journal"), "it has chosen the journal")
	require.NotContains(t, m.run("systemctl", "list-units", "--failed"), "sendwarden")
	for _, unit := range []string{"sendwarden.service", "sendwarden-queue.service"} {
		m.run("systemd-analyze", "security", "--no-pager", "--threshold=19", unit)
	}

	m.serveMail()
	m.atTheDoor(t)
	m.outlives(t)
	m.rebooted(t)

	m.run("dpkg", "-i", "--force-confold", "/root/new.deb")
	m.runs("the newer version runs")
	require.Equal(t, "1.1", m.run("dpkg-query", "-W", "-f", "${Version}", "sendwarden"))
	m.refuses(t, "after an upgrade")

	m.run("sendwarden", "release", alice)
	m.run("postconf", "-e", "smtpd_data_restrictions =")
	m.run("systemctl", "reload", "postfix")
	m.run("dpkg", "-P", "sendwarden")
	require.Empty(t, strings.TrimSpace(m.run("systemctl", "list-units", "--all", "--no-legend", "--plain", "sendwarden*")), "no unit is left")
	require.Regexp(t, "^250 ", m.send(alice, spain), "mail goes on without it")
}

// serveMail sets up Postfix with a submission service, chrooted as Debian has it, that
// asks the table and then the daemon, and Dovecot for the passwords.
func (m *machine) serveMail() {
	m.t.Helper()
	m.write("/etc/sendwarden/rules.yaml", liveRules)
	m.run("systemctl", "stop", "sendwarden.service") // who listens at the door is known at the start
	m.run("systemctl", "enable", "--now", "sendwarden-door.socket")
	m.run("systemctl", "start", "sendwarden.service")
	m.run("postconf", "-M", "submission/inet=submission inet n - y - - smtpd")
	m.run("postconf", "-P", "submission/inet/smtpd_sasl_auth_enable=yes", "submission/inet/smtpd_tls_auth_only=no",
		"submission/inet/smtpd_relay_restrictions=permit_sasl_authenticated,reject")
	m.run("postconf", "-e", "smtpd_data_restrictions = check_sasl_access lmdb:/etc/sendwarden/lists/blocklist, "+
		"check_policy_service { unix:sendwarden/door, timeout=5s, default_action=DUNNO }")
	m.run("systemctl", "enable", "--now", "dovecot.service", "postfix.service")
	within(m.t, time.Minute, "Postfix listens", func() bool {
		conn, err := m.dial("127.0.0.1:587")
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	})
}

// atTheDoor has alice's password stolen, and gives her back what was held.
func (m *machine) atTheDoor(t *testing.T) {
	t.Helper()
	require.Regexp(t, "^250 ", m.send(alice, spain))
	require.Regexp(t, "^250 ", m.send(alice, brazil), "it is held")
	require.Regexp(t, "^554 ", m.send(alice, russia))
	m.refuses(t, "from the table")
	within(t, 20*time.Second, "the message from Brazil waits", func() bool { return strings.Contains(m.try("postqueue", "-j"), `"queue_name": "hold"`) })
	m.run("sendwarden", "release", alice)
	within(t, 20*time.Second, "it goes", func() bool { return strings.TrimSpace(m.try("postqueue", "-j")) == "" })
	require.NotZero(t, strings.Count(m.run("journalctl", "--no-pager", "-u", "sendwarden-queue.service"), "Started"), "systemd has started the helper for it")

	m.run("sendwarden", "block", alice, "--reason", "the password is not changed")
	m.refuses(t, "blocked by hand")
}

// rebooted has carol's password stolen while the daemon is down, and the machine booted
// again before the daemon has seen anything of it. At the first question it knows.
func (m *machine) rebooted(t *testing.T) {
	t.Helper()
	const carol = "carol@example.es"
	require.Regexp(t, "^250 ", m.send(carol, spain))
	m.run("systemctl", "stop", "sendwarden-door.socket", "sendwarden.service")
	for _, address := range []string{brazil, russia} {
		require.Regexp(t, "^250 ", m.send(carol, address), "nobody is at the door")
	}
	m.reboot()
	m.runs("after the machine has booted")
	within(t, 20*time.Second, "carol is blocked for what the journal has of before", func() bool { return m.journal("msg=blocked user="+carol) > 0 })
	require.Regexp(t, "^554 ", m.send(carol, spain))
	m.refuses(t, "after the machine has booted")
}

// refuses waits until Postfix refuses mail of alice's from home.
func (m *machine) refuses(t *testing.T, when string) {
	t.Helper()
	within(t, 10*time.Second, "alice is refused, "+when, func() bool { return strings.HasPrefix(m.send(alice, spain), "554 ") })
}

// outlives has the service reloaded, killed and hung. Who is blocked stays so, and
// others' mail flows, throughout.
func (m *machine) outlives(t *testing.T) {
	t.Helper()
	m.write("/etc/sendwarden/rules.yaml", liveRules+"  - {name: new network, when: new_network, points: 5}\n")
	m.run("systemctl", "reload", "sendwarden.service")
	within(t, 10*time.Second, "it says what changed", func() bool { return m.journal("new network") > 0 })
	m.write("/etc/sendwarden/rules.yaml", "rules: [{name: wrong}]\n")
	m.run("systemctl", "reload", "sendwarden.service")
	within(t, 10*time.Second, "it names the fault", func() bool { return m.journal("rules.yaml:1") > 0 })
	m.runs("on the old rules")
	m.write("/etc/sendwarden/rules.yaml", liveRules)

	before := m.unit("MainPID")
	m.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "sendwarden.service")
	m.refuses(t, "while nobody is at the door")
	require.Regexp(t, "^250 ", m.send("bob@example.es", spain), "others' mail flows, or waits until the daemon is back")
	within(t, time.Minute, "it is started anew", func() bool { pid := m.unit("MainPID"); return pid != "0" && pid != before })
	m.runs("after a kill")

	m.run("mkdir", "-p", "/etc/systemd/system/sendwarden.service.d")
	m.write("/etc/systemd/system/sendwarden.service.d/soon.conf", "[Service]\nWatchdogSec=4\n")
	m.run("systemctl", "daemon-reload")
	m.run("systemctl", "restart", "sendwarden.service")
	restarts := m.unit("NRestarts")
	m.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "sendwarden.service")
	m.refuses(t, "while the daemon hangs")
	require.Regexp(t, "^250 ", m.send("bob@example.es", spain), "others' mail flows when Postfix has waited for its time")
	within(t, time.Minute, "the watchdog has started it anew", func() bool { return m.unit("NRestarts") != restarts })
	m.runs("after a hang")
	m.refuses(t, "after a hang")
}
