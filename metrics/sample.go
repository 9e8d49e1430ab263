package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sample is what the daemon's loop finds once a second. Totals only grow.
type Sample struct {
	Time time.Time

	Lines, TooLong uint64               // of all logs
	Events         map[string]uint64    // by type
	Odd            map[string]uint64    // lines not understood, by the program that wrote them
	Read           map[string]time.Time // by log: when lines last came

	Enforcing bool
	Blocked   int  // users on the blocklist
	Known     int  // users in the state, when they were counted last
	Waiting   int  // users with messages that wait for their score to fade
	Held      int  // messages of blocked users that we put on hold
	Errands   int  // left to do in Postfix's queue
	Reachable bool // that queue
	Faults    int  // that the log has named and that go on

	StateBytes, StateFree int64
	Databases             map[string]time.Time // by file: when it was built

	AlertsSent, AlertsFailed uint64
	Door                     *Door   // nil: Postfix does not ask
	Shared                   *Shared // nil: the state is this host's alone

	Problems []string // why somebody has to come
}

// Door counts at the door.
type Door struct {
	Connections                       int64
	Requests, Surplus, Broken, Faults uint64
}

// Shared counts what goes between this host and the engine in which several remember.
type Shared struct {
	Reachable            bool
	Exchanges, Conflicts uint64            // records put, and those of which another host had made a newer one
	Failures             map[string]uint64 // by kind
	Behind, Untold       int               // users of whom the others do not know all, and how much that is
	Dropped              uint64            // what they never will know
	Heeded               map[string]uint64 // what other hosts decided and this one did, by act
}

// Sample takes what was found.
func (s *Set) Sample(now *Sample) { s.sample.Store(now) }

// sampled shows the last sample to Prometheus.
type sampled struct{ set *Set }

// kinds of values.
const (
	total = prometheus.CounterValue
	level = prometheus.GaugeValue
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sendwarden_"+name, help, labels, nil)
}

// Describe says nothing: the samples say what they are.
func (sampled) Describe(chan<- *prometheus.Desc) {}

// Collect hands out the last sample; before the first there is nothing to say.
func (c sampled) Collect(out chan<- prometheus.Metric) {
	s := c.set.sample.Load()
	if s == nil {
		return
	}
	put := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		for i := range labels { // the path of a log may be any bytes, and those of a label may not
			labels[i] = strings.ToValidUTF8(labels[i], "?")
		}
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	put(desc("loop_timestamp_seconds", "When the daemon's loop last came round."), level, stamp(s.Time))
	s.log(put)
	s.work(put)
	if d := s.Door; d != nil {
		put(desc("door_connections", "Connections of Postfix that are open."), level, float64(d.Connections))
		put(desc("door_requests_total", "Questions of Postfix that were answered."), total, float64(d.Requests))
		closed := desc("door_closed_total", "Connections that were cut off, by reason: too many at once, broken requests.", "reason")
		put(closed, total, float64(d.Surplus), "surplus")
		put(closed, total, float64(d.Broken), "broken")
		put(desc("door_faults_total", "Questions that were answered DUNNO for a fault of ours."), total, float64(d.Faults))
	}
	if s.Shared != nil {
		s.Shared.collect(put)
	}
}

func (s *Shared) collect(put putter) {
	put(desc("shared_reachable", "1 when the engine of the shared state answers in time, 0 when this host goes on by what it knows."), level, truth(s.Reachable))
	put(desc("shared_exchanges_total", "Records that were to be put into the engine."), total, float64(s.Exchanges))
	put(desc("shared_conflicts_total", "Those of which another host had made a newer one; they were made anew of that and tried again."), total, float64(s.Conflicts))
	failures := desc("shared_failures_total", "Times that the engine did not do what it was asked for, or not in time, by kind.", "kind")
	for kind, n := range s.Failures {
		put(failures, total, float64(n), kind)
	}
	put(desc("shared_behind_users", "Users of whom other hosts do not know all that this one does."), level, float64(s.Behind))
	put(desc("shared_untold", "What they are still to be told."), level, float64(s.Untold))
	put(desc("shared_dropped_total", "What they never will be told, as there was no room to keep it."), total, float64(s.Dropped))
	heeded := desc("shared_heeded_total", "Blocks and releases that other hosts decided and this one did.", "act")
	for act, n := range s.Heeded {
		put(heeded, total, float64(n), act)
	}
}

type putter func(*prometheus.Desc, prometheus.ValueType, float64, ...string)

func (s *Sample) log(put putter) {
	put(desc("log_lines_total", "Lines read from logs."), total, float64(s.Lines))
	put(desc("log_lines_too_long_total", "Lines that were passed over for their length."), total, float64(s.TooLong))
	events := desc("events_total", "What lines meant, by type of event.", "type")
	for kind, n := range s.Events {
		put(events, total, float64(n), kind)
	}
	odd := desc("not_understood_total", "Lines that look like an event and do not read as one, by the program that wrote them.", "source")
	for source, n := range s.Odd {
		put(odd, total, float64(n), source)
	}
	read := desc("log_read_timestamp_seconds", "When lines last came from a log.", "log")
	for log, at := range s.Read {
		put(read, level, stamp(at), log)
	}
}

func (s *Sample) work(put putter) {
	put(desc("enforcing", "1 when users are blocked, 0 in watch mode."), level, truth(s.Enforcing))
	put(desc("blocked_users", "Users on the blocklist."), level, float64(s.Blocked))
	put(desc("known_users", "Users who are remembered, counted once a day."), level, float64(s.Known))
	put(desc("waiting_users", "Users with messages that wait for their score to fade."), level, float64(s.Waiting))
	put(desc("queue_held_messages", "Messages of blocked users that were put on hold."), level, float64(s.Held))
	put(desc("queue_errands", "What is left to do in Postfix's queue."), level, float64(s.Errands))
	put(desc("queue_reachable", "1 when Postfix's queue can be reached, 0 when nothing can be held."), level, truth(s.Reachable))
	put(desc("faults", "Faults that go on; the daemon's log names them."), level, float64(s.Faults))
	put(desc("unhealthy", "1 when /healthz says so."), level, truth(len(s.Problems) > 0))
	put(desc("state_bytes", "Size of the state's file."), level, float64(s.StateBytes))
	put(desc("state_free_bytes", "What of it is free for more."), level, float64(s.StateFree))
	built := desc("geo_built_timestamp_seconds", "When a geolocation database was built.", "file")
	for file, at := range s.Databases {
		put(built, level, stamp(at), file)
	}
	alerts := desc("alerts_total", "Messages to people, by outcome. What failed is tried again.", "outcome")
	put(alerts, total, float64(s.AlertsSent), "sent")
	put(alerts, total, float64(s.AlertsFailed), "failed")
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func stamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
