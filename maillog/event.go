package maillog

import (
	"net/netip"
	"time"
)

// Type says what a line reports.
type Type uint8

const (
	_ Type = iota
	// Submission: an authenticated client begins to hand in one message
	// (smtpd's client= line). It tells where the user is, not that anything
	// was sent.
	Submission
	// Login: Dovecot let a user in to read mail.
	Login
	// AuthFailure: a login that failed. Its user name is the client's claim
	// and names nobody to act on.
	AuthFailure
	// Queued: qmgr took a message over ("queue active"): who it is from, how
	// large, to how many recipients. Postfix repeats the line at every retry.
	Queued
	// Delivery: what became of one recipient of a message.
	Delivery
	// Reject: smtpd or cleanup refused, held or changed something.
	Reject
	// Removed: the message left the queue.
	Removed
	// Local: a message handed in by a local account (pickup).
	Local
)

// Source says whose line it was.
type Source uint8

const (
	_ Source = iota
	Postfix
	Dovecot
)

// Event is what one log line means. Which fields are set depends on Type; the
// comments name the types. Text in it comes from the log: it may hold anything
// printable, and must be masked (see Mask) before a person sees it.
type Event struct {
	Type   Type
	Source Source
	Time   time.Time
	Host   string // the log's host name; "" where the framing has none

	// Instance is Postfix's syslog_name ("postfix", "postfix/submission",
	// "postfix-out"). Queue ids are unique only within a queue, that is, within
	// the first path component of it; see QueueKey.
	Instance string
	// Service is what the client talked to: "submission" of
	// postfix/submission/smtpd, "smtpd" when syslog_name names none, or
	// Dovecot's "imap-login".
	Service string
	QueueID string // "" for NOQUEUE

	User       string     // Submission, Login, AuthFailure; SASL or Dovecot name, verbatim
	Addr       netip.Addr // client address, unmapped; invalid when the log says unknown
	Port       uint16     // client port when logged
	ClientName string     // verified reverse name; "" when the log says unknown
	Method     string     // SASL mechanism in the client's spelling
	SASLSender string     // MAIL FROM's AUTH=: the client's claim, never an identity
	OrigID     string     // orig_queue_id: the message's id before a content filter
	OrigClient string     // orig_client, by XFORWARD

	From       string // Queued, Local, Reject: envelope sender
	Size       int64  // Queued: bytes
	Recipients int    // Queued: nrcpt
	To         string // Delivery, Reject: recipient
	Relay      string // Delivery
	DSN        string // Delivery: 2.0.0
	Status     string // Delivery: sent, bounced, deferred, expired …
	UID        int    // Local: uid of the account that ran sendmail(1)

	Action string // Reject: reject, hold, milter-reject …
	Stage  string // Reject: CONNECT, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE …
	Reason string // AuthFailure, Reject, Delivery: the text given, unparsed

	// Repeat is how many times the syslog daemon folded this event into one
	// line ("message repeated 3 times"); 1 otherwise.
	Repeat int
}
