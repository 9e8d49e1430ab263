// Package maillog reads what Postfix, Dovecot, Exim and PHP write to the mail log,
// one line at a time, into events.
//
// The line that matters most is smtpd's about a message that a logged-in client
// begins to hand in:
//
//	Nov 20 20:24:07 mail postfix/submission/smtpd[18397]: A672A9BAA49: client=host77.example.net[203.0.113.77], sasl_method=PLAIN, sasl_username=ana@example.es
//
// A logger wrote the front of it (time, host, tag), in one of a dozen framings;
// the tag names the instance ("postfix/submission") and the program ("smtpd");
// the text begins with the message's queue id, by which the lines of other
// programs about the same message are known.
//
// Most of a mail log is words of strangers: HELO names, senders, recipients,
// message ids, replies of remote servers, even MAIL FROM's AUTH=, which a client
// that never logged in may word as "x, sasl_method=PLAIN, sasl_username=victim".
// So nothing is searched for in a line. It is cut from the left, as far as the
// program's own words go (or from the right, where its words end the line), and a
// user is taken from the one place where only the server writes one. A failed
// login's name is the client's claim; see Event.
//
// Glance tells the few lines that make events from the many that do not, and may
// run in parallel; a Parser then reads those few in order.
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
	// (smtpd's client= line, Exim's "<=" with A=). It tells where the user
	// is, not that anything was sent.
	Submission
	// Login: Dovecot let a user in to read mail.
	Login
	// AuthFailure: a login that failed. Its user name is the client's claim
	// and names nobody to act on.
	AuthFailure
	// Queued: qmgr took a message over ("queue active"): who it is from, how
	// large, to how many recipients. Postfix repeats the line at every retry.
	// Exim's "<=" is one when no user of this host handed the message in.
	Queued
	// Delivery: what became of one recipient of a message.
	Delivery
	// Reject: smtpd or cleanup refused, held or changed something.
	Reject
	// Removed: the message left the queue.
	Removed
	// Local: a message handed in by a local account (pickup; Exim's "<="
	// with P=local). The account is the kernel's word, the sender is not.
	Local
	// Script: a PHP script called mail(), by mail.log or the wrapper
	// sendmail-php. The site's own account writes these lines: they are
	// evidence, not proof.
	Script
	// Accepted: a client where nobody logged in begins to hand in one message. Only
	// for who asks for it (Options.Clients): on a server that takes mail from the
	// world it is one message in two.
	Accepted
)

// Source says whose line it was.
type Source uint8

const (
	_ Source = iota
	Postfix
	Dovecot
	Exim
	PHP
)

// NoUID stands for a user id that the log does not tell.
const NoUID = -1

// Event is what one log line means. Which fields are set depends on Type; the
// comments name the types. Text in it comes from the log: it may hold anything
// printable, and must be masked (see Mask) before a person sees it.
type Event struct {
	Type   Type
	Source Source
	Time   time.Time // zero only for a Script of PHP before 5.4, which logged none
	Host   string    // the log's host name; "" where the framing has none

	// Instance is Postfix's syslog_name ("postfix", "postfix/submission",
	// "postfix-out"). Queue ids are unique only within a queue, that is, within
	// the first path component of it; see QueueKey.
	Instance string
	// Service is what the client talked to: "submission" of
	// postfix/submission/smtpd, "smtpd" when syslog_name names none, or
	// Dovecot's "imap-login".
	Service string
	QueueID string // "" for NOQUEUE

	// User, verbatim. Submission, Login, AuthFailure: the SASL, Dovecot or Exim
	// (A=authenticator:user) name. Local by Exim, Script by the wrapper: the
	// account's login name.
	User       string
	Addr       netip.Addr // client address, unmapped; invalid when the log says unknown
	Port       uint16     // client port when logged
	ClientName string     // verified reverse name; "" when the log says unknown
	Method     string     // SASL mechanism in the client's spelling; Exim's authenticator
	SASLSender string     // MAIL FROM's AUTH=: the client's claim, never an identity
	OrigID     string     // orig_queue_id: the message's id before a content filter
	OrigClient string     // orig_client, by XFORWARD

	// Exim says in one line what Postfix says in two or three: its Submission
	// and Local have these, too, and their client is known of its Queued.
	From       string // Queued, Local, Reject: envelope sender
	Size       int64  // Queued: bytes
	Recipients int    // Queued: nrcpt; Exim: 0 without the log selector +received_recipients
	MessageID  string // Exim: id=, without <>; of Postfix's messages see MessageID
	To         string // Delivery, Reject: recipient; Script: PHP's To, as the script gave it
	OrigTo     string // Delivery: the address that was written to, where another was made of it
	Relay      string // Delivery
	DSN        string // Delivery: 2.0.0
	Status     string // Delivery: sent, bounced, deferred, expired …
	UID        int    // Local, Script: uid of the account that ran sendmail(1), or NoUID

	Script string // Script: the PHP file, without "(3) : eval()'d code"
	Line   int    // Script: the line in it
	URL    string // Script by the wrapper: host and path that were asked for, the client's words

	Action string // Reject: reject, hold, milter-reject …; defer for Exim's "temporarily rejected"
	Stage  string // Reject: CONNECT, HELO, MAIL, RCPT, DATA, END-OF-MESSAGE …
	Reason string // AuthFailure, Reject, Delivery: the text given, unparsed

	// Repeat is how many times the syslog daemon folded this event into one
	// line ("message repeated 3 times"); 1 otherwise.
	Repeat int
}
