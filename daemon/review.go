package daemon

import (
	"context"
	"time"

	"sendwarden/control"
	"sendwarden/review"
)

// openReview opens the review page, if one is asked for.
func (d *Daemon) openReview() error {
	config := d.settings.Review
	if d.with.Review != "" {
		config.Listen = d.with.Review
	}
	if config.Listen == "" {
		return nil
	}
	var err error
	d.page, err = review.Open(config, d.log, time.Now)
	return err
}

// showReview answers browsers until the context ends.
func (d *Daemon) showReview(ctx context.Context) {
	if d.page == nil {
		return
	}
	if link := d.page.Link(); link != "" {
		d.log.Info("the review page opens once by this link; sendwarden review prints another", "link", link)
	} else {
		d.log.Info("the review page is open", "socket", d.page.Address())
	}
	if err := d.page.Run(ctx, d.steward); err != nil {
		d.log.Error("there is no review page any more", "error", err)
	}
}

// ReviewLink is control.Service's.
func (s *steward) ReviewLink(context.Context) (string, error) {
	if s.page == nil {
		return "", control.NotFound("there is no review page (write review: {listen: 127.0.0.1:8025} into the rules file, or start the daemon with --review 127.0.0.1:8025)")
	}
	link := s.page.Link()
	if link == "" {
		return "", control.Conflict("the review page opens through the web server before it, which knows who you are (user_header)")
	}
	return link, nil
}
