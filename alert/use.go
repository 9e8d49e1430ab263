package alert

import "slices"

// Use goes on by another configuration, one that Check has found nothing in. A way
// that stays keeps what waits for it, and how often it was used within the hour. What
// waits for one that goes is taken over by those that come; without any it goes to
// the log. A message that is on its way arrives as it was sent.
func (d *Desk) Use(c Config) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.journal = c.Journal
	before := d.ways
	d.ways = nil
	for _, w := range d.configured(c) {
		d.add(w)
	}
	var fresh []*way
	for i, w := range d.ways {
		at := slices.IndexFunc(before, func(old *way) bool { return old.name == w.name })
		if at < 0 {
			fresh = append(fresh, w)
			continue
		}
		d.ways[i] = before[at]
		before[at].become(w)
		before = slices.Delete(before, at, at+1)
	}
	for _, w := range before {
		w.gone, w.heirs = true, fresh
	}
	d.leaving = append(d.leaving, before...)
	for _, w := range slices.Concat(d.ways, before) {
		poke(w.wake) // it may be due earlier
	}
	poke(d.other)
}

// become takes over how another way of the same name sends, and when.
func (w *way) become(other *way) {
	w.send, w.limit, w.admits = other.send, other.limit, other.admits
	w.on, w.interval, w.perHour = other.on, other.interval, other.perHour
}

// bequeath gives what still waits for a way that is gone to its heirs.
func (d *Desk) bequeath(w *way) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !w.gone {
		return // the program ends: the Outbox has it
	}
	for _, waiting := range w.waiting {
		taken := false
		for _, heir := range w.heirs {
			if heir.gone || heir.single || w.single || !slices.Contains(heir.on, waiting.Kind) {
				continue // what is for a user is for no other, and the other way round
			}
			taken = true
			if lost := heir.tray.add(waiting.Notice, waiting.came); lost != nil {
				d.log.Error("an alert is not told: too many wait", "way", heir.name, "notice", *lost)
			}
			poke(heir.wake)
		}
		if !taken {
			d.untold(Waiting{Way: w.name, Notice: waiting.Notice})
		}
	}
	w.waiting = nil
}

func (d *Desk) untold(w Waiting) {
	d.log.Error("an alert is not told: its way is not configured any more", "way", Clean(w.Way, maxName), "notice", w.Notice)
}
