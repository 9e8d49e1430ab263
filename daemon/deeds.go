package daemon

import (
	"errors"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/control"
	"sendwarden/maillog"
	"sendwarden/scoring"
	"sendwarden/words"
)

// later puts off what a verdict asks for until the path is free again: a table
// takes its time to be built, and neither the log nor the door is to wait for it.
func (d *Daemon) later(deed func()) {
	d.deeds = append(d.deeds, deed)
	select {
	case d.wake <- struct{}{}:
	default: // the loop has been told already
	}
}

// perform does what was put off.
func (d *Daemon) perform() {
	d.turn.Lock()
	deeds := d.deeds
	d.deeds = nil
	d.turn.Unlock()
	for _, deed := range deeds {
		deed()
	}
	if len(deeds) > 0 {
		d.decided(time.Now())
	}
}

// judged asks for what a verdict makes necessary.
func (d *Daemon) judged(ev *maillog.Event, v scoring.Verdict) {
	if d.meter != nil {
		d.meter.judged(d.path.Places.Place(ev.Addr).Country, v)
	}
	d.counts.judged(v)
	d.told.judged(v, d.became(v))
	d.show(ev, v)
	d.raise(v)
	if id := ev.QueueID; v.Action != scoring.Allow && v.Action != scoring.Refuse || v.Braked || v.Spared {
		d.later(func() { d.act(v, id) })
	}
}

// raise notes whose score is near a threshold.
func (d *Daemon) raise(v scoring.Verdict) {
	if v.Score >= d.rules.Hold/2 && len(d.raised) < maxRaised {
		d.raised[v.User] = true
	}
}

// maxRaised bounds the users who are noticed for their score.
const maxRaised = 10_000

// act carries out a verdict.
func (d *Daemon) act(v scoring.Verdict, id string) {
	switch v.Action {
	case scoring.Hold:
		if d.holds() {
			break // Postfix will ask about it, and held says so
		}
		d.log.Warn("unsure", "user", maillog.Mask(v.User), "score", words.Points(v.Score), "queue_id", id, "why", why(v))
	case scoring.Block:
		d.block(v)
	case scoring.Alarm:
		d.alarm(v)
	}
	if v.Braked {
		d.tell(notice(alert.Brake, v))
		d.log.Error("too many users in one hour to be thefts: not blocked. Look at the rules and the age of the geolocation data; max_blocks sets the limit", "user", maillog.Mask(v.User), "score", words.Points(v.Score), "why", why(v))
	}
	if v.Spared {
		d.log.Warn("never_block spared a user", "user", maillog.Mask(v.User), "score", words.Points(v.Score), "why", why(v))
	}
}

func (d *Daemon) block(v scoring.Verdict) {
	log := d.log.With("user", maillog.Mask(v.User), "score", words.Points(v.Score), "threshold", words.Points(v.Limit), "why", why(v))
	switch {
	case v.Time.Before(d.logs.began):
		d.before(v.User, v)
		return
	case d.mode() == "watch":
		log.Warn("would block")
		d.forgive(v.User, v.Time, false) // who is not on the list is not blocked, at the next start either
		return
	}
	log.Warn("blocking")
	if d.write(blocklist.Entry{User: v.User, Action: d.rules.Reply, Since: v.Time, Score: v.Score, Notes: notes(v)}) {
		d.note(control.Record{Who: control.ByItself, Act: control.Block, User: v.User, Score: round(v.Score), Why: why(v)})
		d.porter.hold(v.User)
		d.clerk.shutOut(v.User, v.Strangers)
		d.tell(notice(alert.Block, v))
	}
	d.memory.due = true
}

// alarm tells of a sender who is no user. It is never put on the blocklist, where
// Postfix looks up log-in names: what stops it stands in docs/senders.md, and a hook
// may do it.
func (d *Daemon) alarm(v scoring.Verdict) {
	if v.Time.Before(d.logs.began) {
		return
	}
	d.log.Warn("alarm", "sender", maillog.Mask(v.User), "score", words.Points(v.Score), "threshold", words.Points(v.Limit), "why", why(v),
		"messages", v.Messages, "recipients", v.Recipients)
	if d.mode() != "watch" {
		d.tell(notice(alert.Alarm, v))
	}
}

// keep remembers what the porter has put on hold, to let it go when the user is
// released. If that was meanwhile, it goes at once.
func (d *Daemon) keep(user string, ids []string) {
	if len(ids) == 0 {
		return
	}
	entry, listed := d.list.Lookup(user)
	d.turn.Lock()
	defer d.turn.Unlock()
	if !d.path.Scorer.Blocks(user) && !(listed && entry.Blocks()) {
		d.porter.release(user, ids)
		return
	}
	d.kept[user] = append(d.kept[user], ids...)
	n := alert.Notice{Kind: alert.Queue, Time: time.Now(), User: user, Held: alert.Volume{Messages: len(ids)}}
	d.later(func() { d.tell(n) })
}

// write puts an entry on the blocklist, and tells whether the user is to be taken
// for blocked; what cannot be written now is tried again each second.
func (d *Daemon) write(e blocklist.Entry) bool {
	err := d.list.Block(e)
	delete(d.untold, e.User)
	switch {
	case err == nil:
		d.log.Warn("blocked", "user", maillog.Mask(e.User))
	case errors.Is(err, blocklist.ErrAlready):
		d.log.Info("stands on the blocklist already", "user", maillog.Mask(e.User))
	case errors.Is(err, blocklist.ErrExempt):
		d.log.Warn("not blocked: the blocklist says never to", "user", maillog.Mask(e.User))
		d.forgive(e.User, e.Since, false)
		return false
	case errors.Is(err, blocklist.ErrName):
		d.log.Error("cannot be blocked by any table: lock the account itself", "user", maillog.Mask(e.User), "error", err)
	case errors.Is(err, blocklist.ErrTable):
		d.fault(behind, err)
	default:
		d.pending = append(d.pending, e)
		d.fault(unwritten, err)
	}
	return true
}

// What fault is asked to say, each thing once until it changes.
const (
	behind      = "the table for Postfix is behind the blocklist"
	unwritten   = "the blocklist could not be written; trying again"
	unread      = "the blocklist"
	unheard     = "a log cannot be read, and nobody is judged by it"
	unsaved     = "what is remembered cannot be written down; trying again"
	oldDatabase = "a geolocation database stays as it was"
)

// fault tells of an error when it begins or changes; nil is its end.
func (d *Daemon) fault(text string, err error) {
	switch {
	case err == nil:
		delete(d.failing, text)
	case err.Error() != d.failing[text]:
		d.failing[text] = err.Error()
		d.log.Error(text, "error", err)
		d.tell(trouble(text, err, time.Now()))
	}
}

// mended is fault, and says the end of it, too.
func (d *Daemon) mended(text string, err error, end string) {
	if _, was := d.failing[text]; was && err == nil {
		d.log.Info(end)
	}
	d.fault(text, err)
}

func (d *Daemon) retry() {
	pending := d.pending
	d.pending = nil
	for _, e := range pending {
		d.write(e)
	}
	if len(pending) > 0 && len(d.pending) == 0 {
		d.log.Info("the blocklist is written again")
		d.fault(unwritten, nil)
	}
}

// reviewed takes note of what people and other commands did to the blocklist.
func (d *Daemon) reviewed(now time.Time) {
	change, err := d.list.Refresh()
	d.fault(unread, err)
	if err == nil {
		d.mended(behind, nil, "the table for Postfix is as the blocklist again")
	}
	for _, e := range change.Removed {
		d.releasedByHand(blocklist.Fold(e.User), now, control.Record{})
	}
	for _, e := range append(change.Added, change.Changed...) {
		d.log.Info("set by hand", "user", maillog.Mask(e.User), "action", e.Action)
		if e.Blocks() || e.Exempt() {
			d.note(control.Record{Time: now, Who: control.ByFile, Act: actOf(e), User: blocklist.Fold(e.User), Why: e.Action})
		}
		if e.Blocks() {
			d.turn.Lock()
			d.path.Scorer.Blocked(blocklist.Fold(e.User), now)
			d.turn.Unlock()
		} else {
			d.forgive(e.User, now, e.Exempt())
		}
	}
}

// actOf is what a line of the blocklist does to its user.
func actOf(e blocklist.Entry) control.Kind {
	if e.Blocks() {
		return control.Block
	}
	return control.Exempt
}

// releasedByHand takes note of a line that is gone from the blocklist. What the
// ledger has about it already is the word; else it was an edit of the file.
func (d *Daemon) releasedByHand(user string, now time.Time, word control.Record) {
	d.log.Info("released by hand", "user", maillog.Mask(user))
	delete(d.untold, user)
	if word.Act != control.Release {
		d.note(control.Record{Time: now, Who: control.ByFile, Act: control.Release, User: user})
	}
	d.forgive(user, now, !word.NoLearn)
	d.tell(alert.Notice{Kind: alert.Release, Time: now, User: user})
}

// forgive tells the scorer that a user may send again, and lets go what was held
// of their mail.
func (d *Daemon) forgive(user string, now time.Time, teach bool) { d.pardon(user, now, teach, false) }

// pardon is forgive, as another host has done it for all or as this one does.
func (d *Daemon) pardon(user string, now time.Time, teach, elsewhere bool) {
	user = blocklist.Fold(user)
	d.turn.Lock()
	var held []scoring.MessageID
	release := func() { held = d.path.Scorer.Released(user, now, teach) }
	if elsewhere {
		d.path.Scorer.Apart(release)
	} else {
		release()
	}
	ids := d.kept[user]
	delete(d.kept, user)
	delete(d.told.fates, user)
	d.turn.Unlock()
	for _, message := range held {
		ids = append(ids, message.ID)
	}
	d.porter.release(user, ids)
	d.clerk.release(user)
}

// released lets a message go whose user's score has faded.
func (d *Daemon) released(r scoring.Release) {
	d.later(func() {
		d.log.Info("no longer unsure", "user", maillog.Mask(r.User), "queue_id", r.Message.ID)
		if d.door != nil { // else it was never held
			d.porter.release(r.User, []string{r.Message.ID})
		}
	})
}

func (d *Daemon) doubtful(ev *maillog.Event) {
	if !d.odd[ev.User] && len(d.odd) < 1000 {
		d.odd[ev.User] = true
		d.log.Warn("not judged: a log cannot be trusted with such a name", "user", maillog.Mask(ev.User), "ip", ev.Addr.String(), "queue_id", ev.QueueID)
	}
}
