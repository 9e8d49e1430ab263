// Package tally counts what a mail log says: how many lines each program wrote,
// and how many messages came in, went out, bounced, waited or were refused, by
// hour, sender, country and so on.
//
// A message is counted where a program takes it in (smtpd's "client=", pickup's
// "uid=", Exim's "<="), and once for each recipient that something became of:
//
//	mail postfix/smtpd[181]: 4F1C2A3B4D: client=mx.example.com[192.0.2.9]                 accepted
//	mail postfix/smtp[402]: 4F1C2A3B4D: to=<leo@example.com>, …, status=sent (250 Ok)     sent
//
// Most of that needs no order, so that a log is counted in blocks by several
// processors: each block by Block, into one of several Counts that are added
// up at the end. What does need the log's order (the same message is put off
// many times, and Postfix repeats its sender at each retry) a block only notes, for
// Order to count.
package tally

import (
	"maps"
	"net/netip"
	"time"

	"sendwarden/geo"
	"sendwarden/maillog"
)

// Outcome is what is counted by hour.
type Outcome uint8

const (
	// Accepted: a message was taken in.
	Accepted Outcome = iota
	// Sent: delivered to a recipient.
	Sent
	// Forwarded: replaced by a message to another address (local's .forward and
	// aliases). Postfix calls it sent.
	Forwarded
	// Bounced: given up for a recipient.
	Bounced
	// Deferred: an attempt for a recipient was put off.
	Deferred
	// Rejected: refused at the door, or after its text was seen.
	Rejected
	// Held: put aside until somebody looks.
	Held
	// Failed: a log-in with a wrong name or password.
	Failed
	// Outcomes is how many there are.
	Outcomes
)

// maxNames bounds each table. What comes after so many different names is
// counted as Others: a flood of invented senders must not take the memory.
const maxNames = 1 << 18

// Others stands for all names beyond those that are kept.
const Others = "(others)"

// Table counts by name.
type Table map[string]int

func (t Table) add(name string, n int) {
	if _, known := t[name]; !known && len(t) >= maxNames {
		name = Others
	}
	t[name] += n
}

// Counts is what was counted.
type Counts struct {
	Lines    int
	Programs Table // lines by program: "postfix/smtpd", "dovecot", "exim"

	Total      [Outcomes]int
	Hours      [24][Outcomes]int // by the log's own clock
	Reinjected int               // of Accepted: came back from a content filter
	Waiting    int               // messages that were deferred at least once
	Bytes      int64             // of accepted messages, once each

	Users     Table // accepted from authenticated users
	Accounts  Table // accepted from local accounts: "uid 33", "www-data"
	Scripts   Table // calls of PHP's mail()
	Senders   Table // accepted messages by envelope sender
	Countries Table // accepted from clients on the net, by country or kind of address
	Domains   Table // sent, by the recipient's domain

	From, To time.Time // of the first and last line
	Unframed int       // lines in no known shape
	Odd      int       // lines that look like an event and do not read as one
	Samples  []string  // the first few of both, fit to be shown

	countries map[netip.Addr]string
	parser    *maillog.Parser // which knows the names of many blocks
}

// NewCounts makes empty counts.
func NewCounts() *Counts {
	return &Counts{
		Programs: Table{}, Users: Table{}, Accounts: Table{}, Scripts: Table{}, Senders: Table{}, Countries: Table{}, Domains: Table{},
		countries: make(map[netip.Addr]string),
	}
}

// maxSamples bounds how many lines are kept for a person to see.
const maxSamples = 5

// Add adds what another has counted.
func (c *Counts) Add(o *Counts) {
	c.Lines += o.Lines
	for i, n := range o.Total {
		c.Total[i] += n
	}
	for hour := range o.Hours {
		for i, n := range o.Hours[hour] {
			c.Hours[hour][i] += n
		}
	}
	c.Reinjected += o.Reinjected
	c.Waiting += o.Waiting
	c.Bytes += o.Bytes
	for _, t := range [...][2]Table{
		{c.Programs, o.Programs}, {c.Users, o.Users}, {c.Accounts, o.Accounts}, {c.Scripts, o.Scripts},
		{c.Senders, o.Senders}, {c.Countries, o.Countries}, {c.Domains, o.Domains},
	} {
		for name, n := range t[1] {
			t[0].add(name, n)
		}
	}
	c.seen(o.From)
	c.seen(o.To)
	c.Unframed += o.Unframed
	c.Odd += o.Odd
	for _, s := range o.Samples {
		c.sample(s)
	}
}

// Equal reports whether two have counted the same.
func (c *Counts) Equal(o *Counts) bool {
	return c.Lines == o.Lines && c.Total == o.Total && c.Hours == o.Hours && c.Waiting == o.Waiting && c.Bytes == o.Bytes &&
		maps.Equal(c.Programs, o.Programs) && maps.Equal(c.Users, o.Users) && maps.Equal(c.Senders, o.Senders) &&
		maps.Equal(c.Domains, o.Domains) && maps.Equal(c.Countries, o.Countries)
}

func (c *Counts) seen(t time.Time) {
	switch {
	case t.IsZero():
	case c.From.IsZero():
		c.From, c.To = t, t
	case t.Before(c.From):
		c.From = t
	case t.After(c.To):
		c.To = t
	}
}

func (c *Counts) sample(s string) {
	if len(c.Samples) < maxSamples {
		c.Samples = append(c.Samples, s)
	}
}

// happened counts an outcome; an hour of -1 is not known.
func (c *Counts) happened(o Outcome, hour, n int) {
	c.Total[o] += n
	if hour >= 0 {
		c.Hours[hour][o] += n
	}
}

// country finds where an address is, and remembers it: a country's code, or what
// kind of address it is that has none.
func (c *Counts) country(places *geo.DB, addr netip.Addr) string {
	country, known := c.countries[addr]
	if !known {
		p := places.Place(addr)
		if country = p.Country; country == "" {
			country = p.Kind.String()
		}
		if len(c.countries) >= maxNames {
			clear(c.countries)
		}
		c.countries[addr] = country
	}
	return country
}
