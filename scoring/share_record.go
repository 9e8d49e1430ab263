package scoring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// share is what a user's shared memory has beside the memory: which version it is,
// and what it has taken in.
type share struct {
	version uint64 // 0: not known
	marks   []mark // the latest is the last
	recent  []recent
}

// mark is how far a memory knows one log of one host.
type mark struct {
	source uint32
	place  int64
}

// recent is a message that was told of, and what befell it: by the log of its host
// or by the policy service, whichever came first.
type recent struct {
	token uint32
	at    int64
}

// Bounds of what a memory says of what it has taken in. A mark is needed while its
// host may read a line again, that is until the host has saved its state, for a
// second or so; a message is while the log and the policy service may tell of it.
const (
	maxMarks  = 32
	maxRecent = 48
)

// knows tells whether something has been taken in already.
func (sh *share) knows(t *told) bool {
	if t.source != 0 && slices.ContainsFunc(sh.marks, func(m mark) bool { return m.source == t.source && m.place >= t.place() }) {
		return true
	}
	return t.token != 0 && slices.ContainsFunc(sh.recent, func(r recent) bool {
		return r.token == t.token && t.at-r.at <= sameMessage && r.at-t.at <= sameMessage
	})
}

// olderThan tells whether a memory has taken in nothing that another has not, and
// less: its latest is older.
func (sh *share) olderThan(o *share) bool {
	for _, m := range sh.marks {
		if !slices.ContainsFunc(o.marks, func(n mark) bool { return n.source == m.source && n.place >= m.place }) {
			return false
		}
	}
	for _, r := range sh.recent {
		if !slices.Contains(o.recent, r) {
			return false
		}
	}
	return !slices.Equal(sh.marks, o.marks) || !slices.Equal(sh.recent, o.recent)
}

// take notes that something has been taken in.
func (sh *share) take(t *told) {
	if t.source != 0 {
		sh.marks = slices.DeleteFunc(sh.marks, func(m mark) bool { return m.source == t.source })
		sh.marks = append(sh.marks, mark{t.source, t.place()})
		sh.marks = sh.marks[max(0, len(sh.marks)-maxMarks):]
	}
	if t.token != 0 {
		sh.recent = slices.DeleteFunc(sh.recent, func(r recent) bool { return t.at-r.at > sameMessage })
		sh.recent = append(sh.recent, recent{t.token, t.at})
		sh.recent = sh.recent[max(0, len(sh.recent)-maxRecent):]
	}
}

// name is the version as an Exchange has it.
func (sh *share) name() string {
	if sh.version == 0 {
		return ""
	}
	return string(binary.BigEndian.AppendUint64(nil, sh.version))
}

func versionOf(record []byte) uint64 {
	if len(record) < VersionSize {
		return 0
	}
	return binary.BigEndian.Uint64(record)
}

func (c *coder) share(sh *share, near int64) {
	list(c, &sh.marks, maxMarks, func(c *coder, m *mark) {
		c.hash(&m.source)
		number(c, &m.place)
	})
	list(c, &sh.recent, maxRecent, func(c *coder, r *recent) {
		c.hash(&r.token)
		c.stamp(&r.at, near)
	})
}

// pause is how far the portions are in which the user's mail goes that waits: one after
// the other, whichever host it waits on.
func (c *coder) pause(u *user) {
	number(c, &u.portion)
	c.stamp(&u.pausedTo, u.last)
}

// sharedRecord is a user's memory for all hosts: what stands in a queue stays with
// the host that has the queue. A version is the hash of what follows it: hosts that
// come to the same memory agree.
func sharedRecord(u *user, trusts []Trust) []byte {
	all := *u
	all.held = nil
	record := encode(func(c *coder) {
		c.user(&all)
		c.trusts(&trusts)
		c.share(all.share, all.last)
		c.pause(&all)
	})
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, VersionSize+len(record)), fnv1a(record)), record...)
}

// errNewer is of a record by a later program.
var errNewer = errors.New("by a newer Sendwarden")

// Forgotten is a shared record of a user who asked to be forgotten: a version, and
// nothing of that version. A host that knows more puts nothing in its place but what
// it is told from then on.
func Forgotten(now time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano()))
}

func isForgotten(record []byte) bool { return len(record) == VersionSize }

// fromShared reads it back.
func fromShared(name string, record []byte) (u *user, trusts []Trust, known *share, err error) {
	if isForgotten(record) {
		version := versionOf(record)
		day := time.Unix(0, int64(version)).Unix() / dayStep
		return &user{name: name, firstDay: int32(day)}, nil, &share{version: version}, nil
	}
	if len(record) <= VersionSize {
		return nil, nil, nil, errShort
	}
	if v := record[VersionSize]; v > recordVersion {
		return nil, nil, nil, fmt.Errorf("the shared record is of version %d, %w; this one reads up to %d (use one version on all hosts)", v, errNewer, recordVersion)
	}
	u, known = &user{name: name}, &share{version: versionOf(record)}
	err = decode(record[VersionSize:], func(c *coder) {
		c.user(u)
		c.trusts(&trusts)
		c.share(known, u.last)
		if c.version >= 5 {
			c.pause(u)
		}
	})
	if err == nil && len(u.held) > 0 {
		err = errDamaged
	}
	return u, trusts, known, err
}

// FromShared is a shared record as a state of one host has it: the record of the
// user, and of the places that are trusted, which may be nil. Of a user who is
// forgotten both are.
func FromShared(name string, record []byte) (own, trusted []byte, err error) {
	if isForgotten(record) {
		return nil, nil, nil
	}
	u, trusts, _, err := fromShared(name, record)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", UserKey(name), err)
	}
	own = encode(func(c *coder) { c.user(u) })
	if len(trusts) > 0 {
		trusted = encode(func(c *coder) { c.trusts(&trusts) })
	}
	return own, trusted, nil
}

// ToShared makes a shared record of what a state of one host has.
func ToShared(name string, own, trusted []byte) (*Exchange, error) {
	u, err := userOf(name, own)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", UserKey(name), err)
	}
	var trusts []Trust
	if trusted != nil {
		if err := decode(trusted, func(c *coder) { c.trusts(&trusts) }); err != nil {
			return nil, fmt.Errorf("%s: %w", trustKey+name, err)
		}
	}
	u.share = new(share)
	return &Exchange{User: name, Record: sharedRecord(u, trusts)}, nil
}

// WithHeld is a user's record from elsewhere as a state is to have it that may know
// the user: the messages that wait on this host are this host's to let go.
func WithHeld(name string, record, was []byte) ([]byte, error) {
	u, err := userOf(name, record)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", UserKey(name), err)
	}
	mine, err := userOf(name, was)
	if err != nil || len(mine.held) == 0 || len(u.held) > 0 {
		return record, nil // what is damaged here is replaced
	}
	u.held, u.portion, u.pausedTo = mine.held, mine.portion, mine.pausedTo
	return encode(func(c *coder) { c.user(u) }), nil
}

// Keys of what a host keeps in its own state until the others know it.
const (
	untoldKey   = "untold/" // and the user
	gatheredKey = "news/gathered"
	sendingKey  = "news/sending"
)

// changes hands over the records of what the other hosts do not know yet.
func (sh *shared) changes(each func(key string, record []byte)) {
	for name := range sh.dirty {
		waits := sh.untold[name]
		switch {
		case len(waits) > 0:
			each(untoldKey+name, encode(func(c *coder) { list(c, &waits, maxUntold, (*coder).told) }))
			sh.said[name] = true
		case sh.said[name]:
			each(untoldKey+name, nil)
			delete(sh.said, name)
		}
	}
	clear(sh.dirty)
	if !sh.fresh {
		return
	}
	sh.fresh = false
	if sh.sending.empty() && !sh.gathered.empty() {
		sh.sending, sh.gathered = sh.gathered, facts{}
		sh.sequence++
	}
	each(gatheredKey, encode(func(c *coder) { c.facts(&sh.gathered) }))
	each(sendingKey, encode(func(c *coder) { c.news(sh) }))
}

func (c *coder) news(sh *shared) {
	c.word(&sh.sequence)
	c.facts(&sh.sending)
}

// restore puts such a record back; it answers false for others.
func (sh *shared) restore(key string, record []byte) (ours bool, err error) {
	if name, found := strings.CutPrefix(key, untoldKey); found {
		var waits []told
		if err := decode(record, func(c *coder) { list(c, &waits, maxUntold, (*coder).told) }); err != nil {
			return true, err
		}
		sh.untold[name], sh.said[name] = waits, true
		sh.waits += len(waits)
		return true, nil
	}
	switch key {
	case gatheredKey:
		return true, decode(record, func(c *coder) { c.facts(&sh.gathered) })
	case sendingKey:
		return true, decode(record, func(c *coder) { c.news(sh) })
	}
	return false, nil
}

// HasNews tells whether there are news that the other hosts have not been told, and
// whether they should be soon: that a thief was seen, who may be at another host's
// door next, or that somebody was in a country.
func (s *Scorer) HasNews() (any, soon bool) {
	sh := s.shared
	if sh == nil {
		return false, false
	}
	return !(sh.gathered.empty() && sh.sending.empty()), sh.gathered.urgent() || sh.sending.urgent()
}

// News are those for the other hosts that the last Changes had, with their number;
// nil when there are none. They are to be told as they are until Told says that
// they were.
func (s *Scorer) News() (number uint64, news []byte) {
	sh := s.shared
	if sh == nil || sh.sending.empty() {
		return 0, nil
	}
	return sh.sequence, encode(func(c *coder) { c.facts(&sh.sending) })
}

// Told notes that the other hosts have the news of a number.
func (s *Scorer) Told(number uint64) {
	if sh := s.shared; sh != nil && sh.sequence == number {
		sh.sending, sh.fresh = facts{}, true
	}
}

// TellsOf answers what tells whether news are of a user.
func TellsOf(user string) func(news []byte) bool {
	hash := hashName(user)
	return func(news []byte) bool {
		var f facts
		return decode(news, func(c *coder) { c.facts(&f) }) == nil && f.tells(hash)
	}
}

// Hear takes in news of another host.
func (s *Scorer) Hear(news []byte) error {
	var f facts
	if err := decode(news, func(c *coder) { c.facts(&f) }); err != nil {
		return err
	}
	s.server.learn(&f)
	s.brake.elsewhere(f.countries)
	return nil
}
