package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const users = 500

// theft is an account in other hands during the last two days.
type theft struct {
	user     int
	messages int // still to come
}

// homes are Spanish access networks, abroad is the rest of the world; each
// name stands for a /16.
const (
	homes  = "80.58 79.148 88.0 83.49 95.16 62.42 77.27 31.4 176.83 2.136 90.160"
	abroad = "81.255 90.80 189.40 201.13 177.32 95.24 178.66 14.160 113.161 182.71 117.200 36.80 180.244 " +
		"105.112 197.210 78.160 85.96 186.88 188.24 5.12 37.57 176.36 101.51 171.97 190.24 181.48 200.72 39.32 41.32 187.190"
	addressesOfThief = 292
)

// sending deals out who submits the next message and from where.
type sending struct {
	left   int // submissions still to come
	late   int // from here on thieves are about
	stolen []theft
	homes  []string
	abroad []string
}

func newSending(total int) sending {
	return sending{
		left: total, late: total * 2 / 7,
		stolen: []theft{{42, 1210}, {137, 1079}, {301, 1152}},
		homes:  strings.Fields(homes), abroad: strings.Fields(abroad),
	}
}

func (s *sending) next(dice *rand.Rand) (user, addr string) {
	left := s.left
	s.left--
	if left <= s.late {
		pick := dice.IntN(left)
		for i := range s.stolen {
			t := &s.stolen[i]
			if pick < t.messages {
				t.messages--
				return userName(t.user), s.bot(i*addressesOfThief + dice.IntN(addressesOfThief))
			}
			pick -= t.messages
		}
	}
	n := dice.IntN(users)
	place := n
	if dice.IntN(3) == 0 {
		place += 7 // the telephone
	}
	return userName(n), fmt.Sprintf("%s.%d.%d", s.homes[place%len(s.homes)], n%200, 1+place%250)
}

// bot is one machine of the thieves' botnet.
func (s *sending) bot(n int) string {
	return fmt.Sprintf("%s.%d.%d", s.abroad[n%len(s.abroad)], n*37%250, 1+n*101%250)
}

func userName(n int) string { return fmt.Sprintf("user%d@example.es", n) }

func (w *week) queueID() string { return fmt.Sprintf("%010X", w.Uint64()>>24) }

func (w *week) bulkSender() string {
	return fmt.Sprintf("bounce-%d-%d@news%d.example.net", w.IntN(1_000_000), w.IntN(100_000), w.IntN(300))
}

func (w *week) stranger() string {
	if w.IntN(2) == 0 {
		return fmt.Sprintf("unknown[198.51.%d.%d]", w.IntN(256), w.IntN(256))
	}
	n := w.IntN(250)
	return fmt.Sprintf("mx%d.example.net[203.0.113.%d]", n, n)
}
