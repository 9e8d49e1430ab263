package scoring

import (
	"slices"
	"time"
)

// brake stops us from silencing a whole company: a bad update of a geolocation
// database, or a rule with a slip of the pen, blocks many users at once, which
// thieves hardly ever do. Beyond a number of blocks in an hour, users are only
// reported.
type brake struct {
	blocks           []int64 // times within the last hour, Unix seconds
	day              int32
	today, yesterday int // users seen

	did braking // since it was cleared
}

// braking is what a submission did to the brake, so that it can be taken back.
type braking struct {
	day   int32 // a user of that day was counted; 0: none
	block int64 // and a block at that time; 0: none
}

// undo takes back what a submission did.
func (b *brake) undo(did braking) {
	if did.day != 0 && did.day == b.day {
		b.today--
	}
	if i := slices.Index(b.blocks, did.block); i >= 0 && did.block != 0 {
		b.blocks = slices.Delete(b.blocks, i, i+1)
	}
}

// Without max_blocks in the rules, a twentieth of the users of a day may be
// blocked in an hour, but ten on the smallest server.
const (
	leastBlocks = 10
	blockShare  = 20
	maxBraked   = 1 << 20
)

// seen counts the users of a day; call it with each user's first submission.
func (b *brake) seen(day int32) {
	if day != b.day {
		b.day, b.today, b.yesterday = day, 0, b.today
	}
	b.today++
	b.did.day = day
}

// elsewhere counts the users of a day that another host has seen. Who was in two
// countries counts twice; nobody needs to know better.
func (b *brake) elsewhere(uses map[uint32]float64) {
	for _, days := range uses {
		b.today += int(days)
	}
}

// BlockedElsewhere counts a block by the verdict of another host: a database that errs
// does so on all hosts, and must not silence as many users as there are hosts times the
// limit.
func (s *Scorer) BlockedElsewhere(at time.Time) {
	if b := &s.brake; len(b.blocks) < maxBraked {
		b.blocks = append(b.blocks, at.Unix())
	}
}

// allows tells whether one more block is allowed, and counts it if so.
func (b *brake) allows(now int64, most int) bool {
	if most == 0 {
		most = max(leastBlocks, max(b.today, b.yesterday)/blockShare)
	}
	kept := b.blocks[:0]
	for _, at := range b.blocks {
		if now-at < hourStep {
			kept = append(kept, at)
		}
	}
	b.blocks = kept
	if len(kept) >= most {
		return false
	}
	b.blocks = append(kept, now)
	b.did.block = now
	return true
}
