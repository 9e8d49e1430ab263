package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"sendwarden/bench/people"
	"sendwarden/scoring"
	"sendwarden/shared"

	"github.com/stretchr/testify/require"
)

// crowd are the users: those of a simulated server, each many times over.
type crowd struct {
	people *people.People
	names  []string
	from   map[string][]netip.Addr // where the first of each kind sends from
	any    []netip.Addr
}

// newCrowd makes so many users, and the databases that know their addresses.
func newCrowd(t testing.TB, users int) (c *crowd, geo []string) {
	const seed, most = 7, 1200
	dir := t.TempDir()
	c = &crowd{from: make(map[string][]netip.Addr)}
	var err error
	c.people, err = people.SimulateIn(dir, seed, min(most, max(100, users/30)))
	require.NoError(t, err)
	for _, s := range c.people.Sent {
		if addr := s.Place.Addr; addr.IsValid() && !addr.IsPrivate() && !addr.IsLoopback() {
			c.from[s.User] = append(c.from[s.User], addr)
			c.any = append(c.any, addr)
		}
	}
	require.NoError(t, c.people.Many(users, func(key string, _ []byte) error {
		name, _ := scoring.UserOf(key)
		c.names = append(c.names, name)
		return nil
	}))
	return c, people.Databases(dir)
}

// message is one that somebody sends.
type message struct {
	user string
	addr netip.Addr
}

// next is a message of one of the first n users, from where that user sends.
func (c *crowd) next(r *rand.Rand, n int) message {
	k := r.IntN(min(n, len(c.names)))
	from := c.from[c.names[k%len(c.people.Users)]]
	if len(from) == 0 {
		from = c.any
	}
	return message{c.names[k], from[r.IntN(len(from))]}
}

const fillAtOnce = 500

// fill gives an engine what is remembered of all users.
func (c *crowd) fill(t testing.TB, url string) {
	config, err := shared.Parse(url)
	require.NoError(t, err)
	config.Wait = 2 * time.Second
	e := shared.New(config, shared.NewHost(), "fill", time.Now())
	end, err := e.Connect(context.Background())
	require.NoError(t, err)
	defer end()
	var part []*shared.Swap
	flush := func() {
		require.NoError(t, e.Swap(part, time.Time{}))
		part = part[:0]
	}
	require.NoError(t, c.people.Many(len(c.names), func(key string, record []byte) error {
		name, _ := scoring.UserOf(key)
		x, err := scoring.ToShared(name, record, nil)
		if err != nil {
			return err
		}
		if part = append(part, &shared.Swap{Key: x.User, Record: x.Record, Life: kept}); len(part) == fillAtOnce {
			flush()
		}
		return nil
	}))
	flush()
}

// kept is how long a user is kept who is not seen: the shipped rules' `forget`.
const kept = 400 * 24 * time.Hour

// thief is a message of a thief's, from the nth of five countries.
func (c *crowd) thief(user string, n int) message {
	seen := make(map[string]bool)
	var addrs []netip.Addr
	for _, s := range c.people.Sent {
		if s.Place.Country != "" && s.Place.Addr.IsValid() && len(addrs) < 5 && !seen[s.Place.Country] {
			seen[s.Place.Country] = true
			addrs = append(addrs, s.Place.Addr)
		}
	}
	slices.SortFunc(addrs[:min(3, len(addrs))], netip.Addr.Compare)
	return message{user, addrs[n%len(addrs)]}
}

func thiefName(n int) string { return fmt.Sprintf("thief%d@example.es", n) }
