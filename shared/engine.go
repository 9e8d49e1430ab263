package shared

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// Engine is the memory that hosts have together, as one of them sees it. It may be
// used by several goroutines.
type Engine struct {
	config Config
	host   string // names this host's memory
	name   string // this host's, for people
	keeps  int    // how many news

	swap, decide, tell script

	mu     sync.Mutex
	client rueidis.Client // nil: there was no connection yet
	lost   error          // why it is out of reach; nil: it is not
	since  time.Time      // when that began, or ended
	epoch  string         // which memory it has
	waited time.Duration  // for the last exchange
	counts Counts
	warns  string
}

// Counts are what became of exchanges since the start.
type Counts struct {
	Swaps     int64 // records that were put
	Conflicts int64 // of which another host had made a newer one
	Failures  int64 // times that the engine did not answer, or not in time
	// ByKind are the failures of each kind: see kinds.
	ByKind map[string]int64
}

// errNotYet is of an engine that has not been asked yet.
var errNotYet = errors.New("not connected yet")

// New makes an Engine; Tend connects it. Host names this host's memory, which must be
// another one after it was lost; name is the host's own, for people.
func New(c Config, host, name string, now time.Time) *Engine {
	return &Engine{
		config: c, host: host, name: name, keeps: newsKeep, lost: errNotYet, since: now,
		swap: newScript(swap), decide: newScript(decide), tell: newScript(tell),
		counts: Counts{ByKind: noFailures()},
	}
}

// Swap is one record that is to be replaced.
type Swap struct {
	Key    string        // whose: a user
	Was    string        // the version that it is expected to be of; "": none
	Record []byte        // the new record, which begins with its version
	Life   time.Duration // how long it is kept; 0: for ever
	Newer  []byte        // is answered: the record that was there instead; nil: it is replaced
}

// Swap replaces records, all in one round trip. After an error nothing is known of
// what became of them. It does not wait longer than Config.Wait, nor until after a time
// that is not zero.
func (e *Engine) Swap(all []*Swap, until time.Time) error {
	client, err := e.reach()
	if err != nil {
		return err
	}
	began := time.Now()
	last := began.Add(e.config.Wait)
	hasty := !until.IsZero() && until.Before(began.Add(e.config.Wait/2))
	if !until.IsZero() && until.Before(last) {
		last = until
	}
	ctx, cancel := context.WithDeadline(context.Background(), last)
	defer cancel()
	err = e.swapAll(ctx, client, all)
	if err != nil {
		if !hasty || !late(err) { // else it is not the engine that was late
			e.lose(err, time.Now())
		}
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waited = time.Since(began)
	for _, s := range all {
		if e.counts.Swaps++; s.Newer != nil {
			e.counts.Conflicts++
		}
	}
	return nil
}

// swapAll takes one round trip, or a second one for what came to servers that do not
// have the script: one that was started anew, or a Cluster's node that was not asked
// before.
func (e *Engine) swapAll(ctx context.Context, client rueidis.Client, all []*Swap) error {
	left, err := e.swapBy(ctx, client, all, false)
	if err != nil || len(left) == 0 {
		return err
	}
	_, err = e.swapBy(ctx, client, left, true)
	return err
}

// swapBy names the script, or sends it with each, and returns those whose server does
// not have it.
func (e *Engine) swapBy(ctx context.Context, client rueidis.Client, all []*Swap, whole bool) (left []*Swap, err error) {
	commands := make(rueidis.Commands, len(all))
	for i, s := range all {
		if key := e.userKey(s.Key); whole {
			commands[i] = client.B().Eval().Script(e.swap.text).Numkeys(1).Key(key).Arg(s.Was, rueidis.BinaryString(s.Record), seconds(s.Life)).Build()
		} else {
			commands[i] = client.B().Evalsha().Sha1(e.swap.sha).Numkeys(1).Key(key).Arg(s.Was, rueidis.BinaryString(s.Record), seconds(s.Life)).Build()
		}
	}
	for i, r := range client.DoMulti(ctx, commands...) {
		newer, err := r.AsBytes()
		switch no, is := rueidis.IsRedisErr(err); {
		case rueidis.IsRedisNil(err):
		case is && no.IsNoScript():
			left = append(left, all[i])
		case err != nil:
			return nil, err
		default:
			all[i].Newer = newer
		}
	}
	return left, nil
}

// run runs a script of what belongs to all.
func (e *Engine) run(ctx context.Context, client rueidis.Client, s script, keys, args []string) rueidis.RedisResult {
	r := client.Do(ctx, client.B().Evalsha().Sha1(s.sha).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
	if no, is := rueidis.IsRedisErr(r.Error()); is && no.IsNoScript() {
		r = client.Do(ctx, client.B().Eval().Script(s.text).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build())
	}
	return r
}

// Wait is how long anybody waits for the engine at most.
func (e *Engine) Wait() time.Duration { return e.config.Wait }

func seconds(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return strconv.FormatInt(max(1, int64(d/time.Second)), 10)
}

func (e *Engine) userKey(name string) string { return e.config.Prefix + ":user:" + name }
func (e *Engine) allKey(name string) string  { return e.config.Prefix + ":{all}:" + name }

// reach answers the client, or why there is none to be asked.
func (e *Engine) reach() (rueidis.Client, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost != nil {
		return nil, fmt.Errorf("%w: %w", ErrLost, e.lost)
	}
	return e.client, nil
}

// ErrLost is of an engine that is out of reach.
var ErrLost = errors.New("the shared state is out of reach")

// lose takes note that the engine did not do what it was asked for.
func (e *Engine) lose(err error, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.counts.Failures++
	e.counts.ByKind[kindOf(err)]++
	if e.lost == nil {
		e.since = now
	}
	e.lost = explained(err, e.config.Wait)
}

// Status is how the engine does.
type Status struct {
	Lost   error     // why it is out of reach; nil: it is not
	Since  time.Time // when that began, or ended
	Waited time.Duration
	Warns  string // what is wrong with it although it answers
	Counts
}

// Status tells how the engine does.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	counts := e.counts
	counts.ByKind = maps.Clone(counts.ByKind)
	return Status{Lost: e.lost, Since: e.since, Waited: e.waited, Warns: e.warns, Counts: counts}
}

// NewHost names a host's memory that begins now.
func NewHost() string { return fmt.Sprintf("%016x", rand.Uint64()) }
