package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sendwarden/follow"
	"sendwarden/past"
	"sendwarden/words"
)

// Run is the daemon's life, from the first look at what it knew to the last save. It
// returns when the context ends.
func (d *Daemon) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	switch err := d.open(ctx, d.logs.sources); {
	case errors.Is(err, past.ErrStopped): // before all was learnt: the next start begins anew
		d.log.Info("stopped")
		return nil
	case err != nil:
		return err
	}
	d.log.Info("running", "version", d.with.Version, "rules", d.origin, "mode", d.mode(), "log", strings.Join(d.logs.sources, " "), "blocklist", d.with.Path)
	for _, s := range d.path.Places.Sources() {
		d.log.Info("geolocation", "data", words.Database(s, time.Now()))
	}
	d.service.ready(d.status())
	err := d.live(ctx, stop, d.logs.sources)
	d.log.Info("stopped")
	return err
}

// open opens all that the daemon works on, and brings back what it knew.
func (d *Daemon) open(ctx context.Context, sources []string) error {
	d.sayList()
	if err := d.openMemory(d.with.State); err != nil {
		return err
	}
	if err := d.openClerk(ctx, time.Now()); err != nil {
		return err
	}
	if err := d.openDoor(); err != nil {
		return err
	}
	if err := d.openAuthPolicy(); err != nil {
		return err
	}
	if err := d.openControl(); err != nil {
		return err
	}
	if err := d.openReview(); err != nil {
		return err
	}
	var err error
	if d.meter, err = openMeter(d.settings.Metrics, d.with.Version); err != nil {
		return err
	}
	d.porter.try(ctx)
	if !d.porter.able.Load() {
		d.log.Warn("the mail queue is out of reach: no mail is held until it is (a daemon that is not root asks `sendwarden queue-helper`; see queue: in the rules)")
	}
	if err := d.remember(); err != nil {
		return err
	}
	unknown := slices.DeleteFunc(slices.Clone(sources), func(source string) bool { _, known := d.logs.positions[source]; return known })
	if slices.Contains(unknown, follow.Journal) || slices.Contains(unknown, follow.Stdin) {
		d.logs.began = time.Now().Truncate(time.Second) // as stamps are
	}
	if len(unknown) == 0 {
		return nil
	}
	if err := d.learn(ctx, unknown); err != nil {
		return err
	}
	d.firstSave()
	return nil
}

// live runs the loop, and beside it those who wait for others: for Postfix at the
// door, for its queue, for mail servers and programs. What they had in hand when
// the loop ends is done, then all is written down.
func (d *Daemon) live(ctx context.Context, stop func(), sources []string) error {
	var others sync.WaitGroup
	for _, other := range []func(context.Context){d.stand, d.admit, d.steward.serve, d.showReview, d.porter.work, d.clerk.work, d.hooks.Run, d.desk.Run, d.tend, d.fade, d.serveMetrics} {
		others.Go(func() { other(ctx) })
	}
	err := d.loop(follow.Follow(ctx, sources, follow.Options{From: slices.Collect(maps.Values(d.logs.positions))}))
	close(d.steward.ended)
	d.service.stopping()
	stop()
	others.Wait()
	d.lastSave()
	return err
}
