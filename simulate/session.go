package simulate

import "time"

// action is what a client came to do.
type action uint8

const (
	submits  action = iota // hands in mail, logged in
	reads                  // logs in to Dovecot
	fails                  // gives a wrong password
	delivers               // another server brings mail for our users
	refused                // another server's or a spammer's mail that is not taken
)

// session is one connection to the server.
type session struct {
	at      time.Time
	does    action
	from    host
	user    string // the account; for fails, the name that the client claims
	method  string // SASL mechanism
	service string // of master.cf: submission, smtps; "" for port 25
	mails   []mail
	theft   *Theft // whose thief this is; nil for everybody else
}

// mail is one message of a session.
type mail struct {
	gap     time.Duration // after the one before, or after the login
	sender  string
	to      int     // recipients
	bounces float64 // chance of each to bounce
	size    int     // bytes
	inside  float64 // share of recipients on this server
}

// device is what someone sends with.
type device struct {
	on      access
	method  string
	service string
}

// submit makes the session in which a device hands in mail.
func (v device) submit(at time.Time, user string, mails ...mail) session {
	return session{at: at, does: submits, from: v.on.at(at), user: user, method: v.method, service: v.service, mails: mails}
}

// read makes the session in which a device fetches mail.
func (v device) read(at time.Time, user string) session {
	return session{at: at, does: reads, from: v.on.at(at), user: user, method: v.method}
}

// mistype makes a session with a wrong password.
func (v device) mistype(at time.Time, user string) session {
	return session{at: at, does: fails, from: v.on.at(at), user: user, method: v.method, service: v.service}
}
