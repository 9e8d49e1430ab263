package investigate

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/maillog"
	"sendwarden/queue"
)

// Kind says what sort of origin mail has.
type Kind string

const (
	// User is one who logged in.
	User Kind = "user"
	// Local is a local account that called sendmail(1).
	Local Kind = "local"
	// Host is a client that nobody logged in at.
	Host Kind = "host"
	// Bounces are the server's own notices.
	Bounces Kind = "bounces"
	// Unknown: neither queue nor log tell.
	Unknown Kind = "unknown"
)

// Bounds on what is kept of a queue, however full it is.
const (
	maxIDs   = 200_000 // of one origin
	maxNames = 10_000  // different senders, clients, reasons … of one origin
	maxPast  = 100_000 // senders in the log
)

// Table counts by name.
type Table map[string]int

func (t Table) add(name string, n int) {
	if _, known := t[name]; known || len(t) < maxNames {
		t[name] += n
	}
}

// Top are the most frequent names, at most n.
func (t Table) Top(n int) []string {
	names := slices.Collect(maps.Keys(t))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(t[b], t[a]), cmp.Compare(a, b)) })
	return names[:min(n, len(names))]
}

// Origin is all mail in the queue that came from one.
type Origin struct {
	Kind Kind
	Name string // "info@example.es", "33" or, of Exim, "www-data", "192.0.2.7"

	Messages, Recipients, Held int
	Bytes                      int64
	Oldest, Newest             time.Time
	Senders                    Table
	Clients                    map[netip.Addr]int
	Domains                    Table // recipients
	Delays                     Table // why they were not served yet
	Scripts                    Table
	Subjects                   Table
	IDs                        []string
	// Named are the ids in Exim's named queues, which its commands have to be told.
	Named map[string][]string

	Past Past // what the log says of it
	// Causes is why bounces were written, by what they answer.
	Causes Table
}

// sample is one of the messages, and its named queue.
func (o *Origin) sample() (id, queue string) {
	if len(o.IDs) > 0 {
		return o.IDs[0], ""
	}
	for _, queue := range slices.Sorted(maps.Keys(o.Named)) {
		return o.Named[queue][0], queue
	}
	return "", ""
}

// Some are at most n of its messages, in whichever queue.
func (o *Origin) Some(n int) []string {
	some := slices.Clone(o.IDs[:min(n, len(o.IDs))])
	for _, queue := range slices.Sorted(maps.Keys(o.Named)) {
		some = append(some, o.Named[queue][:min(n-len(some), len(o.Named[queue]))]...)
	}
	return some
}

// local is what the name of a local account begins with that has no number, as in
// the rules.
const local = "local:"

// Key names an origin in commands: "user:info@example.es", "uid:33" or
// "local:www-data", "bounces".
func (o *Origin) Key() string {
	switch o.Kind {
	case User, Host:
		return string(o.Kind) + ":" + o.Name
	case Local:
		if !isNumber(o.Name) {
			return local + o.Name
		}
		return "uid:" + o.Name
	}
	return string(o.Kind)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Past is what the log says that came from one.
type Past struct {
	Messages, Recipients, Bounced int
	From, To                      time.Time
	Clients                       map[netip.Addr]int
}

// Alias is an address that makes several recipients of one.
type Alias struct {
	Address              string
	Messages, Recipients int
}

// Inquiry collects what queue and log tell: first Wait for each message of the queue,
// with root's rights Add, too, then Hear for each event of the log.
type Inquiry struct {
	Messages, Recipients, Held int
	Aliases                    map[string]*Alias
	Delays                     Table // all of the queue, as it says itself

	server Server

	origins map[string]*Origin
	waiting map[string]queue.Waiting // messages whose origin is not known yet, by id
	past    map[string]*Past
	of      map[string]string // the log's messages → their key in past
	// Exim's queue does not say why a recipient waits; its log does.
	listed map[string]bool   // ids in the queue
	late   map[string]string // id and recipient → domain and reason
	made   map[string]int    // id and address → recipients that came of it
}

// New begins an inquiry into a server's queue.
func New(server Server) *Inquiry {
	return &Inquiry{
		server: server, listed: make(map[string]bool), late: make(map[string]string), made: make(map[string]int),
		Aliases: make(map[string]*Alias), Delays: make(Table), origins: make(map[string]*Origin),
		waiting: make(map[string]queue.Waiting), past: make(map[string]*Past), of: make(map[string]string),
	}
}

// Server is whose queue is looked into.
func (q *Inquiry) Server() Server { return q.server }

// Wait adds a message as the server lists it.
func (q *Inquiry) Wait(w queue.Waiting) {
	q.Messages++
	q.Recipients += len(w.Recipients)
	if w.Held() {
		q.Held++
	}
	for _, r := range w.Recipients {
		if r.Delay != "" {
			q.Delays.add(domain(r.Address)+": "+shape(r.Delay), 1)
		}
	}
	if len(q.waiting) < maxIDs {
		q.waiting[w.ID], q.listed[w.ID] = w, true
	}
}

// Add adds what a message's file tells of its origin.
func (q *Inquiry) Add(m queue.Item) {
	w, listed := q.waiting[m.ID]
	if !listed { // it came while we looked
		return
	}
	delete(q.waiting, m.ID)
	kind, name := Unknown, ""
	switch {
	case m.User != "":
		kind, name = User, m.User
	case m.Account != "":
		kind, name = Local, m.Account
	case m.UID != queue.NoUID:
		kind, name = Local, strconv.Itoa(m.UID)
	case m.Client.IsValid():
		kind, name = Host, m.Client.String()
	case m.Sender == "":
		kind = Bounces
	}
	o := q.origin(kind, name)
	o.add(w)
	if m.Client.IsValid() && len(o.Clients) < maxNames {
		o.Clients[m.Client]++
	}
	if m.Script != "" {
		o.Scripts.add(m.Script, 1)
	}
	if m.Subject != "" {
		o.Subjects.add(m.Subject, 1)
	}
	if m.Aliased > 1 {
		q.alias(m.Alias, m.Aliased)
	}
}

func (q *Inquiry) alias(address string, recipients int) {
	a := q.Aliases[address]
	if a == nil {
		if len(q.Aliases) >= maxNames {
			return
		}
		a = &Alias{Address: address}
		q.Aliases[address] = a
	}
	a.Messages++
	a.Recipients += recipients
}

func (q *Inquiry) origin(kind Kind, name string) *Origin {
	o := &Origin{Kind: kind, Name: name}
	known := q.origins[o.Key()]
	if known != nil {
		return known
	}
	if len(q.origins) >= maxNames {
		o.Kind, o.Name = Unknown, ""
		if known := q.origins[o.Key()]; known != nil {
			return known
		}
	}
	o.Senders, o.Domains, o.Delays, o.Scripts, o.Subjects, o.Causes = Table{}, Table{}, Table{}, Table{}, Table{}, Table{}
	o.Clients, o.Named = make(map[netip.Addr]int), make(map[string][]string)
	o.IDs = []string{}
	q.origins[o.Key()] = o
	return o
}

func (o *Origin) add(w queue.Waiting) {
	o.Messages++
	o.Recipients += len(w.Recipients)
	o.Bytes += w.Size
	if w.Held() {
		o.Held++
	}
	if at := w.Arrived.Time; o.Oldest.IsZero() || at.Before(o.Oldest) {
		o.Oldest = at
	}
	if at := w.Arrived.Time; at.After(o.Newest) {
		o.Newest = at
	}
	if w.Sender != "MAILER-DAEMON" { // how showq(8) writes <>
		o.Senders.add(w.Sender, 1)
	}
	for _, r := range w.Recipients {
		o.Domains.add(domain(r.Address), 1)
		if r.Delay != "" {
			o.Delays.add(shape(r.Delay), 1)
		}
	}
	switch {
	case o.Messages > maxIDs:
	case w.Named != "":
		o.Named[w.Named] = append(o.Named[w.Named], w.ID)
	default:
		o.IDs = append(o.IDs, w.ID)
	}
}

// Hear takes an event of the log.
func (q *Inquiry) Hear(ev *maillog.Event) {
	switch ev.Type {
	case maillog.Submission:
		q.came(ev, User, ev.User)
	case maillog.Local:
		switch {
		case ev.UID != maillog.NoUID:
			q.came(ev, Local, strconv.Itoa(ev.UID))
		case ev.Source == maillog.Exim && ev.User != "" && ev.From != "": // its own notices have no sender
			q.came(ev, Local, ev.User)
		}
	case maillog.Queued:
		if ev.Source == maillog.Exim && ev.Addr.IsValid() {
			q.came(ev, Host, ev.Addr.String())
			return
		}
		if p := q.past[q.of[ev.QueueID]]; p != nil {
			p.Recipients += ev.Recipients
		}
	case maillog.Delivery:
		if p := q.past[q.of[ev.QueueID]]; p != nil && ev.Status == "bounced" {
			p.Bounced++
		}
		q.putOff(ev)
	case maillog.Removed:
		delete(q.of, ev.QueueID)
	}
}

// putOff notes why a recipient waits, from Exim's log: the last attempt counts.
func (q *Inquiry) putOff(ev *maillog.Event) {
	if ev.Source != maillog.Exim || !q.listed[ev.QueueID] {
		return
	}
	key := ev.QueueID + " " + ev.To
	_, known := q.late[key]
	waits := ev.Status == "deferred"
	if waits && !known && len(q.late) >= maxIDs {
		return
	}
	if !known {
		q.multiplies(ev)
	}
	if waits {
		q.late[key] = domain(ev.To) + ": " + shape(ev.Reason)
		return
	}
	delete(q.late, key) // it went
}

// multiplies notes a recipient that was made of another, which Exim does anew at each
// attempt and writes nowhere but in its log.
func (q *Inquiry) multiplies(ev *maillog.Event) {
	if ev.OrigTo == "" {
		return
	}
	key := ev.QueueID + " " + strings.ToLower(ev.OrigTo)
	if n, known := q.made[key]; known || len(q.made) < maxIDs {
		q.made[key] = n + 1
	}
}

// allDelays are those that the queue tells, and the log.
func (q *Inquiry) allDelays() Table {
	all := maps.Clone(q.Delays)
	for _, reason := range q.late {
		all.add(reason, 1)
	}
	return all
}

// came notes that a message came in.
func (q *Inquiry) came(ev *maillog.Event, kind Kind, name string) {
	o := Origin{Kind: kind, Name: name}
	key := o.Key()
	p := q.past[key]
	if p == nil {
		if len(q.past) >= maxPast {
			return
		}
		p = &Past{From: ev.Time, Clients: make(map[netip.Addr]int)}
		q.past[key] = p
	}
	p.Messages++
	p.To = ev.Time
	if ev.Source == maillog.Exim { // Postfix says it later
		p.Recipients += ev.Recipients
	}
	if ev.Addr.IsValid() && len(p.Clients) < maxNames {
		p.Clients[ev.Addr]++
	}
	if len(q.of) < maxIDs {
		q.of[ev.QueueID] = key
	}
	// Where the files may not be read, the log says whose the message is.
	if w, unknown := q.waiting[ev.QueueID]; unknown && !ev.Time.Before(w.Arrived.Add(-time.Minute)) {
		delete(q.waiting, ev.QueueID)
		o := q.origin(kind, name)
		o.add(w)
		if ev.Addr.IsValid() && len(o.Clients) < maxNames {
			o.Clients[ev.Addr]++
		}
	}
}

// Origins are those of the mail in the queue, the fullest first.
func (q *Inquiry) Origins() []*Origin {
	for id, w := range q.waiting {
		kind := Unknown
		if w.Sender == "MAILER-DAEMON" {
			kind = Bounces
		}
		q.origin(kind, "").add(w)
		delete(q.waiting, id)
	}
	origins := slices.Collect(maps.Values(q.origins))
	slices.SortFunc(origins, func(a, b *Origin) int {
		return cmp.Or(cmp.Compare(b.Recipients, a.Recipients), cmp.Compare(a.Key(), b.Key()))
	})
	for _, o := range origins {
		slices.Sort(o.IDs)
		for _, ids := range o.Named {
			slices.Sort(ids)
		}
		if p := q.past[o.Key()]; p != nil {
			o.Past = *p
		}
	}
	return origins
}

// domain is what follows the last @.
func domain(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// shape is a reason without what differs from one message to the next: queue ids
// and addresses, that is, words with a digit or an @ in them.
func shape(reason string) string {
	words := strings.Fields(reason)
	for i, w := range words {
		if len(w) > 5 && strings.ContainsAny(w, "0123456789@") {
			words[i] = "…"
		}
	}
	words = slices.Compact(words)
	text := strings.Join(words[:min(len(words), 24)], " ")
	return text
}
