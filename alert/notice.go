package alert

import (
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// Kind is what a notice is about.
type Kind string

const (
	// Hold: a message waits because it is doubtful.
	Hold Kind = "hold"
	// Block: a user may not send any more.
	Block Kind = "block"
	// Release: a user may send again.
	Release Kind = "release"
	// Brake: a user would have been blocked, but too many were within the hour.
	Brake Kind = "brake"
	// Fault: something that has to work does not, such as writing the blocklist.
	Fault Kind = "fault"
	// Queue: mail of a blocked user that waited in the queue already was held.
	Queue Kind = "queue"
	// Alarm: a local account, script or host, whom no blocklist of log-in names
	// stops, sends what the rules say is too much.
	Alarm Kind = "alarm"
)

// Kinds are all kinds, the most urgent first.
func Kinds() []Kind { return []Kind{Brake, Fault, Block, Alarm, Queue, Hold, Release} }

// urgency sorts the kinds as Kinds does.
func (k Kind) urgency() int {
	for i, one := range Kinds() {
		if k == one {
			return i
		}
	}
	return len(Kinds())
}

// calm kinds happen daily to honest people. They start no mail of their own.
func (k Kind) calm() bool { return k == Hold || k == Release }

// Notice is one thing that people are told.
type Notice struct {
	Kind Kind      `json:"type"`
	Time time.Time `json:"time"`
	Host string    `json:"host,omitempty"` // the mail server
	User string    `json:"user,omitempty"` // as Postfix has it: a stranger may have chosen it

	Score   float64  `json:"score,omitempty"`
	Limit   float64  `json:"limit,omitempty"` // where a block begins for this user
	Reasons []Reason `json:"reasons,omitempty"`
	Usual   string   `json:"usual,omitempty"` // where the user is at home: "ES, AS3352 Telefonica, since 2025-11"

	// Sent was let through since the first reason, Held waits in the queue.
	Sent Volume `json:"sent,omitzero"`
	Held Volume `json:"held,omitzero"`

	// Addresses are those among the reasons where the user had never been. Programs
	// may act on them; others may be behind the same address, as with a carrier's
	// NAT.
	Addresses []netip.Addr `json:"addresses,omitempty"`

	// Detail is what there is to say beside: a fault's words, who released.
	Detail string `json:"detail,omitempty"`
}

// Reason is why points were added to a user's score.
type Reason struct {
	Time    time.Time  `json:"time"`
	Rule    string     `json:"rule"`
	Points  float64    `json:"points"`
	Addr    netip.Addr `json:"ip,omitzero"`
	Country string     `json:"country,omitempty"`
	ASN     uint32     `json:"asn,omitempty"`
	Org     string     `json:"org,omitempty"`
}

// Volume is an amount of mail.
type Volume struct {
	Messages   int `json:"messages"`
	Recipients int `json:"recipients"`
}

// ID names the notice: the same thing told again, after a crash, has the same
// ID and is sent once.
func (n *Notice) ID() string {
	return string(n.Kind) + " " + n.Time.UTC().Format(time.RFC3339Nano) + " " + n.User
}

// UserOf is whom a notice with that ID is about; "" of one that is about nobody.
func UserOf(id string) string {
	_, rest, _ := strings.Cut(id, " ") // the kind
	_, user, _ := strings.Cut(rest, " ")
	return user
}

// fields is Notice without its methods.
type fields Notice

// MarshalJSON writes the object that webhooks and hook programs get, which is
// stable: fields are added to it, none is changed. User is exact; text and
// command are fit to be shown.
func (n Notice) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID string `json:"id"`
		fields
		Command string `json:"command,omitempty"`
		Text    string `json:"text"`
	}{n.ID(), fields(n), n.Command(), n.Headline()})
}

// LogValue is the notice as a line of the log.
func (n Notice) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("type", string(n.Kind)), slog.String("says", n.Headline()), slog.Time("at", n.Time)}
	if n.User != "" {
		attrs = append(attrs, slog.String("user", Clean(n.User, maxName)))
	}
	if why := n.why(); why != "" {
		attrs = append(attrs, slog.String("why", why))
	}
	if command := n.Command(); command != "" {
		attrs = append(attrs, slog.String("command", command))
	}
	return slog.GroupValue(attrs...)
}
