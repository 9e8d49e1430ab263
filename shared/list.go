package shared

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// wireKeeps is how many decisions, and newsKeep how many news, a host may have
	// missed and still be told one by one.
	wireKeeps = 10_000
	newsKeep  = 20_000
	// patience is how long what nobody waits for may take.
	patience = 5 * time.Second
	// readAtOnce bounds what is read of a stream in one go.
	readAtOnce = 1000
	// readPause is how long the engine waits for something to tell.
	readPause = 2 * time.Second
)

// Decision is what was decided about a user on some host, and its number: later ones
// have greater numbers.
type Decision struct {
	ID   string
	User string // "" on the wire: it stands in the decision
	Data []byte
}

// Decide tells all hosts of a decision about a user. With first it is only told when
// there is none yet. It answers its number, "" if there was one.
func (e *Engine) Decide(ctx context.Context, user string, data []byte, first bool) (id string, err error) {
	client, err := e.reach()
	if err != nil {
		return "", err
	}
	only := "0"
	if first {
		only = "1"
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	id, err = e.run(ctx, client, e.decide, []string{e.allKey("wire"), e.allKey("list")},
		[]string{user, rueidis.BinaryString(data), strconv.Itoa(wireKeeps), only}).ToString()
	if rueidis.IsRedisNil(err) {
		return "", nil
	}
	return id, e.failed(err)
}

// failed takes note of an error.
func (e *Engine) failed(err error) error {
	if err != nil {
		e.lose(err, time.Now())
	}
	return err
}

// List answers what was decided last about each user.
func (e *Engine) List(ctx context.Context) (all []Decision, err error) {
	client, err := e.reach()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fields, err := client.Do(ctx, client.B().Hgetall().Key(e.allKey("list")).Build()).AsStrMap()
	if err != nil {
		return nil, e.failed(err)
	}
	for user, value := range fields {
		if id, data, found := cutDecision(value); found { // else nobody of us wrote it
			all = append(all, Decision{id, user, data})
		}
	}
	return all, nil
}

// cutDecision reads a decision as it stands on the list: "1526919030474-55 {…}".
func cutDecision(value string) (id string, data []byte, found bool) {
	id, text, found := strings.Cut(value, " ")
	return id, []byte(text), found
}

// Heard is how far a host has heard: the numbers of the last decision and the last
// news; "" is from the beginning of what is kept. Of one host it may know more: what
// that one had told of itself when it said what it knows (Crowd).
type Heard struct {
	Wire   string `json:"wire,omitempty"`
	News   string `json:"news,omitempty"`
	Of     string `json:"of,omitempty"`
	Number uint64 `json:"number,omitempty"`
}

// Wire is what a host hears of others.
type Wire struct {
	Decisions []Decision
	News      [][]byte // of others than this host
	Heard     Heard    // when all this has been taken in
}

// Hear waits some seconds for something to be told after what was heard last.
func (e *Engine) Hear(ctx context.Context, after Heard) (w Wire, err error) {
	w.Heard = after
	client, err := e.reach()
	if err != nil {
		return w, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience+readPause)
	defer cancel()
	wire, news := e.allKey("wire"), e.allKey("news")
	streams, err := client.Do(ctx, client.B().Xread().Count(readAtOnce).Block(readPause.Milliseconds()).Streams().
		Key(wire, news).Id(orZero(after.Wire), orZero(after.News)).Build()).AsXRead()
	if rueidis.IsRedisNil(err) {
		return w, nil
	}
	if err != nil {
		return w, err // Tend finds out whether the engine is lost
	}
	for _, x := range streams[wire] {
		w.Decisions = append(w.Decisions, Decision{ID: x.ID, Data: []byte(x.FieldValues["d"])})
		w.Heard.Wire = x.ID
	}
	for _, x := range streams[news] {
		if !after.has(x.FieldValues) && x.FieldValues["h"] != e.host {
			w.News = append(w.News, []byte(x.FieldValues["n"]))
		}
		w.Heard.News = x.ID
	}
	return w, nil
}

// Latest is the number of the last decision on the wire; "0-0" where there is none.
func (e *Engine) Latest(ctx context.Context) (id string, err error) {
	client, err := e.reach()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last, err := client.Do(ctx, client.B().Xrevrange().Key(e.allKey("wire")).End("+").Start("-").Count(1).Build()).AsXRange()
	if err != nil && !rueidis.IsRedisNil(err) {
		return "", e.failed(err)
	}
	if len(last) == 0 {
		return "0-0", nil
	}
	return last[0].ID, nil
}

func orZero(id string) string {
	if id == "" {
		return "0"
	}
	return id
}

// Later tells whether the number of a decision is later than another.
func Later(a, b string) bool {
	if b == "" {
		return a != ""
	}
	am, as := number(a)
	bm, bs := number(b)
	return am > bm || am == bm && as > bs
}

// number is what a stream's number is made of: 1526919030474-55.
func number(id string) (milliseconds, sequence uint64) {
	m, s, _ := strings.Cut(id, "-")
	milliseconds, _ = strconv.ParseUint(m, 10, 64)
	sequence, _ = strconv.ParseUint(s, 10, 64)
	return milliseconds, sequence
}

// Each hands over all users' records, in no order.
func (e *Engine) Each(ctx context.Context, each func(user string, record []byte) error) error {
	client, err := e.reach()
	if err != nil {
		return err
	}
	prefix := e.userKey("")
	for _, node := range primaries(client) {
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(escaped(prefix)+"*").Count(readAtOnce).Build()).AsScanEntry()
			if err != nil {
				return err
			}
			cursor = page.Cursor
			gets := make(rueidis.Commands, len(page.Elements))
			for i, key := range page.Elements {
				gets[i] = client.B().Get().Key(key).Build()
			}
			for i, r := range client.DoMulti(ctx, gets...) {
				record, err := r.AsBytes()
				if rueidis.IsRedisNil(err) {
					continue
				}
				if err == nil {
					err = each(strings.TrimPrefix(page.Elements[i], prefix), record)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Record answers the record of one user; nil when there is none. It does not wait
// longer than Config.Wait.
func (e *Engine) Record(ctx context.Context, user string) ([]byte, error) {
	client, err := e.reach()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, e.config.Wait)
	defer cancel()
	record, err := client.Do(ctx, client.B().Get().Key(e.userKey(user)).Build()).AsBytes()
	if rueidis.IsRedisNil(err) {
		return nil, nil
	}
	return record, e.failed(err)
}

// primaries are the nodes to be looked through: one, or those of a Cluster that are
// no replicas.
func primaries(client rueidis.Client) (nodes []rueidis.Client) {
	if client.Mode() != rueidis.ClientModeCluster {
		return []rueidis.Client{client}
	}
	for _, node := range client.Nodes() {
		role, err := node.Do(context.Background(), node.B().Role().Build()).ToArray()
		if err != nil || len(role) == 0 {
			continue
		}
		if what, _ := role[0].ToString(); what == "master" {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// escaped is a name as a pattern that only it fits.
func escaped(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// Connect connects once, for a command that works on the engine and ends.
func (e *Engine) Connect(ctx context.Context) (end func(), err error) {
	epoch, err := e.probe(ctx)
	if err != nil {
		fault := explained(err, e.config.Wait)
		if kind := kindOf(err); kind == unconnected || kind == tooLate {
			fault = fmt.Errorf("%w (see that it runs and can be reached from here)", fault)
		}
		return nil, fmt.Errorf("%s: %w", e.config.URL, fault)
	}
	e.regain(epoch, goodProbes, time.Now())
	return e.close, nil
}
