package queue

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// shownTo is how many recipients of a message are named; the others are counted.
const shownTo = 3

// envelope is what a queue file says before the message's content.
type envelope struct {
	user       string // sasl_username; empty when nobody logged in
	sender     string
	arrived    time.Time
	queued     time.Time // from when Postfix counts the lifetime
	size       int64
	recipients int // still to be served
	to         []string
	client     netip.Addr // that handed it in

	original string // of the recipient that follows
	alias    string // the original of the most recipients
	aliased  int    // how many that are
	run      int    // recipients since the original changed
}

// readEnvelope reads the records up to the content. Two user names that differ
// are nobody's: Postfix writes one, and a doubt must not hold a user's mail.
func readEnvelope(r *records) (envelope, error) {
	var e envelope
	kind, data, err := r.next()
	if err == nil && kind != recSize {
		err = fmt.Errorf("%w: its size is missing", errDamaged)
	}
	if err == nil {
		e.size, err = firstNumber(data)
	}
	named := false
	for err == nil {
		kind, data, err = r.next()
		switch {
		case err != nil:
		case kind == recContent:
			return e, nil
		case kind == recAttribute:
			if addr, is := strings.CutPrefix(string(data), "client_address="); is && !e.client.IsValid() {
				client, _ := netip.ParseAddr(addr) // none for "unknown"
				e.client = client.Unmap()
			}
			user, is := strings.CutPrefix(string(data), "sasl_username=")
			if is && named && user != e.user {
				err = fmt.Errorf("%w: two user names", errDamaged)
			}
			if is {
				e.user, named = user, true
			}
		default:
			err = e.take(kind, data)
		}
	}
	return envelope{}, err
}

// take keeps what a record says that decides nothing.
func (e *envelope) take(kind byte, data []byte) error {
	switch kind {
	case recSender:
		e.sender = mask(string(data), maxAddress)
	case recOriginal:
		if original := mask(string(data), maxAddress); original != e.original {
			e.original, e.run = original, 0
		}
	case recRecipient:
		if e.recipients++; e.recipients <= shownTo {
			e.to = append(e.to, mask(string(data), maxAddress))
		}
		if e.run++; e.run > max(e.aliased, 1) && e.original != "" {
			e.alias, e.aliased = e.original, e.run
		}
	case recTime, recCreated:
		seconds, err := firstNumber(data)
		if err != nil {
			return err
		}
		at := time.Unix(seconds, 0)
		if kind == recTime {
			e.arrived = at
		}
		if kind == recCreated || e.queued.IsZero() {
			e.queued = at
		}
	}
	return nil
}

// firstNumber reads the number that a record begins with.
func firstNumber(data []byte) (int64, error) {
	number, _, _ := strings.Cut(strings.TrimLeft(string(data[:min(len(data), 40)]), " "), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: no number where one belongs", errDamaged)
	}
	return n, nil
}
