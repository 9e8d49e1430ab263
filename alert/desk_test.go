package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// outside is a way out in memory.
type outside struct {
	mu    sync.Mutex
	err   error
	takes time.Duration
	got   []string // subjects, with their times
	began time.Time
}

func (o *outside) send(ctx context.Context, d *digest) error {
	select {
	case <-time.After(o.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil || errors.As(o.err, new(*refusedError)) {
		o.got = append(o.got, time.Since(o.began).String()+" "+d.subject())
	}
	return o.err
}

func (o *outside) subjects() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.got
}

// newDesk is a desk with one way to each of the outsides, and its log.
func newDesk(outs ...*outside) (*Desk, *journal) {
	log := &journal{}
	d := New(Config{}, Options{Host: "mail.example.es", Log: log.logger(), Now: time.Now})
	for _, o := range outs {
		o.began = time.Now()
		d.add(&way{name: "outside", send: o.send, limit: mailTime, tray: tray{interval: interval, perHour: perHour}})
	}
	return d, log
}

// journal is the log in memory.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// running runs a desk, and returns what ends it.
func running(d *Desk) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func block(user string) Notice { return Notice{Kind: Block, User: user, Time: time.Now()} }

func TestDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{}
		d, log := newDesk(o)
		stop := running(d)
		synctest.Wait()
		d.Tell(block("ana"))
		synctest.Wait()
		require.Equal(t, []string{"0s ana is blocked"}, o.subjects(), "at once")
		time.Sleep(3 * time.Minute)
		d.Tell(block("bob"))
		d.Tell(block("carol"))
		time.Sleep(6 * time.Minute)
		require.Len(t, o.subjects(), 1)
		time.Sleep(2 * time.Minute)
		require.Equal(t, []string{"0s ana is blocked", "10m0s 2 blocked"}, o.subjects())
		require.Empty(t, d.Outbox().Waiting)
		stop()
		require.Empty(t, log.String())
	})
}

// One way that hangs keeps neither the caller nor the other way waiting, and
// what it could not tell is said.
func TestSlowWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := &outside{takes: time.Hour}, &outside{}
		d, log := newDesk(slow, quick)
		stop := running(d)
		before := time.Now()
		for _, user := range []string{"ana", "bob", "carol"} {
			d.Tell(block(user))
		}
		require.Zero(t, time.Since(before))
		time.Sleep(mailTime + 5*time.Second)
		synctest.Wait()
		require.NotEmpty(t, quick.subjects())
		require.Empty(t, slow.subjects())
		require.Contains(t, log.String(), `level=ERROR msg="an alert was not sent" way=outside err="context deadline exceeded" failures=1 waiting=3`)
		stop()
		require.Len(t, d.Outbox().Waiting, 3)
	})
}

func TestSomeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{err: &refusedError{[]string{"old@example.es: 550 gone"}}}
		d, log := newDesk(o)
		stop := running(d)
		d.Tell(block("ana"))
		time.Sleep(time.Hour)
		stop()
		require.Len(t, o.subjects(), 1, "those who took it don't get it again")
		require.Contains(t, log.String(), "old@example.es: 550 gone")
	})
}

// What was not sent when the daemon died is sent by the next, once, though its
// log is read, and the block told, again.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &outside{err: errors.New("connection refused")}
		d, _ := newDesk(down, &outside{})
		stop := running(d)
		ana, bob := block("ana"), block("bob")
		ana.Reasons = []Reason{{Time: ana.Time, Rule: "new country", Points: 72}}
		d.Tell(ana)
		synctest.Wait()
		d.Tell(bob)
		synctest.Wait()
		saved, err := json.Marshal(d.Outbox())
		require.NoError(t, err)
		stop()

		var o Outbox
		require.NoError(t, json.Unmarshal(saved, &o))
		first, second := &outside{}, &outside{}
		d, log := newDesk(first, second)
		d.Restore(o)
		d.Tell(ana)
		d.Tell(bob)
		stop = running(d)
		time.Sleep(time.Hour)
		stop()
		require.Equal(t, []string{"0s 2 blocked"}, first.subjects())
		require.Equal(t, []string{"0s bob is blocked"}, second.subjects(), "ana was told before")
		require.Empty(t, log.String())

		d, log = newDesk(&outside{})
		d.Restore(o)
		require.Contains(t, log.String(), `msg="an alert is not told: its way is not configured any more" way="outside (2)"`)
		require.Contains(t, log.String(), "notice.user=bob")
	})
}

// At the end of the program, what is on its way gets a little time.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, hung := &outside{takes: time.Second}, &outside{takes: time.Hour}
		d, _ := newDesk(o, hung)
		stop := running(d)
		d.Tell(block("ana"))
		synctest.Wait()
		before := time.Now()
		stop()
		require.Equal(t, grace, time.Since(before))
		require.Len(t, o.subjects(), 1)
		require.Len(t, d.Outbox().Waiting, 1)
	})
}

func TestTooManyAreSaid(t *testing.T) {
	d, log := newDesk(&outside{})
	for i := range maxWaiting + 1 {
		d.Tell(Notice{Kind: Block, User: "ana", Time: noon.Add(time.Duration(i) * time.Second), Score: 142, Limit: 100})
	}
	require.Contains(t, log.String(), `msg="an alert is not told: too many wait" way=outside notice.type=block notice.says="ana is blocked, score 142 of 100"`)
}

func TestKnownIsBounded(t *testing.T) {
	d, _ := newDesk()
	for i := range maxKnown + 5 {
		d.Tell(Notice{Kind: Block, Time: noon.Add(time.Duration(i) * time.Second)})
	}
	require.Len(t, d.known, maxKnown)
	require.Len(t, d.seen, maxKnown)
}

func TestJournal(t *testing.T) {
	log := &journal{}
	d := New(Config{Journal: true}, Options{Host: "mail.example.es", Log: log.logger(), Now: time.Now})
	n := Notice{Kind: Block, User: "a\r\nb\u202e", Time: noon, Reasons: []Reason{{Rule: "new country"}, {Rule: "bounces", Country: "BR"}}}
	d.Tell(n)
	d.Tell(n)
	require.Regexp(t, `^time=\S+ level=WARN msg=alert notice.type=block notice.says="a··b· is blocked" notice.at=2026-03-28T12:00:00.000Z `+
		`notice.user=a··b· notice.why="new country, bounces" notice.command="sendwarden list"\n$`, log.String())
}

// A blocked user is written to once a day, and only at an address of ours.
func TestUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Config{NotifyUser: true, UserMail: UserMail{Domains: []string{"example.es"}}}
		d := New(c, Options{Host: "mail.example.es", Log: slog.New(slog.DiscardHandler), Now: time.Now})
		require.Len(t, d.ways, 1)
		var told []string
		d.ways[0].send = func(_ context.Context, d *digest) error {
			told = append(told, d.notices[0].User)
			return nil
		}
		stop := running(d)
		for _, user := range []string{"Info@Example.ES", "bob", "bob@example.com", "-f@example.es", "a%b@example.es", "a\n@example.es", "ñ@example.es", `"a b"@example.es`} {
			d.Tell(block(user))
		}
		d.Tell(Notice{Kind: Brake, User: "ana@example.es", Time: time.Now()})
		d.Tell(Notice{Kind: Block, User: "old@example.es", Time: time.Now().Add(-25 * time.Hour)})
		synctest.Wait()
		time.Sleep(23 * time.Hour)
		d.Tell(block("Info@Example.ES"))
		synctest.Wait()
		require.Equal(t, []string{"Info@Example.ES"}, told)
		require.Len(t, d.Outbox().Warned, 1)
		time.Sleep(2 * time.Hour)
		d.Tell(block("Info@Example.ES"))
		synctest.Wait()
		require.Len(t, told, 2)
		stop()
	})
}
