package shared

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// forgottenLife is how long it stays known that somebody was forgotten, for hosts
// that are off meanwhile.
const forgottenLife = 30 * 24 * time.Hour

// Forgetting is what it takes to forget a user.
type Forgetting struct {
	User    string
	Record  []byte                   // in the place of the user's
	Order   []byte                   // for all hosts: the decision to forget
	Listed  func(data []byte) []byte // what stays of the last decision about the user; nil: nothing
	Decided func(data []byte) bool   // tells whether a decision is about the user
	Told    func(news []byte) bool   // tells whether news are
}

// Forget leaves nothing in the engine that tells of a user, but what keeps hosts
// from telling it again, for a while, and that mail may be sent or not.
func (e *Engine) Forget(ctx context.Context, f Forgetting) error {
	client, err := e.reach()
	if err != nil {
		return err
	}
	name := e.userKey(f.User)
	err = client.Do(ctx, client.B().Set().Key(name).Value(rueidis.BinaryString(f.Record)).ExSeconds(int64(forgottenLife/time.Second)).Build()).Error()
	if err != nil {
		return e.failed(err)
	}
	if err := e.clearList(ctx, client, f); err != nil {
		return err
	}
	if err := e.clearStream(ctx, client, e.allKey("wire"), func(fields map[string]string) bool { return f.Decided([]byte(fields["d"])) }); err != nil {
		return err
	}
	if err := e.clearStream(ctx, client, e.allKey("news"), func(fields map[string]string) bool { return f.Told([]byte(fields["n"])) }); err != nil {
		return err
	}
	return client.Do(ctx, client.B().Xadd().Key(e.allKey("wire")).Id("*").FieldValue().FieldValue("d", rueidis.BinaryString(f.Order)).Build()).Error()
}

// clearList reduces the last decision about the user to what has to stay.
func (e *Engine) clearList(ctx context.Context, client rueidis.Client, f Forgetting) error {
	value, err := client.Do(ctx, client.B().Hget().Key(e.allKey("list")).Field(f.User).Build()).ToString()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	if err != nil {
		return err
	}
	left := ""
	if id, data, found := cutDecision(value); found {
		if stays := f.Listed(data); stays != nil {
			left = id + " " + string(stays)
		}
	}
	return e.run(ctx, client, newScript(reword), []string{e.allKey("list")}, []string{f.User, value, left}).Error()
}

// clearStream removes the entries of a stream that are about the user.
func (e *Engine) clearStream(ctx context.Context, client rueidis.Client, key string, about func(map[string]string) bool) error {
	return e.stream(ctx, client, key, func(id string, fields map[string]string) error {
		if !about(fields) {
			return nil
		}
		return client.Do(ctx, client.B().Xdel().Key(key).Id(id).Build()).Error()
	})
}

// stream hands over the entries of a stream, the oldest first.
func (e *Engine) stream(ctx context.Context, client rueidis.Client, key string, each func(id string, fields map[string]string) error) error {
	for from := "-"; ; {
		page, err := client.Do(ctx, client.B().Xrange().Key(key).Start(from).End("+").Count(readAtOnce).Build()).AsXRange()
		if err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
		for _, x := range page {
			if err := each(x.ID, x.FieldValues); err != nil {
				return err
			}
			from = "(" + x.ID
		}
		if len(page) < readAtOnce {
			return nil
		}
	}
}

// Decisions hands over those that are on the wire, the oldest first.
func (e *Engine) Decisions(ctx context.Context, each func(Decision) error) error {
	client, err := e.reach()
	if err != nil {
		return err
	}
	return e.stream(ctx, client, e.allKey("wire"), func(id string, fields map[string]string) error {
		return each(Decision{ID: id, Data: []byte(fields["d"])})
	})
}
