package alert

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"
)

// mailWay tells a group of people by mail.
func mailWay(c Config, m Mail, host string) *way {
	hand := handIn(c, m.SMTP, host)
	return &way{
		name:  "mail to " + strings.Join(m.To, ", "),
		limit: mailTime,
		send: func(ctx context.Context, d *digest) error {
			mail := message{c.From, m.To, "[Sendwarden] " + d.subject(), d.text(), d.time, d.identity()}
			return hand(ctx, c.From, m.To, mail.bytes())
		},
	}
}

// handIn is how mail leaves: by the server of a group, the one of all, or the
// program.
func handIn(c Config, server, host string) transport {
	switch {
	case server != "":
		return smarthost(server, hello(host), c.TLS == "verify")
	case c.SMTP != "":
		return smarthost(c.SMTP, hello(host), c.TLS == "verify")
	case c.Sendmail != "":
		return sendmail(c.Sendmail)
	}
	return sendmail(sendmailAt)
}

// hello is the name to greet with: a host's, or "localhost".
func hello(host string) string {
	if host == "" || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) || net.ParseIP(host) != nil {
		return "localhost"
	}
	return host
}

const (
	// userPerHour bounds the mails to users, so that a mistake in the rules does
	// not become a mailing. Who waits is told later.
	userPerHour = 60
	// userAgain is how long a user who was written to is not written to again.
	userAgain = 24 * time.Hour
	// userLate is when a block is no news to its user any more.
	userLate = 24 * time.Hour

	userSubject = "Sending is suspended for {user}"
	userText    = `Somebody seems to use the password of {user} who should not know it.
Since {time} no mail can be sent with it. You still receive mail.

Please change your password, and then call your administrator, who lets
you send again. Do not answer this mail; nobody needs your password.
`
)

// userWay tells a blocked user, at the address that they logged in with. The
// thief may read it, too: it says nothing of how the theft was seen.
func userWay(c Config, host string, warned map[string]time.Time) *way {
	hand := handIn(c, "", host)
	u := c.UserMail
	if u.Subject == "" {
		u.Subject = userSubject
	}
	if u.Text == "" {
		u.Text = userText
	}
	return &way{
		name:  "mail to the user",
		limit: mailTime,
		tray:  tray{on: []Kind{Block}, perHour: userPerHour, single: true},
		admits: func(n *Notice, now time.Time) bool {
			for user, at := range warned {
				if now.Sub(at) >= userAgain {
					delete(warned, user)
				}
			}
			_, before := warned[n.User]
			if n.Kind != Block || before || now.Sub(n.Time) > userLate || !u.reaches(n.User) {
				return false
			}
			warned[n.User] = now
			return true
		},
		send: func(ctx context.Context, d *digest) error {
			n := d.notices[0]
			fill := strings.NewReplacer("{user}", n.User, "{time}", n.Time.Format(stampLayout), "{host}", n.Host)
			mail := message{c.From, []string{n.User}, fill.Replace(u.Subject), fill.Replace(u.Text), d.time, "user " + n.ID()}
			return hand(ctx, c.From, []string{n.User}, mail.bytes())
		},
	}
}

// reaches reports whether a log-in name is an address that mail may go to: one
// of our own domains, without anything that a mail server would read twice.
func (u *UserMail) reaches(user string) bool {
	local, domain, found := strings.Cut(user, "@")
	return found && checkAddress(user) == nil && !strings.ContainsAny(local, `"%!|`) && local[0] != '-' &&
		slices.ContainsFunc(u.Domains, func(d string) bool { return strings.EqualFold(d, domain) })
}
