package main

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"
)

// size is a provider's.
type size struct {
	name         string
	users, hosts float64
}

// What is taken for granted of a provider's users. Measure your own: `sendwarden stats` has both.
const (
	messagesADay = 4.0
	busiestHour  = 0.12 // of a day's messages
	slots        = 16384.0
)

// newsSize is how long what one host tells the others in one go is on average, of
// the last that were told.
func (e *engine) newsSize() (bytes float64) {
	c := e.clients[0]
	last, err := c.Do(context.Background(), c.B().Xrevrange().Key("sendwarden:{all}:news").End("+").Start("-").Count(100).Build()).AsXRange()
	require.NoError(e.t, err)
	for _, x := range last {
		bytes += float64(len(x.FieldValues["n"])+len(x.FieldValues["h"])) / float64(len(last))
	}
	return bytes
}

// plan carries what was measured to other sizes.
func (b *bench) plan() *table {
	sizes := []size{{"100,000 users, 3 hosts", 1e5, 3}, {"1 million, 10", 1e6, 10}, {"10 million, 100", 1e7, 100}}
	t := &table{name: "plan", head: []string{""}}
	for _, s := range sizes {
		t.head = append(t.head, s.name)
	}
	c := b.most()
	row := func(what, unit string, of func(s size) float64) {
		cells := []any{what}
		for _, s := range sizes {
			cells = append(cells, figure(of(s))+unit)
		}
		t.add(cells...)
	}
	peak := func(s size) float64 { return s.users * messagesADay * busiestHour / 3600 }
	perUser := float64(b.users) / float64(len(b.site.crowd.names))
	row("keys", "", func(s size) float64 { return s.users })
	row("keys in each slot of a Cluster", "", func(s size) float64 { return s.users / slots })
	row("memory of the engine", " GB", func(s size) float64 { return s.users * perUser / 1e9 })
	row("submissions/s in the busiest hour", "", peak)
	row("exchanges/s", "", func(s size) float64 { return peak(s) * c.perFree.exchanges })
	row("of an engine's processor", " %", func(s size) float64 { return 100 * peak(s) * c.perFree.engine.Seconds() })
	row("of what redis-benchmark comes to", " %", func(s size) float64 { return 100 * peak(s) * c.perFree.exchanges / b.bestLimit() })
	row("network of the records, both ways", " Mbit/s", func(s size) float64 { return peak(s) * (c.perFree.toEngine + c.perFree.toHost) * 8 / 1e6 })
	row("network of the news: each host's once a second, to all others", " Mbit/s", func(s size) float64 {
		return s.hosts * s.hosts * b.news * 8 / 1e6
	})
	row("commands/s by which hosts look after the engine", "", func(s size) float64 { return s.hosts * 4 })
	row("disk of each host, where it has met all users", " GB", func(s size) float64 { return s.users * b.sizes.record / 1e9 })
	t.remark = fmt.Sprintf("%s messages of a user a day, %.0f %% of them in the busiest hour; costs of a submission as measured with %d hosts that get each message by chance.",
		figure(messagesADay), busiestHour*100, c.hosts)
	return t
}

// most is what was measured with the most hosts on one engine nearby.
func (b *bench) most() (most cost) {
	for _, c := range b.measured {
		if c.what == oneServer && c.hosts > most.hosts {
			most = c
		}
	}
	return most
}

// bestLimit is what redis-benchmark comes to without pipelining.
func (b *bench) bestLimit() (best float64) {
	for _, l := range b.limits {
		if l.pipeline == 1 {
			best = max(best, l.perSecond)
		}
	}
	return best
}
