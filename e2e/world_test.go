//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/shared"
	"sendwarden/shared/redistest"
	"sendwarden/simulate"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

// worlds is how many are played; the usual one is small.
//
//	go test -tags e2e -timeout 2h -run TestOneWorldManyHosts ./e2e -args -worlds 5
var worlds = flag.Int("worlds", 0, "play so many worlds of full size to three hosts")

// mailWorld is what an invented server's users and thieves did, spread over hosts.
type mailWorld struct {
	dir   string
	lines []worldLine
}

// worldLine is a line of a host's log.
type worldLine struct {
	text string
	host int
	at   time.Time
	says bool // something that is judged or counted
}

// together is how near in time two hosts may see something, so that nobody can say
// who was first.
const together = 100 * time.Millisecond

// newWorld invents a server, and has each message go through one of its hosts by
// chance, with all that befalls it there.
func newWorld(t *testing.T, w simulate.World, seed uint64, hosts int) *mailWorld {
	dir := t.TempDir()
	// Ahead of the clock, so that nothing is due by the clock.
	w.Start = time.Date(2040, 1, 2, 0, 0, 0, 0, w.Start.Location())
	_, err := simulate.Dir(w, dir)
	require.NoError(t, err)
	log, err := os.ReadFile(filepath.Join(dir, "mail.log"))
	require.NoError(t, err)
	made := &mailWorld{dir: dir}
	chance := rand.New(rand.NewPCG(seed, 0))
	of := make(map[string]int)
	parser := maillog.NewParser(maillog.Options{Location: time.UTC, Reference: w.Start, Clients: true})
	for text := range strings.Lines(string(log)) {
		key := message.FindString(text)
		if key == "" {
			key = process.FindString(text)
		}
		host, known := of[key]
		if !known {
			host = chance.IntN(hosts)
			of[key] = host
		}
		at, err := time.Parse(time.RFC3339Nano, text[:strings.IndexByte(text, ' ')])
		require.NoError(t, err)
		var ev maillog.Event
		says := parser.Parse(bytes.TrimSuffix([]byte(text), []byte("\n")), &ev) && ev.Type != maillog.Removed && (ev.Type != maillog.Delivery || ev.Status == "bounced")
		made.lines = append(made.lines, worldLine{strings.Replace(text, " mail ", fmt.Sprintf(" mx%d ", host+1), 1), host, at, says})
	}
	return made
}

// A line is about a message, or of a process.
var (
	message = regexp.MustCompile(`\]: [0-9A-Za-z]{6,20}: `)
	process = regexp.MustCompile(`[a-z-]+\[[0-9]+\]|[a-z-]+: Login`)
)

// player plays a world to hosts that are running.
type player struct {
	t       *testing.T
	hosts   []*mailHost
	clients []*control.Client
	files   []*os.File
	lines   []int64
	engine  rueidis.Client // nil: there is one host
	last    string         // of the news that all have heard

	mu     sync.Mutex
	judged map[string]string
	missed int
}

func newPlayer(t *testing.T, engine *redistest.Server, hosts ...*mailHost) *player {
	p := &player{t: t, hosts: hosts, lines: make([]int64, len(hosts)), judged: make(map[string]string)}
	if engine != nil {
		var err error
		p.engine, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{engine.Addr}, DisableCache: true})
		require.NoError(t, err)
		t.Cleanup(p.engine.Close)
	}
	for _, h := range hosts {
		client := control.NewClient(h.file("control"), "")
		t.Cleanup(client.Close)
		p.clients = append(p.clients, client)
		f, err := os.OpenFile(h.file("mail.log"), os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		p.files = append(p.files, f)
	}
	for i, client := range p.clients {
		p.watch(i, client)
	}
	return p
}

// settled waits until the others know what a host was just told, and have heard of the
// strangers that it saw.
func (p *player) settled(host int) {
	p.until(host, "has told", func(s control.Status) bool { return s.State.Shared.Waits == 0 && !s.State.Shared.Soon })
	p.heard()
}

// heard waits until all have heard the news.
func (p *player) heard() {
	last, err := p.engine.Do(context.Background(), p.engine.B().Xrevrange().Key("sendwarden:{all}:news").End("+").Start("-").Count(1).Build()).AsXRange()
	require.NoError(p.t, err)
	if len(last) == 0 || last[0].ID == p.last {
		return
	}
	p.last = last[0].ID
	for i := range p.clients {
		p.until(i, "has heard the news", func(s control.Status) bool { return !shared.Later(p.last, s.State.Shared.Heard) })
	}
}

// play plays the lines in the order of time, as the world's clock would: who is more
// than a moment later than another host comes after it, and every few minutes of that
// clock the hosts have time for their news, which takes a second of it.
func (p *player) play(w *mailWorld, every time.Duration) {
	synced := w.lines[0].at
	for rest := w.lines; len(rest) > 0; {
		n := p.moment(rest)
		p.write(rest[:n])
		if rest[0].at.Sub(synced) > every && p.engine != nil {
			p.sync()
			synced = rest[0].at
		}
		rest = rest[n:]
	}
	if p.engine != nil {
		p.sync()
	}
}

// moment counts the lines whose order does not matter: of one host, or of several in
// the same moment.
func (p *player) moment(lines []worldLine) int {
	first, alone := -1, true
	for i, l := range lines {
		switch {
		case !l.says:
		case first < 0:
			first = i
		case alone && l.host == lines[first].host:
		case l.at.Sub(lines[first].at) <= together:
			alone = false
		default:
			return i
		}
	}
	return len(lines)
}

// write writes lines into the logs, and waits until they are read.
func (p *player) write(lines []worldLine) {
	texts := make([]strings.Builder, len(p.hosts))
	for _, l := range lines {
		host := l.host % len(p.hosts)
		texts[host].WriteString(l.text)
		p.lines[host]++
	}
	for i := range texts {
		if texts[i].Len() > 0 {
			_, err := p.files[i].WriteString(texts[i].String())
			require.NoError(p.t, err)
		}
	}
	for i := range texts {
		if texts[i].Len() > 0 {
			p.until(i, "has read all", func(s control.Status) bool { return len(s.Logs) > 0 && s.Logs[0].Lines >= p.lines[i] })
			if p.engine != nil {
				p.settled(i)
			}
		}
	}
}

// until waits until a host is so far.
func (p *player) until(host int, what string, is func(control.Status) bool) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; {
		status, err := p.clients[host].Status(context.Background())
		require.NoError(p.t, err)
		if is(status) {
			return
		}
		require.True(p.t, time.Now().Before(end), "%s %s: %+v", p.hosts[host].name, what, status.State.Shared)
		<-time.After(time.Millisecond)
	}
}

// sync has the hosts tell and hear their news, as they do once a second: what a person
// does has them saved.
func (p *player) sync() {
	for _, c := range p.clients {
		for told := false; !told; {
			_, err := c.Do(context.Background(), control.Who{}, control.Act{Kind: control.TrustPlace, User: "sync@example.com", Trust: &control.Trust{Country: "ES"}})
			require.NoError(p.t, err)
			for range 50 {
				s, err := c.Status(context.Background())
				require.NoError(p.t, err)
				if told = !s.State.Shared.News && s.State.Shared.Waits == 0; told {
					break
				}
				<-time.After(time.Millisecond)
			}
		}
	}
	p.heard()
}

// watch gathers the verdicts of a host, until the test ends.
func (p *player) watch(host int, client *control.Client) {
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		_ = client.Watch(ctx, func(j control.Judged) error { // it ends with its daemon
			p.mu.Lock()
			defer p.mu.Unlock()
			p.missed += j.Missed
			why := fmt.Sprintf("%s %s %s", j.Time.Format(time.StampMilli), j.User, j.Action)
			if j.Action != "refuse" { // else the score may be of before: nobody is asked about who is blocked
				why += fmt.Sprintf(", score %.1f", j.Score)
			}
			for _, r := range j.Reasons {
				why += fmt.Sprintf(", %s %+.0f", r.Rule, r.Points)
			}
			p.judged[j.QueueID] = why
			return nil
		})
	})
	p.t.Cleanup(func() { stop(); watching.Wait() })
	seen := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.judged) > host
	}
	for i := 0; !seen(); i++ { // from no place that counts
		p.write([]worldLine{{fmt.Sprintf("2040-01-01T00:00:00+01:00 mx%d postfix/smtps/smtpd[7]: %dABCDEF%03d: client=unknown[10.0.0.1], sasl_method=PLAIN, sasl_username=watch@example.com\n", host+1, host+1, i), host, time.Time{}, true}})
		<-time.After(5 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.judged, func(id, _ string) bool { return !strings.HasPrefix(id, "watching") })
	p.judged[fmt.Sprint("watching", host)] = ""
}

// verdicts are those on all messages, by queue id.
func (p *player) verdicts() map[string]string {
	for i := range p.hosts {
		last := fmt.Sprintf("%dFEDCBA000", i+1)
		p.write([]worldLine{{fmt.Sprintf("2041-01-01T00:00:00+01:00 mx%d postfix/smtps/smtpd[7]: %s: client=unknown[10.0.0.1], sasl_method=PLAIN, sasl_username=watch@example.com\n", i+1, last), i, time.Time{}, true}})
		within(p.t, 20*time.Second, "the last verdict is seen", func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.judged[last] != ""
		})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Zero(p.t, p.missed)
	all := maps.Clone(p.judged)
	maps.DeleteFunc(all, func(_, why string) bool { return why == "" || strings.Contains(why, " watch@") })
	return all
}

// worldHost is a host with the shipped rules, of a world. Nothing waits: what does,
// waits on its host, and is let go there.
func worldHost(t *testing.T, name, engine string, w *mailWorld) *mailHost {
	h := prepareHost(t, name, engine)
	text := strings.Replace(read(t, filepath.Join("..", "rules.yaml")), "threshold: {hold: 50,", "threshold: {hold: 100,", 1)
	if engine == "" {
		text += "\nstate: " + h.file("state.db") + "\n"
	} else {
		text += fmt.Sprintf("\nstate: \"redis://%s?wait=2s&local=%s\"\n", engine, h.file("state.db"))
	}
	write(t, h.file("rules.yaml"), text)
	h.flags = []string{"--geo", filepath.Join(w.dir, "city.mmdb"), "--geo", filepath.Join(w.dir, "asn.mmdb")}
	h.start()
	if engine != "" {
		h.says(t, 20*time.Second, "the others know what this host knows")
	}
	return h
}

// Three hosts, each of which handles the messages that chance gives it, judge as one
// that handles them all.
func TestOneWorldManyHosts(t *testing.T) {
	small := simulate.Default(3).In("ES")
	small.Users, small.Days, small.WarmUp, small.Thefts = 8, 2, 1, 6
	all := []simulate.World{small}
	for seed := range *worlds {
		w := simulate.Default(uint64(100 + seed)).In("ES")
		w.Users, w.Days, w.WarmUp, w.Thefts = 40, 10, 3, 24
		all = append(all, w)
	}
	for i, server := range all {
		t.Run(fmt.Sprint("world", i), func(t *testing.T) { oneWorld(t, server, uint64(i)) })
	}
}

func oneWorld(t *testing.T, server simulate.World, seed uint64) {
	began := time.Now()
	w := newWorld(t, server, seed, 3)
	alone := newPlayer(t, nil, worldHost(t, "mx0", "", w))
	for lines := range slices.Chunk(w.lines, 200) {
		alone.write(lines)
	}
	expected := alone.verdicts()
	calm := time.Since(began)

	s := redistest.Start(t)
	three := newPlayer(t, s, worldHost(t, "mx1", s.Addr, w), worldHost(t, "mx2", s.Addr, w), worldHost(t, "mx3", s.Addr, w))
	three.play(w, 30*time.Minute)
	got := three.verdicts()
	for _, h := range three.hosts {
		require.Equal(t, listed(t, three.hosts[0]), listed(t, h), "%s has another list than mx1", h.name)
	}
	t.Logf("%d lines, %d verdicts, %d users blocked; %v alone, %v in all", len(w.lines), len(expected), len(listed(t, alone.hosts[0])), calm, time.Since(began))
	differ := 0
	for _, id := range slices.Sorted(maps.Keys(expected)) {
		if got[id] != expected[id] {
			if differ++; differ < 50 {
				t.Logf("%s\n  alone     %s\n  together  %s", id, expected[id], got[id])
			}
		}
	}
	alone.hosts[0].daemon.stop(t)
	for _, h := range three.hosts {
		h.daemon.stop(t)
		require.Equal(t, places(t, alone.hosts[0]), places(t, h), "what %s knows of all users together", h.name)
	}
	require.NotEmpty(t, expected)
	require.Equal(t, len(expected), len(got))
	require.Equal(t, listed(t, alone.hosts[0]), listed(t, three.hosts[0]))
	require.Zero(t, differ, "of %d verdicts", len(expected))
}

// listed are the users on the blocklist of a host.
func listed(t *testing.T, h *mailHost) (users []string) {
	for line := range strings.Lines(read(t, h.file("blocklist"))) {
		if user, action, found := strings.Cut(line, " "); found && !strings.HasPrefix(line, "#") && strings.Contains(action, "REJECT") {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// places are the countries and networks that a host knows. Strangers are left out: who
// comes from where a blocked user does is told by a host as it knows that user.
func places(t *testing.T, h *mailHost) map[string]string {
	of := usual(t, h)
	maps.DeleteFunc(of, func(key, _ string) bool { return strings.HasPrefix(key, "server/stranger/") })
	return of
}
