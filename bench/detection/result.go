package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"sendwarden/simulate"
)

// result is how verdicts compare with the truth, of one world or of several.
type result struct {
	userDays, honest int // what could have gone wrong
	held             int // honest messages that had to wait
	heldOut          int // honest messages held for longer than half an hour
	thefts           []outcome
	wrong            []mistake
	heldByKind       map[string]int
	people           map[string]int
}

// outcome is what became of one theft.
type outcome struct {
	seed      uint64
	theft     simulate.Theft
	caught    bool
	delivered int           // of the thief's messages, before the block
	after     time.Duration // from the thief's first message to the block
}

// mistake is an honest user who was blocked.
type mistake struct {
	seed uint64
	kind string
	verdict
}

func newResult() *result {
	return &result{heldByKind: make(map[string]int), people: make(map[string]int)}
}

func (r *result) add(x *result) {
	r.userDays += x.userDays
	r.honest += x.honest
	r.held += x.held
	r.heldOut += x.heldOut
	r.thefts = append(r.thefts, x.thefts...)
	r.wrong = append(r.wrong, x.wrong...)
	for k, n := range x.heldByKind {
		r.heldByKind[k] += n
	}
	for k, n := range x.people {
		r.people[k] += n
	}
}

// quick is how soon a held honest message is to be let go.
const quick = 30 * time.Minute

// compare holds verdicts against the truth. A thief's message is delivered
// when it passed before the block, or was held and let go.
func compare(w simulate.World, truth simulate.Truth, verdicts []verdict, submissions []submission) *result {
	r := newResult()
	r.userDays, r.honest = w.Users*w.Days, truth.Honest
	kind := make(map[string]string)
	for _, p := range truth.People {
		kind[p.User] = p.Kind
		r.people[p.Kind]++
	}
	stolen := make(map[string]string) // queue id → user
	theft := make(map[string]simulate.Theft)
	for _, t := range truth.Thefts {
		theft[t.User] = t
		for _, id := range t.Messages {
			stolen[id] = t.User
		}
	}
	blocks := make(map[string]verdict)
	held, let := make(map[string]verdict), make(map[string]time.Time)
	for _, v := range verdicts {
		switch v.Type {
		case "block":
			if _, twice := blocks[v.User]; !twice {
				blocks[v.User] = v
			}
		case "hold":
			held[v.QueueID] = v
		case "release":
			let[v.QueueID] = v.Time
		}
	}
	for id, v := range held {
		if stolen[id] != "" {
			continue
		}
		r.held++
		r.heldByKind[kind[v.User]]++
		if at, released := let[id]; !released || at.Sub(v.Time) > quick {
			r.heldOut++
		}
	}
	for user, v := range blocks {
		if t, isTheft := theft[user]; !isTheft || v.Time.Before(t.Start) {
			r.wrong = append(r.wrong, mistake{w.Seed, kind[user], v})
		}
	}
	sent := make(map[string]int)
	for _, s := range submissions {
		if stolen[s.ID] == "" {
			continue
		}
		b, blocked := blocks[s.User]
		_, waited := held[s.ID]
		at, released := let[s.ID]
		passed := !blocked || s.At.Before(b.Time) && s.ID != b.QueueID
		if passed && (!waited || released && (!blocked || at.Before(b.Time))) {
			sent[s.User]++
		}
	}
	for _, t := range truth.Thefts {
		b, blocked := blocks[t.User]
		o := outcome{seed: w.Seed, theft: t, delivered: sent[t.User]}
		o.caught = blocked && !b.Time.Before(t.Start) && !b.Time.After(t.End.Add(time.Minute))
		o.after = b.Time.Sub(t.Start)
		r.thefts = append(r.thefts, o)
	}
	return r
}

func (r *result) print(w io.Writer, verbose bool) {
	caught, delivered := 0, make([]int, 0, len(r.thefts))
	type row struct {
		thefts, caught int
		delivered      []int
		after          []time.Duration
	}
	rows := make(map[string]*row)
	for _, o := range r.thefts {
		x := rows[o.theft.Kind]
		if x == nil {
			x = &row{}
			rows[o.theft.Kind] = x
		}
		x.thefts++
		x.delivered = append(x.delivered, o.delivered)
		delivered = append(delivered, o.delivered)
		if o.caught {
			caught++
			x.caught++
			x.after = append(x.after, o.after)
		} else if verbose {
			fmt.Fprintf(w, "missed  seed %d  %-16s %-16s %s  %s .. %s (%d messages, %d passed)\n", o.seed, o.theft.Kind, o.theft.Manner, o.theft.User,
				o.theft.Start.Format("01-02 15:04"), o.theft.End.Format("01-02 15:04"), len(o.theft.Messages), o.delivered)
		}
		if verbose && o.caught && o.delivered > 10 {
			fmt.Fprintf(w, "late    seed %d  %-16s %-16s %s  after %s, %d of %d passed\n", o.seed, o.theft.Kind, o.theft.Manner, o.theft.User, o.after.Round(time.Minute), o.delivered, len(o.theft.Messages))
		}
	}
	if verbose {
		for _, m := range r.wrong {
			fmt.Fprintf(w, "wrong   seed %d  %-10s %s %s:", m.seed, m.kind, m.User, m.Time.Format("01-02 15:04"))
			for _, why := range m.Reasons {
				fmt.Fprintf(w, " %s %+g (%s AS%d);", why.Rule, why.Points, why.Country, why.ASN)
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintf(w, "%-16s %8s %8s %8s %8s %8s\n", "theft", "caught", "of", "median", "p90", "after")
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		x := rows[k]
		fmt.Fprintf(w, "%-16s %8d %8d %8d %8d %8s\n", k, x.caught, x.thefts, quantile(x.delivered, 0.5), quantile(x.delivered, 0.9), quantile(x.after, 0.5).Round(time.Minute))
	}
	fmt.Fprintf(w, "all thefts: %d of %d caught (%.1f %%); messages delivered before the block: median %d, p90 %d\n",
		caught, len(r.thefts), percent(caught, len(r.thefts)), quantile(delivered, 0.5), quantile(delivered, 0.9))
	wrongKinds := make(map[string]int)
	for _, m := range r.wrong {
		wrongKinds[m.kind]++
	}
	fmt.Fprintf(w, "honest users blocked: %d in %d user-days (one in %.0f) %v\n", len(r.wrong), r.userDays, float64(r.userDays)/float64(max(len(r.wrong), 1)), wrongKinds)
	fmt.Fprintf(w, "honest messages held: %d of %d (%.3f %%), of these %.1f %% let go within %s %v\n",
		r.held, r.honest, percent(r.held, r.honest), percent(r.held-r.heldOut, r.held), quick, r.heldByKind)
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }

func quantile[T ~int | ~int64](list []T, q float64) T {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
