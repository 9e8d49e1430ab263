package scoring

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/geo"
)

// What is remembered outlives the process as records, each under a key: one of
// each user, of each country, network and stranger that the server knows, of the
// messages with one queue id, and of what is left.
const (
	userKey     = "user/"
	messageKey  = "message/"
	countryKeys = "server/country/"
	networkKey  = "server/network/"
	strangerKey = "server/stranger/"
	queueKey    = "server/queue"
	sumsKey     = "server/sums"
)

// UserKey is the key of a user's record.
func UserKey(name string) string { return userKey + name }

// UserOf is the name of the user whose record has a key.
func UserOf(key string) (name string, isUser bool) { return strings.CutPrefix(key, userKey) }

// maxName bounds the names of users whose memory outlives the process: a state
// may not take a longer key. Nobody can log in with such a name.
const maxName = 1024

// Remember begins to keep track of what changes, for Changes. A user's record is
// fetched by load when the user is heard of: nil is one who is new. Odd is told
// of records that cannot be read. Call it once, before the first submission.
func (s *Scorer) Remember(load func(key string) []byte, odd func(key string, err error)) {
	s.users.state = &stateOf{load, odd}
	s.server.changed = make(parts)
	s.messages.changed = make(map[string]bool)
	s.trusts.changed = make(map[string]bool)
}

// Changes hands over the record of everything that has changed since the call
// before; nil is for what is forgotten. What it handed over must be what load
// answers when it is called again.
func (s *Scorer) Changes(each func(key string, record []byte)) {
	s.users.rest()
	s.users.handOver(each)
	for id := range s.messages.changed {
		each(messageKey+id, s.messages.record(id))
	}
	clear(s.messages.changed)
	for name := range s.trusts.changed {
		each(trustKey+name, s.trusts.record(name))
	}
	clear(s.trusts.changed)
	for p := range s.server.changed {
		each(p.key(), s.server.record(p))
	}
	clear(s.server.changed)
	if s.shared != nil {
		s.shared.changes(each)
	}
	s.once(queueKey, &s.said.queue, each, func(c *coder) { c.queue(&s.queue) })
	s.once(sumsKey, &s.said.sums, each, func(c *coder) { c.sums(s) })
}

// said are the records of what stands alone, as they were handed over last.
type said struct{ queue, sums []byte }

// once hands over a record unless it is as it was.
func (s *Scorer) once(key string, said *[]byte, each func(string, []byte), describe func(*coder)) {
	record := encode(describe)
	if !slices.Equal(record, *said) {
		*said = record
		each(key, record)
	}
}

// Restore puts one record back, in any order. Those of users may be left to
// Remember's load.
func (s *Scorer) Restore(key string, record []byte) error {
	if err := s.restore(key, record); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func (s *Scorer) restore(key string, record []byte) error {
	if name, found := strings.CutPrefix(key, userKey); found {
		if _, err := userOf(name, record); err != nil {
			return err
		}
		s.users.asleep[name] = slices.Clone(record)
		return nil
	}
	if id, found := strings.CutPrefix(key, messageKey); found {
		return s.messages.restore(id, record)
	}
	if name, found := strings.CutPrefix(key, trustKey); found {
		return s.trusts.restore(name, record)
	}
	if s.shared != nil {
		if ours, err := s.shared.restore(key, record); ours {
			return err
		}
	}
	switch key {
	case queueKey:
		s.said.queue = slices.Clone(record)
		return decode(record, func(c *coder) { c.queue(&s.queue) })
	case sumsKey:
		s.said.sums = slices.Clone(record)
		return decode(record, func(c *coder) { c.sums(s) })
	}
	return s.server.restore(key, record)
}

// maxSame bounds how many messages of one queue id are read back: there is one
// on each host at most.
const maxSame = 1000

// record is that of all messages with one queue id; nil when there is none.
func (ms *messages) record(id string) []byte {
	var same []*message
	for m := ms.byID[id]; m != nil && len(same) < maxSame; m = m.next {
		same = append(same, m)
	}
	if same == nil {
		return nil
	}
	return encode(func(c *coder) { list(c, &same, maxSame, func(c *coder, m **message) { c.message(*m) }) })
}

func (ms *messages) restore(id string, record []byte) error {
	var same []message
	if err := decode(record, func(c *coder) { list(c, &same, maxSame, (*coder).message) }); err != nil {
		return err
	}
	if slices.ContainsFunc(same, func(m message) bool { return m.id.ID != id || id == "" }) {
		return errDamaged
	}
	for i := range slices.Backward(same) { // the last to come is the first in the chain
		ms.add(&same[i])
	}
	return nil
}

// part is one of the many things that the server remembers.
type part struct {
	kind string // the beginning of its key
	id   uint64
}

// parts are those that have changed; nil where nobody asks.
type parts map[part]struct{}

func (ps parts) add(kind string, id uint64) {
	if ps != nil {
		ps[part{kind, id}] = struct{}{}
	}
}

func (p part) key() string {
	switch p.kind {
	case countryKeys:
		return p.kind + string([]byte{byte(p.id >> 8), byte(p.id)})
	case networkKey:
		return p.kind + strconv.FormatUint(p.id, 10)
	}
	return p.kind + fmt.Sprintf("%016x", p.id)
}

// partOf is the part that a key is of.
func partOf(key string) (p part, err error) {
	for _, kind := range []string{countryKeys, networkKey, strangerKey} {
		text, found := strings.CutPrefix(key, kind)
		switch {
		case !found:
			continue
		case kind == countryKeys:
			p = part{kind, uint64(countryKey(text))}
		case kind == networkKey:
			n, _ := strconv.ParseUint(text, 10, 32)
			p = part{kind, n}
		default:
			n, _ := strconv.ParseUint(text, 16, 64)
			p = part{kind, n}
		}
	}
	if p.kind == "" || p.key() != key {
		return p, fmt.Errorf("there is no record of that name in this version of Sendwarden")
	}
	return p, nil
}

func (s *server) record(p part) []byte {
	switch p.kind {
	case countryKeys:
		if days, known := s.countries[uint16(p.id)]; known {
			return encode(func(c *coder) { c.real(&days) })
		}
	case networkKey:
		if days, known := s.networks[uint32(p.id)]; known {
			org := s.orgs[uint32(p.id)]
			return encode(func(c *coder) { c.network(&days, &org) })
		}
	default:
		if x := s.strangers[p.id]; x != nil {
			return encode(func(c *coder) { c.stranger(x) })
		}
	}
	return nil
}

func (s *server) restore(key string, record []byte) error {
	p, err := partOf(key)
	if err != nil {
		return err
	}
	var days float64
	var org string
	switch p.kind {
	case countryKeys:
		if err = decode(record, func(c *coder) { c.real(&days) }); err == nil {
			s.countries[uint16(p.id)] = days
		}
	case networkKey:
		if err = decode(record, func(c *coder) { c.network(&days, &org) }); err == nil {
			s.networks[uint32(p.id)] = days
		}
		if err == nil && org != "" {
			s.orgs[uint32(p.id)] = org
		}
	default:
		x := new(stranger)
		if err = decode(record, func(c *coder) { c.stranger(x) }); err == nil {
			s.strangers[p.id] = x
		}
	}
	return err
}

// Forget drops all that is remembered of a user: a person asked for it.
func (s *Scorer) Forget(name string) {
	for _, m := range s.messages.of(name) {
		s.messages.drop(m)
	}
	s.queue.drop(name)
	s.server.forget(hashName(name))
	if s.trusts.of[name] != nil {
		s.trusts.set(name, nil)
	}
	s.users.forget(name)
	if s.shared != nil {
		s.shared.forget(name)
		s.shared.gathered.forget(hashName(name))
		s.shared.sending.forget(hashName(name))
		s.shared.fresh = true
	}
}

// Stale tells from a user's record whether the user has not been seen for longer
// than the rules remember anybody (forget). Such a user is new when heard of again;
// Expire drops the record.
func (s *Scorer) Stale(record []byte, now time.Time) bool {
	var last int64
	if len(record) == 0 || record[0] > recordVersion {
		return false
	}
	c := coder{buf: record[1:], reading: true}
	number(&c, &last)
	return c.err == nil && last != 0 && s.rules.forgotten(last, now.Unix())
}

// Frequents tells from a user's record whether the user has come from an address on
// several days: whose own place it may be, or that of the office.
func Frequents(record []byte, addr netip.Addr) bool {
	u, err := userOf("", record)
	if err != nil {
		return false
	}
	h := u.addresses.find(uint32(hashAddr(addr)))
	if addr.Is6() { // a client has another one each day, of one block
		h = u.blocks.find(hashBlock(geo.Block(addr)))
	}
	return h != nil && h.weight >= frequentDays
}

// Expire drops those of some users who have not been seen for that long.
func (s *Scorer) Expire(names []string, now time.Time) (dropped int) {
	for _, name := range names {
		if u := s.users.find(name); u != nil && !u.blocked && s.rules.forgotten(u.last, now.Unix()) {
			s.Forget(name)
			dropped++
		}
	}
	return dropped
}

func (r *Rules) forgotten(last, now int64) bool { return now-last > int64(r.Forget/time.Second) }
