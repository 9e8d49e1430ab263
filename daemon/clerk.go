package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"sendwarden/blocklist"
	"sendwarden/maillog"
	"sendwarden/postfix"
	"sendwarden/scoring"
	"sendwarden/state"
)

const (
	// reloadPause is between two runs of postfix reload: each makes every idle
	// process of Postfix begin anew.
	reloadPause = 10 * time.Second
	// maxJobs is more than there are blocks and releases while one job is done.
	maxJobs = 4096
)

// clerk keeps the tables that Postfix reads only once for each process, and so
// has to be told of: that of thieves' addresses, and header checks. It works beside
// the loop, as it looks through what is remembered of all users.
type clerk struct {
	addresses *blocklist.Addresses // nil: none is kept
	headers   blocklist.HeaderConfig
	log       *slog.Logger
	store     *state.Store
	run       postfix.Command
	configDir string
	fault     func(text string, err error)
	failing   map[string]bool // what it was told of
	jobs      chan func(context.Context)

	written []blocklist.Entry // what the header checks were made of; the loop's

	due      bool // Postfix is to be told
	reloaded time.Time
	tell     struct{ addresses, headers bool } // whether it is, of which
}

// openClerk opens the tables that the rules file names.
func (d *Daemon) openClerk(ctx context.Context, now time.Time) (err error) {
	a, h := d.settings.Addresses, d.settings.HeaderChecks
	if a.File == "" && h.File == "" {
		return nil
	}
	c := &clerk{
		headers: h, log: d.log, store: d.memory.store, run: postfix.Exec, configDir: d.with.Postfix,
		fault: d.faultLater, failing: make(map[string]bool), jobs: make(chan func(context.Context), maxJobs),
	}
	c.tell.addresses, c.tell.headers = a.Reload, h.Reload
	if a.File != "" {
		if c.addresses, err = blocklist.OpenAddresses(a.File, blocklist.AddressOptions{Reply: a.Reply, Keep: a.Expire, Most: a.Most}, now); err != nil {
			return err
		}
		d.log.Info("the table of thieves' addresses is open", "postfix reads", c.addresses.Map())
	}
	if h.File != "" && h.Host == "" {
		if c.headers.Host, err = HostOf(ctx, c.run, c.configDir); err != nil {
			return err
		}
	}
	d.clerk = c
	d.clerk.list(d.list.Entries(), now)
	return nil
}

// HostOf is the name by which Postfix calls itself in the headers that it writes.
func HostOf(ctx context.Context, run postfix.Command, configDir string) (string, error) {
	config, err := postfix.Read(ctx, configDir, run)
	if err != nil {
		return "", fmt.Errorf("header_checks: %w (name Postfix's myhostname as host)", err)
	}
	return config.Main("myhostname"), nil
}

// faultLater is fault for others than the loop.
func (d *Daemon) faultLater(text string, err error) {
	d.turn.Lock()
	defer d.turn.Unlock()
	d.later(func() { d.fault(text, err) })
}

// later has the clerk do something. When it is hopelessly behind, that is said.
func (c *clerk) later(job func(context.Context)) {
	select {
	case c.jobs <- job:
	default:
		c.log.Error("the tables of addresses and header checks are behind: too much is to be done for them")
	}
}

// shutOut puts where a thief came from into the table.
func (c *clerk) shutOut(user string, addrs []netip.Addr) {
	if c == nil || c.addresses == nil || len(addrs) == 0 {
		return
	}
	c.later(func(ctx context.Context) {
		strangers, err := c.nobodys(ctx, addrs)
		if err != nil {
			c.say(noAddresses, err)
			return
		}
		n, err := c.addresses.Add(time.Now(), user, strangers...)
		c.say(noAddresses, err)
		if n > 0 {
			c.log.Warn("shut out", "addresses", n, "user", maillog.Mask(user))
			c.due = c.due || c.tell.addresses
		}
	})
}

// nobodys are those of some addresses that no user has come from on several days:
// many may share one, and who works there is not to be kept out for a thief.
func (c *clerk) nobodys(ctx context.Context, addrs []netip.Addr) ([]netip.Addr, error) {
	free := slices.Clone(addrs)
	err := c.store.Each(scoring.UserKey(""), func(_ string, record []byte) error {
		free = slices.DeleteFunc(free, func(a netip.Addr) bool { return scoring.Frequents(record, a) })
		return ctx.Err()
	})
	return free, err
}

// release takes out what was shut out for a user.
func (c *clerk) release(user string) {
	if c == nil || c.addresses == nil {
		return
	}
	c.later(func(context.Context) {
		n, err := c.addresses.Release(time.Now(), user)
		c.say(noAddresses, err)
		if n > 0 {
			c.log.Info("no longer shut out", "addresses", n, "user", maillog.Mask(user))
			c.due = c.due || c.tell.addresses
		}
	})
}

// list has the header checks say what the blocklist says.
func (c *clerk) list(entries []blocklist.Entry, now time.Time) {
	if c == nil || c.headers.File == "" || c.written != nil && slices.EqualFunc(entries, c.written, sameCheck) {
		return
	}
	c.written = append([]blocklist.Entry{}, entries...)
	c.later(func(context.Context) {
		changed, faults, err := blocklist.WriteHeaderChecks(c.headers.File, entries, c.headers.Host, now)
		c.say(noHeaders, err)
		for _, f := range faults {
			c.log.Error("header checks can't stop a user", "error", f)
		}
		if changed {
			c.log.Info("header checks written", "file", c.headers.File)
			c.due = c.due || c.tell.headers
		}
	})
}

func sameCheck(a, b blocklist.Entry) bool { return a.User == b.User && a.Action == b.Action }

// Faults that the clerk tells of.
const (
	noAddresses = "the table of thieves' addresses could not be written"
	noHeaders   = "the header checks could not be written"
	noReload    = "Postfix could not be reloaded; trying again"
)

// say tells of a fault, and of its end.
func (c *clerk) say(text string, err error) {
	if err != nil || c.failing[text] {
		c.failing[text] = err != nil
		c.fault(text, err)
	}
}

// work does what is asked for until the context ends, and then what was asked for
// before: who is released is not to be shut out until the next start.
func (c *clerk) work(ctx context.Context) {
	if c == nil {
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case job := <-c.jobs:
			job(ctx)
		case now := <-second.C:
			c.expire(now)
			c.reload(ctx, now)
		case <-ctx.Done():
			for len(c.jobs) > 0 {
				(<-c.jobs)(context.WithoutCancel(ctx))
			}
			return
		}
	}
}

func (c *clerk) expire(now time.Time) {
	if c.addresses == nil {
		return
	}
	changed, err := c.addresses.Expire(now)
	c.say(noAddresses, err)
	if changed {
		c.log.Info("addresses are let in again, as their time has passed")
		c.due = c.due || c.tell.addresses
	}
}

// reload tells Postfix, whose processes read such tables once. Sessions that are
// open go on with what they have read.
func (c *clerk) reload(ctx context.Context, now time.Time) {
	if !c.due || now.Sub(c.reloaded) < reloadPause {
		return
	}
	c.reloaded = now
	args := []string{"reload"}
	if c.configDir != "" {
		args = []string{"-c", c.configDir, "reload"}
	}
	_, err := c.run(ctx, "postfix", args...)
	c.due = err != nil
	c.say(noReload, err)
	if err == nil {
		c.log.Info("Postfix was reloaded, for the tables that have changed")
	}
}
