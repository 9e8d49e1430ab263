package daemon

import (
	"context"
	"time"

	"sendwarden/alert"
	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/policy"
	"sendwarden/scoring"
	"sendwarden/words"
)

// openDoor opens the sockets on which Postfix asks, if the rules file names any.
func (d *Daemon) openDoor() error {
	config := d.settings.Door
	if len(config.Listen)+len(config.Socketmap) == 0 {
		return nil
	}
	var err error
	if d.door, err = policy.Open(config); err != nil {
		return err
	}
	d.door.Warn = func(err error) { d.log.Warn("at the door", "error", err) }
	return nil
}

// stand answers Postfix until the context ends.
func (d *Daemon) stand(ctx context.Context) {
	if d.door == nil {
		return
	}
	d.log.Info("standing at the door", "sockets", d.door.Addresses())
	if err := d.door.Run(ctx, d.meter.timed(d.answer), d.lookUp); err != nil {
		d.meter.left()
		d.log.Error("no longer at the door: Postfix goes by the table alone", "error", err)
	}
}

// answer tells Postfix what to do with a message before it takes it. A message
// is judged once, at DATA or at its end; whoever asks earlier is told only about
// the blocked.
func (d *Daemon) answer(r *policy.Request) policy.Action {
	if r.User == "" || scoring.Reserved(r.User) { // no name of a user: it would be judged as another kind of sender
		return policy.Dunno()
	}
	until := d.sharing.patience()
	entry, listed := d.list.Lookup(r.User)
	ev := asEvent(r, d.now())
	sub := d.path.Placed(&ev)
	sub.Asked, sub.Message = true, scoring.MessageID{ID: r.QueueID}

	d.turn.lockUntil(until)
	defer d.turn.Unlock()
	var v scoring.Verdict
	if r.State == "DATA" || r.State == "END-OF-MESSAGE" {
		v = d.path.Asked(&ev, sub)
	}
	switch {
	case listed && entry.Exempt():
		return policy.Dunno()
	case listed && entry.Blocks():
		return refusal(entry.Action)
	case d.mode() == "watch":
		return policy.Dunno()
	case d.path.Scorer.Blocks(sub.User):
		return refusal(d.rules.Reply)
	case v.Action == scoring.Hold && d.holds():
		d.later(func() { d.held(v, r.QueueID) })
		return policy.Hold("score " + words.Points(v.Score) + ": " + why(v))
	}
	return policy.Dunno()
}

// asEvent makes of a question what the log will tell of the same message. The
// time is the clock's: nothing older stands in a request.
func asEvent(r *policy.Request, now time.Time) maillog.Event {
	ev := maillog.Event{
		Type: maillog.Submission, Time: now, User: r.User, Addr: r.Addr, Method: r.Method,
		QueueID: r.QueueID, From: r.Sender, Recipients: r.Recipients,
	}
	if r.ClientName != "unknown" {
		ev.ClientName = r.ClientName
	}
	return ev
}

// held says that Postfix was told to let a message wait.
func (d *Daemon) held(v scoring.Verdict, id string) {
	d.log.Warn("held", "user", maillog.Mask(v.User), "score", words.Points(v.Score), "queue_id", id, "why", why(v))
	d.tell(notice(alert.Hold, v))
}

// lookUp answers Postfix where it asks by socketmap: the blocklist as a table
// that is never behind. Postfix does not fold the name there; Lookup does.
func (d *Daemon) lookUp(_, user string) policy.Reply {
	entry, listed := d.list.Lookup(user)
	d.turn.Lock()
	defer d.turn.Unlock()
	switch {
	case listed && entry.Blocks():
		return policy.Found(refusal(entry.Action))
	case listed || d.mode() == "watch" || !d.path.Scorer.Blocks(blocklist.Fold(user)):
		return policy.NotFound()
	}
	return policy.Found(refusal(d.rules.Reply)) // a name that no table can hold
}

// refusal is what a blocked user is told. An action that cannot be given as an
// answer, such as DISCARD, is left to the table, which Postfix looks at first;
// where it does not, refusing is nearest to what was meant.
func refusal(text string) policy.Action {
	action, err := policy.ParseAction(text)
	if err != nil || action == policy.Dunno() {
		return policy.Reject("5.7.1 Sending is suspended for this account. Please contact your administrator.")
	}
	return action
}
