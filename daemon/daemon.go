// Package daemon is what `sendwarden run` keeps while it runs. One loop takes the lines
// of the log along the path of package judge (daemon.go), and what verdicts ask for is
// done off it (deeds.go). Beside the loop stand those who wait for others, started and
// awaited in life.go:
//
//	the door     answers Postfix before it takes a message    door.go
//	the lodge    tells Dovecot who may log in                 authpolicy.go
//	the porter   holds queued mail and lets it go             porter.go
//	the clerk    keeps tables that Postfix has to be told of  clerk.go
//	the steward  shows people the daemon and does as they ask control*.go
//	the meter    counts for a monitoring system               measure.go
//
// What is remembered goes to the disk in one transaction with the place in the log
// that it was learnt from (keep.go), so that a crash loses nothing. What the daemon
// keeps there beside the scorer's memory stands in records.go; commands that work on
// a state while no daemon runs use it through there and through Offline.
package daemon

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/follow"
	"sendwarden/geo"
	"sendwarden/hook"
	"sendwarden/judge"
	"sendwarden/maillog"
	"sendwarden/policy"
	"sendwarden/queue"
	"sendwarden/review"
	"sendwarden/scoring"
	"sendwarden/settings"
	"sendwarden/shared"
)

// Daemon is what run keeps while it runs. One goroutine, that of loop, does its
// work; those of the door only ask for verdicts, in turn with it.
type Daemon struct {
	turn  turn // held on the way along the path; guards what follows, up to wake
	path  judge.Path
	rules *scoring.Rules
	deeds []func()      // what verdicts ask for, to be done off the path
	wake  chan struct{} // there are deeds that the loop does not know of

	steward *steward        // shows people the daemon, and does what they ask for
	gallery gallery         // who watches
	page    *review.Page    // where people review in a browser; nil: nowhere
	ledger  ledger          // what was done about who may send
	counts  counts          // guarded by turn
	raised  map[string]bool // users whose score is near a threshold; guarded by turn
	told    chronicle       // what became of messages
	started time.Time
	origin  string // of the rules
	file    rulesFile

	with     Options
	settings settings.Sections // as all was opened by
	opened   *scoring.Rules    // of which they were part
	latest   settings.Sections // as the rules file was read last
	waits    []string          // parts of it that differ and need a restart, as was said
	log      *slog.Logger
	now      func() time.Time
	host     string // this machine, for people who have several
	list     *blocklist.List
	desk     *alert.Desk         // tells people
	hooks    *hook.Runner        // runs programs
	door     *policy.Server      // where Postfix asks; nil: nowhere
	lodge    net.Listener        // where Dovecot asks; nil: nowhere
	porter   *porter             // holds queued mail and lets it go
	clerk    *clerk              // keeps tables that Postfix has to be told of; nil: there are none
	service  *service            // tells systemd
	meter    *meter              // tells a monitoring system
	known    atomic.Int64        // users in the state, when they were counted last
	kept     map[string][]string // what it holds, queue ids by folded user; guarded by turn

	logs    logs          // what is followed
	memory  memory        // what stays when the daemon ends
	sent    chan struct{} // a notice has gone, and the memory does not know it
	sharing *sharing      // with other hosts; nil: nothing is
	others  *shared.Config

	pending []blocklist.Entry          // blocks that could not be written yet
	untold  map[string]blocklist.Entry // by folded user: on the list since before a crash, and nobody has been told
	failing map[string]string          // the faults that were said, so that each is said once
	odd     map[string]bool            // doubtful names that were reported
}

// Options are what the command line says, and what was opened as it says. A
// blocklist is made with its table if there is none, in watch mode, too: without the
// table that main.cf names, Postfix would put off all mail.
type Options struct {
	Origin    string   // of the rules
	File      string   // where they are, or may be one day
	Overruled []string // parts of that file in whose place flags stand
	Watch     bool     // nobody is blocked, whatever the rules say

	List    *blocklist.List
	Path    string // of the list
	Behind  error  // why its table could not be built
	State   string // the file that is remembered in
	Places  *geo.DB
	Sources []string       // the logs
	Zone    *time.Location // of stamps that carry none
	Queue   Queue
	Control string // the socket where commands ask, if not that of the rules
	Review  string // the address of the review page, if not that of the rules
	Postfix string // its configuration directory, if not its default

	Now func() time.Time // the clock, for what the door is asked and for the year of stamps; nil: time.Now

	Host              string // this machine, for people who have several
	Version, Revision string
	Log               *slog.Logger
}

// Queue is the mail server's queue, as root works on it (queue.Local, queue.Exim) or
// others do (queue.Remote).
type Queue interface {
	Hold(ctx context.Context, user string, ids []string) (queue.Result, error)
	Release(ctx context.Context, user string, ids []string) (queue.Result, error)
}

// New makes a daemon of rules and what stands beside them in their file.
func New(rules *scoring.Rules, sections settings.Sections, with Options) *Daemon {
	d := &Daemon{
		with: with, log: with.Log, rules: rules, settings: sections, opened: rules, latest: sections, host: with.Host, list: with.List, now: with.Now,
		origin: with.Origin, file: rulesFile{path: with.File}, wake: make(chan struct{}, 1), started: time.Now(),
		counts: counts{fired: make(map[string]fired), logs: make(map[string]logCount)}, raised: make(map[string]bool), told: newChronicle(),
		kept: make(map[string][]string), odd: make(map[string]bool), failing: make(map[string]string), untold: make(map[string]blocklist.Entry),
		memory: newMemory(), sent: make(chan struct{}, 1), service: newService(with.Log),
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.logs = newLogs(with.Sources, with.Zone, d.now)
	d.path = judge.Path{Places: with.Places, Scorer: scoring.New(rules), Judged: d.judged, Released: d.released, Doubtful: d.doubtful}
	d.desk = alert.New(sections.Alerts, alert.Options{Host: d.host, Log: d.log, Now: time.Now, Sent: d.went})
	d.hooks = hook.New(sections.Hooks, hook.Options{Log: d.log, Now: time.Now, Tell: d.desk.Tell, Done: d.went})
	d.porter = newPorter(with.Queue, d.log, d.keep)
	return d
}

// holds tells whether doubtful mail is made to wait. Where Postfix's queue is out
// of reach it is not: nobody would let it go again.
func (d *Daemon) holds() bool {
	return d.door != nil && d.porter.able.Load() && d.mode() == "enforce"
}

// sayList says which blocklist is kept. A table that cannot be built is no reason to
// stop: the text is right, and building is tried again.
func (d *Daemon) sayList() {
	d.fault(behind, d.with.Behind)
	reader := "postfix reads"
	if d.list.ForExim() {
		reader = "exim reads"
	}
	d.log.Info("the blocklist is open", reader, d.list.Map(), "entries", len(d.list.Entries()))
}

func (d *Daemon) mode() string {
	if d.rules.Watch || d.with.Watch {
		return "watch"
	}
	return "enforce"
}

// loop is the daemon's life: lines go along the path, what is decided is done,
// and what is remembered is saved; once a second it looks after what other hands
// did to the blocklist and the rules.
func (d *Daemon) loop(lines <-chan follow.Batch) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	second := time.NewTicker(time.Second)
	defer second.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case batch, open := <-lines:
			if !open {
				d.perform()
				return nil
			}
			if err := d.take(batch); err != nil {
				return err
			}
		case <-d.wake:
		case now := <-second.C:
			d.letGoUntil(now)
			d.mended(unheard, d.logs.deaf(now), "the log is read again")
			d.reviewed(now)
			d.decided(now)
			d.together(now)
			d.revised(time.Now())
			d.clerk.list(d.list.Entries(), now)
			d.retry()
			d.recollect(now)
			d.save()
			d.measure(now)
			d.service.beat(now, d.status)
		case <-minute.C:
			d.reloadPlaces()
		case <-hangup:
			d.service.reloading()
			d.reload()
			d.service.ready(d.status())
		case <-d.sent:
			d.memory.due = true
		case err := <-d.memory.ended:
			d.written(err)
		}
		d.perform()
		if d.memory.due {
			d.save()
		}
	}
}

// take sends lines along the path.
func (d *Daemon) take(batch follow.Batch) error {
	for _, note := range batch.Notes {
		level := slog.LevelInfo
		if note.Lost {
			level = slog.LevelWarn
		}
		d.log.Log(context.Background(), level, note.Text, "log", batch.Source)
	}
	parser := d.logs.parser(batch.Source)
	var ev maillog.Event
	for _, line := range batch.Lines {
		d.sharing.line(batch.Source)
		if parser.Parse(line.Text, &ev) {
			d.turn.Lock()
			d.reading(batch.Source)
			d.path.Follow(&ev)
			d.reading("")
			d.turn.Unlock()
			d.meter.taken(&ev)
		}
	}
	d.logs.read[batch.Source] = batch
	if batch.Down != nil {
		d.logs.down(batch.Source, batch.Down, time.Now())
	}
	d.turn.Lock()
	d.agree()
	d.counts.lines(batch.Source, len(batch.Lines), time.Now(), ev.Time)
	d.turn.Unlock()
	d.meter.came(batch.Source)
	return batch.Err
}

func (d *Daemon) letGoUntil(now time.Time) {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.path.LetGo(now)
}
