// Package people makes a server of a million users for measurements, of the people
// of a simulated one: what is remembered of each of them after some weeks stands
// for a thousand others of the same habits.
package people

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"sendwarden"
	"sendwarden/geo"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/simulate"
)

// People are those of a simulated server.
type People struct {
	Rules   *scoring.Rules
	Records map[string][]byte // by key: what is remembered, of the server as well
	Users   []string          // those of whom something is
	Sent    []scoring.Submission
}

// kept is how many of the last submissions are kept.
const kept = 20_000

// Simulate makes a world and judges its log by the shipped rules.
func Simulate(seed uint64, users int) (*People, error) {
	dir, err := os.MkdirTemp("", "people")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return SimulateIn(dir, seed, users)
}

// SimulateIn leaves the world's files in a folder: Databases are there.
func SimulateIn(dir string, seed uint64, users int) (*People, error) {
	rules, err := scoring.Parse("rules.yaml", sendwarden.Rules)
	if err != nil {
		return nil, err
	}
	w := simulate.Default(seed)
	w.Thefts, w.Users = max(1, w.Thefts*users/w.Users), users
	if _, err := simulate.Dir(w, dir); err != nil {
		return nil, err
	}
	places, err := geo.Open(Databases(dir)...)
	if err != nil {
		return nil, err
	}
	p := &People{Rules: rules, Records: make(map[string][]byte)}
	return p, p.read(filepath.Join(dir, "mail.log"), places)
}

// Databases are those that know the addresses of the world in a folder.
func Databases(dir string) []string {
	return []string{filepath.Join(dir, "city.mmdb"), filepath.Join(dir, "asn.mmdb")}
}

func (p *People) read(name string, places *geo.DB) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	s := scoring.New(p.Rules)
	s.Remember(func(string) []byte { return nil }, func(string, error) {})
	parser := maillog.NewParser(maillog.Options{})
	var ev maillog.Event
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maillog.MaxLine)
	for lines.Scan() {
		if parser.Parse(lines.Bytes(), &ev) {
			p.event(s, &ev, places)
		}
	}
	s.Changes(func(key string, record []byte) {
		if record == nil {
			return
		}
		p.Records[key] = record
		if name, isUser := scoring.UserOf(key); isUser {
			p.Users = append(p.Users, name)
		}
	})
	return lines.Err()
}

func (p *People) event(s *scoring.Scorer, ev *maillog.Event, places *geo.DB) {
	s.Due(ev.Time)
	id := scoring.MessageID{Host: ev.Host, Queue: maillog.QueueKey(ev).Queue, ID: ev.QueueID}
	sub := scoring.Submission{User: ev.User, Time: ev.Time, Method: ev.Method, NoReverse: ev.ClientName == "", Message: id}
	switch ev.Type {
	case maillog.Submission:
		sub.Place = places.Place(ev.Addr)
		s.Submission(sub)
		if len(p.Sent) >= kept {
			p.Sent = p.Sent[1:]
		}
		p.Sent = append(p.Sent, sub)
	case maillog.Login:
		sub.Place = places.Place(ev.Addr)
		s.Login(sub)
	case maillog.AuthFailure:
		s.Failure(ev.Addr, ev.Time)
	case maillog.Queued:
		s.Queued(id, ev.Time, ev.Recipients, ev.From)
	case maillog.Delivery:
		if ev.Status == "bounced" {
			s.Bounced(id, ev.Time)
		}
	case maillog.Removed:
		s.Removed(id)
	}
}

// Many hands over the records of n users.
func (p *People) Many(n int, each func(key string, record []byte) error) error {
	for i := range n {
		name := p.Users[i%len(p.Users)]
		if err := each(scoring.UserKey(other(name, i/len(p.Users))), p.Records[scoring.UserKey(name)]); err != nil {
			return err
		}
	}
	return nil
}

// Rest hands over the records that are of no user.
func (p *People) Rest(each func(key string, record []byte) error) error {
	for key, record := range p.Records {
		if strings.HasPrefix(key, "server/") {
			if err := each(key, record); err != nil {
				return err
			}
		}
	}
	return nil
}

// other is the name of the nth that is like a user.
func other(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%d.%s", n, name)
}

// Next is one more submission of any of n users, as theirs are.
func (p *People) Next(r *rand.Rand, i, n int) scoring.Submission {
	sub := p.Sent[r.IntN(len(p.Sent))]
	sub.User = other(sub.User, r.IntN(n/len(p.Users)))
	sub.Time = p.Sent[len(p.Sent)-1].Time
	sub.Message.ID = fmt.Sprintf("N%X", i)
	return sub
}
