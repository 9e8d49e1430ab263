package trace

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"sendwarden/maillog"
)

// Most is how many stories are kept. A log with more about one sender is shown
// in part, and says so.
const Most = 10_000

// maxPasses ends a search whose links go on and on.
const maxPasses = 8

// Search looks for the messages that a query names, and those linked to them.
type Search struct {
	query Query
	lines bool

	pass    int
	ids     map[string]bool // of the messages that are followed
	mids    map[string]bool // message-ids of wanted stories
	found   map[string]bool // ids that this pass found, for the next
	stories []*Story
	open    map[key]*Story // the last one of each id
	seeds   map[*Story]bool
	more    int // stories of this pass, and messages of the first, that are not kept
	skipped int
}

type key struct{ host, queue, id string }

// New begins a search; with lines each story keeps the lines that it is from.
func New(q Query, lines bool) *Search {
	s := &Search{query: q, lines: lines, ids: make(map[string]bool), mids: make(map[string]bool), found: make(map[string]bool)}
	for _, id := range q.ids {
		s.pass, s.found[id] = 1, true // what a first pass would find is known
	}
	return s
}

// Pass begins another reading of the logs. It reports false when none is needed:
// the stories are told.
func (s *Search) Pass() bool {
	if s.pass > 0 {
		grown := s.grow()
		if s.pass > 1 && !grown || s.pass == maxPasses || len(s.ids) == 0 {
			return false
		}
	}
	s.pass++
	s.stories, s.open, s.seeds = nil, make(map[key]*Story), make(map[*Story]bool)
	s.more = 0
	return true
}

// grow adds the ids and message-ids that the pass before has found.
func (s *Search) grow() (grown bool) {
	wanted := s.wanted()
	for _, story := range wanted {
		for _, l := range story.Links {
			s.found[l.ID] = true
		}
		if id := story.MessageID; id != "" && !s.mids[id] && len(s.mids) < Most {
			s.mids[id], grown = true, true
		}
	}
	for id := range s.found {
		if !s.ids[id] && len(s.ids) < 2*Most {
			s.ids[id], grown = true, true
		}
	}
	clear(s.found)
	return grown
}

// Span is where a line stands in a block.
type Span struct{ Start, End int }

// Finder finds the lines worth taking in blocks of a log. One serves a goroutine
// at a time; those of a pass may work at the same time.
type Finder struct {
	search *Search
	parser *maillog.Parser
	lower  []byte
}

// Finder makes one for this pass.
func (s *Search) Finder() *Finder {
	return &Finder{search: s, parser: maillog.NewParser(maillog.Options{})}
}

// Find appends where in a block the lines stand that are worth taking.
func (f *Finder) Find(block []byte, found []Span) []Span {
	if f.search.pass == 1 {
		found, f.lower = f.search.query.find(block, f.lower, found)
		return found
	}
	start := 0
	for raw := range bytes.Lines(block) {
		if f.wants(raw) {
			found = append(found, Span{start, start + len(raw)})
		}
		start += len(raw)
	}
	return found
}

// wants tells, for the price of a few look-ups, whether a line is about a message
// that is followed, names one, or carries its message-id.
func (f *Finder) wants(raw []byte) bool {
	var w maillog.Words
	if !f.parser.Words(raw, &w) {
		return false
	}
	id, text, source := w.About()
	if id == nil {
		return false
	}
	s := f.search
	if s.ids[string(id)] {
		return true
	}
	if before, ok := maillog.Before(text); ok && s.ids[string(before)] {
		return true
	}
	last := bytes.TrimSuffix(text[bytes.LastIndexByte(text, ' ')+1:], []byte(")"))
	if s.ids[string(last)] {
		return true
	}
	if len(s.mids) == 0 {
		return false
	}
	if _, mid, ok := w.MessageID(); ok {
		return s.mids[trimAngles(mid)]
	}
	if i := bytes.LastIndex(text, []byte(" id=")); i >= 0 && source == maillog.Exim && text[0] == '<' {
		mid, _, _ := bytes.Cut(text[i+len(" id="):], []byte(" "))
		return s.mids[string(mid)]
	}
	return false
}

// Take reads a line that Find found. The lines of one host are to come in their
// order; p is the parser of their log.
func (s *Search) Take(raw []byte, p *maillog.Parser) {
	var l line
	if !l.read(bytes.TrimRight(raw, "\r\n"), p) {
		return
	}
	if s.pass == 1 {
		switch {
		case !s.query.matches(&l):
		case len(s.found) < Most:
			s.found[string(l.id)] = true
		case !s.found[string(l.id)]:
			s.skipped++
		}
		return
	}
	_, other, _ := l.link()
	switch {
	case s.ids[string(l.id)]:
	case s.ids[other], l.messageID != "" && s.mids[l.messageID]:
		s.found[string(l.id)] = true
		return
	default:
		return
	}
	story := s.story(&l)
	if story == nil {
		return
	}
	story.tell(&l, s.lines)
	if s.query.matches(&l) {
		s.seeds[story] = true
	}
}

// linger is how long after a message left the queue a line may still be about it,
// as programs log side by side.
const linger = 2 * time.Second

// story is the one that a line belongs to: an id is used again when its message is
// gone, or when a line says that one comes in.
func (s *Search) story(l *line) *Story {
	k := key{l.host, l.queue, string(l.id)}
	last := s.open[k]
	if last != nil && !(l.begins() && last.begun) && !(last.Gone && (l.begins() || l.time.Sub(last.Ended) > linger)) {
		return last
	}
	if len(s.stories) == 2*Most {
		s.more++
		return nil
	}
	story := &Story{Host: l.host, Queue: l.queue, ID: k.id, UID: maillog.NoUID, place: len(s.stories), Outcomes: make(map[string]int)}
	s.open[k] = story
	s.stories = append(s.stories, story)
	return story
}

// Stories answers what was found, in order of time, and how many more messages
// there were than are kept.
func (s *Search) Stories() (stories []*Story, more int) {
	stories = s.wanted()
	slices.SortFunc(stories, func(a, b *Story) int { return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.place, b.place)) })
	return stories, s.more + s.skipped
}

// slack is how far the times of two lines about a link may be apart, apart from
// how long the messages are in the queue.
const slack = time.Minute

// wanted are the stories that the query names, and all that links lead to.
func (s *Search) wanted() []*Story {
	byID := make(map[string][]*Story)
	byMessageID := make(map[string][]*Story)
	for _, story := range s.stories {
		byID[story.ID] = append(byID[story.ID], story)
		if story.MessageID != "" {
			byMessageID[story.MessageID] = append(byMessageID[story.MessageID], story)
		}
	}
	linked := linkedBack(s.stories, byID)
	var wanted []*Story
	known := make(map[*Story]bool)
	var queue []*Story
	add := func(story *Story) {
		if story != nil && !known[story] && len(wanted) < Most {
			known[story] = true
			wanted, queue = append(wanted, story), append(queue, story)
		}
	}
	for _, story := range s.stories {
		if s.seeds[story] {
			add(story)
		}
	}
	for len(queue) > 0 {
		story := queue[0]
		queue = queue[1:]
		for _, l := range story.Links {
			add(at(byID[l.ID], l.Time))
		}
		for _, other := range linked[story] {
			add(other)
		}
		same := byMessageID[story.MessageID]
		delete(byMessageID, story.MessageID)
		for i, other := range same {
			if i > 0 {
				sameID(same[i-1], other)
			}
			add(other)
		}
	}
	return wanted
}

// linkedBack answers for each story those that name it.
func linkedBack(stories []*Story, byID map[string][]*Story) map[*Story][]*Story {
	back := make(map[*Story][]*Story)
	for _, story := range stories {
		for _, l := range story.Links {
			if other := at(byID[l.ID], l.Time); other != nil && other != story {
				back[other] = append(back[other], story)
				other.link(Link{l.Kind, story.ID, !l.Before, l.Time})
			}
		}
	}
	return back
}

// sameID links two stories by their message-id, where nothing else links them.
func sameID(a, b *Story) {
	for _, l := range a.Links {
		if l.ID == b.ID {
			return
		}
	}
	a.link(Link{SameID, b.ID, b.Began.Before(a.Began), b.Began})
	b.link(Link{SameID, a.ID, a.Began.Before(b.Began), a.Began})
}

// at is the story of an id that was being told at a time.
func at(stories []*Story, t time.Time) *Story {
	for _, s := range stories {
		if !t.Before(s.Began.Add(-slack)) && !t.After(s.Ended.Add(slack)) {
			return s
		}
	}
	return nil
}
