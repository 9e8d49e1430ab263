package daemon

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"sendwarden/words"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// service tells systemd how the daemon is (sd_notify(3), Type=notify):
//
//	READY=1       the log is followed and Postfix is answered
//	WATCHDOG=1    the loop has come round; one that does not is restarted
//	RELOADING=1   the rules are being read again, until the next READY=1
//	STOPPING=1    what is in hand is done
//	STATUS=…      a line for `systemctl status`
//
// Without systemd, or in a unit that does not ask, nothing is said.
type service struct {
	log   *slog.Logger
	every time.Duration // a quarter of what the watchdog waits; 0: there is none
	last  time.Time     // beat
	mute  bool          // a failure has been said
}

func newService(log *slog.Logger) *service {
	s := &service{log: log}
	limit, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog is left alone", "error", err)
	}
	s.every = limit / 4
	return s
}

func (s *service) ready(status string) { s.say(sd.SdNotifyReady + "\nSTATUS=" + status) }

func (s *service) stopping() { s.say(sd.SdNotifyStopping) }

// reloading carries the time that Type=notify-reload (systemd 253) asks for.
func (s *service) reloading() {
	s.say(sd.SdNotifyReloading + "\n" + strings.TrimSpace(sd.SdNotifyMonotonicUsec()))
}

// beat is called each time the loop comes round, and says so now and then. It
// must not be called from anywhere else: a daemon whose loop hangs is to be
// missed, however well its other parts are.
func (s *service) beat(now time.Time, status func() string) {
	if s.every > 0 && now.Sub(s.last) >= s.every {
		s.last = now
		s.say(sd.SdNotifyWatchdog + "\nSTATUS=" + status())
	}
}

func (s *service) say(state string) {
	if _, err := sd.SdNotify(false, state); err != nil && !s.mute {
		s.mute = true
		s.log.Error("systemd cannot be told how the daemon is", "error", err)
	}
}

// status is the daemon in a line.
func (d *Daemon) status() string {
	text := "mode " + d.mode() + ", " + words.Count(len(d.listed()), "user") + " blocked"
	if faults := len(d.failing); faults > 0 {
		text = fmt.Sprintf("%s, %s (see the journal)", text, words.Count(faults, "fault"))
	}
	return text
}
