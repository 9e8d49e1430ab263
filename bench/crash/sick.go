package main

import (
	"context"
	"errors"
	"time"
)

// sickness is what befalls a machine while the daemon follows the log: it begins,
// lasts, and ends, and may have had the daemon started anew.
type sickness func(context.Context, *daemon) (*daemon, error)

// suffer reads the log, of which a quarter is written before the sickness, half of it
// while it lasts.
func (s *server) suffer(ctx context.Context, within time.Duration, sick sickness) (*daemon, error) {
	d, err := s.start()
	if err != nil {
		return nil, err
	}
	defer func() { d.kill() }()
	if err := d.comes(ctx, d.running); err != nil {
		return nil, err
	}
	written := s.write(within)
	if err := rest(ctx, within/4); err != nil {
		return nil, err
	}
	healed, err := sick(ctx, d)
	if err != nil {
		return nil, errors.Join(err, d.kill(), d.last())
	}
	d = healed
	if err := errors.Join(<-written, appendTo(s.file("mail.log"), lastLine)); err != nil {
		return nil, err
	}
	return d, errors.Join(d.comes(ctx, d.done), d.stop())
}

// rest lets time pass.
func rest(ctx context.Context, while time.Duration) error {
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
