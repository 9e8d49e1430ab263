package daemon

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"sendwarden/control"
	"sendwarden/scoring"
	"sendwarden/state"
)

// chronicle is what became of the messages of users, for reports: of all together by
// the hour, and of those who are blocked. It is small whatever happens: single messages
// are the log's. Guarded by turn.
type chronicle struct {
	days    map[string]*[24]control.Outcomes // by the date in UTC
	changed map[string]bool                  // days that the state does not know yet
	faded   []string                         // days that it is to forget
	fates   map[string]*control.Fate         // by folded user
}

const (
	// chronicleLife is how long hours are kept: more than a report's month.
	chronicleLife = 35 * 24 * time.Hour
	// mostFates is more blocked users than anybody reads about.
	mostFates = 1000
)

func newChronicle() chronicle {
	return chronicle{days: make(map[string]*[24]control.Outcomes), changed: make(map[string]bool), fates: make(map[string]*control.Fate)}
}

// judged counts a message whose fate is known.
func (c *chronicle) judged(v scoring.Verdict, became scoring.Action) {
	if scoring.KindOf(v.User) != scoring.Users {
		return
	}
	day, hour := v.Time.UTC().Format(time.DateOnly), v.Time.UTC().Hour()
	if c.days[day] == nil {
		c.days[day] = new([24]control.Outcomes)
	}
	c.changed[day] = true
	switch counts := &c.days[day][hour]; became {
	case scoring.Hold:
		counts.Held++
	case scoring.Refuse:
		counts.Refused++
	default:
		counts.LetThrough++
	}
	switch fate := c.fates[v.User]; {
	case v.Action == scoring.Block && len(c.fates) < mostFates:
		c.fates[v.User] = &control.Fate{Messages: v.Messages, Recipients: v.Recipients}
		if len(v.Reasons) > 0 {
			c.fates[v.User].Since = v.Reasons[0].Time
		}
	case became == scoring.Refuse && v.Action == scoring.Refuse && (fate != nil || len(c.fates) < mostFates):
		if fate == nil { // blocked by hand
			fate = &control.Fate{}
			c.fates[v.User] = fate
		}
		fate.Refused++
		fate.Last = v.Time
	}
}

// became is what is done with a message on a verdict: what is only said, and a message
// that the log tells of when Postfix has taken it, is let through. The caller has the
// turn.
func (d *Daemon) became(v scoring.Verdict) scoring.Action {
	switch {
	case d.mode() == "watch":
	case v.Action == scoring.Hold && d.holds():
		return scoring.Hold
	case v.Action == scoring.Refuse, v.Action == scoring.Block && d.door != nil:
		return scoring.Refuse
	}
	return scoring.Allow
}

// put adds to a save what has changed.
func (c *chronicle) put(d *Daemon, batch *state.Batch) {
	for day := range c.changed {
		data, err := json.Marshal(c.days[day])
		if err != nil {
			panic(err) // only of types that JSON has no form for; there are none here
		}
		batch.Put(volumeKey+day, data)
	}
	clear(c.changed)
	for _, day := range c.faded {
		batch.Put(volumeKey+day, nil)
	}
	c.faded = nil
	d.memory.record(batch, fatesKey, c.fates)
}

// fade forgets the days that are too old.
func (c *chronicle) fade(now time.Time) {
	for day := range c.days {
		if day < now.Add(-chronicleLife).UTC().Format(time.DateOnly) {
			delete(c.days, day)
			delete(c.changed, day)
			c.faded = append(c.faded, day)
		}
	}
}

// hours are those in which there were messages, in order.
func (c *chronicle) hours() []control.Hour {
	hours := []control.Hour{}
	for _, day := range slices.Sorted(maps.Keys(c.days)) {
		start, err := time.Parse(time.DateOnly, day)
		if err != nil {
			continue // no key that put writes
		}
		for i, counts := range c.days[day] {
			if counts != (control.Outcomes{}) {
				hours = append(hours, control.Hour{Start: start.Add(time.Duration(i) * time.Hour), Outcomes: counts})
			}
		}
	}
	return hours
}

// restore reads the chronicle of a state. What cannot be read is passed over.
func (c *chronicle) restore(store *state.Store) (err error) {
	err = store.Each(volumeKey, func(key string, record []byte) error {
		hours := new([24]control.Outcomes)
		if json.Unmarshal(record, hours) == nil {
			c.days[key[len(volumeKey):]] = hours
		}
		return nil
	})
	record, loadErr := store.Load(fatesKey)
	if record != nil && json.Unmarshal(record, &c.fates) != nil || c.fates == nil {
		c.fates = make(map[string]*control.Fate)
	}
	maps.DeleteFunc(c.fates, func(_ string, f *control.Fate) bool { return f == nil })
	return errors.Join(err, loadErr)
}
