package daemon

import (
	"context"

	"sendwarden/authpolicy"
	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/scoring"
)

// openAuthPolicy opens the port where Dovecot asks, if the rules file names one.
func (d *Daemon) openAuthPolicy() (err error) {
	d.lodge, err = d.settings.AuthPolicy.Open()
	return err
}

// admit answers Dovecot until the context ends.
func (d *Daemon) admit(ctx context.Context) {
	if d.lodge == nil {
		return
	}
	d.log.Info("answering Dovecot", "at", d.lodge.Addr())
	server := authpolicy.New(d.settings.AuthPolicy, d.mayNotSend, func(q authpolicy.Question) {
		d.log.Info("may not log in to send", "user", maillog.Mask(q.Login), "protocol", maillog.Mask(q.Protocol), "ip", maillog.Mask(q.Remote))
	})
	if err := server.Serve(ctx, d.lodge); err != nil {
		d.log.Error("no longer answering Dovecot, which lets everybody in", "error", err)
	}
}

// mayNotSend tells whether a user is blocked, by the list or, where no table can
// hold the name, without it.
func (d *Daemon) mayNotSend(login string) bool {
	entry, listed := d.list.Lookup(login)
	if listed || scoring.Reserved(login) {
		return listed && entry.Blocks()
	}
	d.turn.Lock()
	defer d.turn.Unlock()
	return d.mode() == "enforce" && d.path.Scorer.Blocks(blocklist.Fold(login))
}
