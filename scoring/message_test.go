package scoring

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// A client that hangs up leaves a message of which nothing more is heard.
func TestMessagesAreForgotten(t *testing.T) {
	s := New(parsed(t, "rules: [{name: new, when: new_address, points: 1}]"))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	submit := func(id string, at time.Time) {
		s.Submission(Submission{User: "ana", Time: at, Message: MessageID{"mx", "postfix", id}})
	}
	submit("A1", start)
	submit("A2", start.AddDate(0, 0, 5))
	require.Equal(t, 2, s.messages.count, "Postfix tries for five days")
	submit("A3", start.AddDate(0, 0, 7))
	require.Nil(t, s.messages.find(MessageID{ID: "A1"}))
	require.Equal(t, 2, s.messages.count)
}

// What was refused is not followed for long, nor what no log tells of.
func TestPassingMessagesAreForgottenSoon(t *testing.T) {
	s := New(parsed(t, "rules: [{name: new, when: new_address, points: 1}]"))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	submit := func(user, id string, asked bool, at time.Time) {
		s.Submission(Submission{User: user, Time: at, Message: MessageID{ID: id}, Asked: asked})
	}
	s.Blocked("eva", start)
	submit("eva", "E1", false, start)
	submit("ana", "A1", true, start)
	submit("ana", "A2", true, start)
	submit("ana", "A2", false, start.Add(time.Second)) // the log tells of this one
	require.Equal(t, 3, s.messages.count)
	submit("ana", "A3", false, start.Add(time.Hour+time.Second))
	require.Equal(t, 2, s.messages.count)
	require.NotNil(t, s.messages.find(MessageID{ID: "A2"}))
	require.Zero(t, s.messages.brief.count)
}

// The log and the policy service tell of the same messages, in any order, and
// each counts once. Whoever comes second learns what was decided.
func TestEachMessageCountsOnce(t *testing.T) {
	const (
		read  = false // from the log
		asked = true  // by the policy service
	)
	type telling struct {
		asked bool
		at    time.Duration // after the first
		again bool
	}
	for _, c := range []struct {
		name     string
		tellings []telling
	}{
		{"a line that is read twice", []telling{{read, 0, false}, {read, 0, true}}},
		{"another message with the same queue id", []telling{{read, 0, false}, {read, time.Second, false}}},
		{"the log, then Postfix at DATA", []telling{{read, 0, false}, {asked, 2 * time.Second, true}}},
		{"Postfix at DATA, then the log, whose stamp is before that", []telling{{asked, 0, false}, {read, -2 * time.Second, true}}},
		{"Postfix asks at DATA and at END-OF-MESSAGE", []telling{{asked, 0, false}, {asked, time.Minute, true}, {read, -time.Second, true}}},
		{"the line is read again after both", []telling{{asked, 0, false}, {read, -time.Second, true}, {read, -time.Second, true}, {read, 0, false}}},
		{"a log that lags too far", []telling{{asked, 0, false}, {read, -2 * time.Hour, false}}},
		{"the queue id comes again after hours", []telling{{asked, 0, false}, {asked, 2 * time.Hour, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, outcome := range []struct {
				points int
				action Action
			}{{0, Allow}, {60, Hold}, {120, Block}} {
				s := New(parsed(t, fmt.Sprintf("rules: [{name: new, when: new_address, points: %d}]", outcome.points)))
				start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
				id := MessageID{"mx", "postfix", "A1"}
				for i, telling := range c.tellings {
					sub := Submission{User: "ana", Time: start.Add(telling.at), Place: at("203.0.113.7", "FR", 3215), Message: id}
					if sub.Asked = telling.asked; sub.Asked {
						sub.Message = MessageID{ID: id.ID} // all that Postfix tells
					}
					v := s.Submission(sub)
					require.Equal(t, telling.again, v.Again, "telling %d", i)
					if i == 0 || v.Again {
						require.Equal(t, outcome.action, v.Action, "telling %d", i)
					}
				}
			}
		})
	}
}

// Lines that come twice, as from a relay that does not know what has arrived, count
// once, also after the message has left the queue.
func TestLinesThatComeTwiceCountOnce(t *testing.T) {
	s := New(parsed(t, "rules: [{name: many, when: 'messages(\"1h\") > 3', points: 100}]"))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	for round := range 2 {
		for n := range 3 {
			id := MessageID{"mx", "postfix", fmt.Sprintf("A%d", n)}
			when := start.Add(time.Duration(n) * time.Second)
			sub := Submission{User: "ana", Time: when, Place: at("203.0.113.7", "FR", 3215), Message: id}
			require.Equal(t, round == 1, s.Submission(sub).Again)
			s.Queued(id, when, 2, "ana")
			s.Bounced(id, when)
			s.Removed(id)
		}
	}
	id := MessageID{"mx", "postfix", "A0"}
	later := Submission{User: "ana", Time: start.Add(time.Minute), Place: at("203.0.113.7", "FR", 3215), Message: id}
	require.Equal(t, Block, s.Submission(later).Action, "it is another message, the fourth")
}

// The fate that the log tells belongs to the message that Postfix asked about.
func TestFateOfAMessageThatWasAskedAbout(t *testing.T) {
	s := New(parsed(t, "rules: [{name: new, when: new_address, points: 1}]"))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	here, there := MessageID{"mx1", "postfix", "A1"}, MessageID{"mx2", "postfix", "A1"}
	s.Submission(Submission{User: "ana", Time: start, Message: MessageID{ID: "A1"}, Asked: true})
	s.Submission(Submission{User: "ana", Time: start, Message: here})
	s.Queued(there, start, 50, "ana")
	s.Queued(here, start, 2, "ana")
	s.Bounced(here, start)
	sum := s.users.find("ana").volume.since(0)
	require.Equal(t, []uint32{1, 2, 2, 1}, []uint32{sum.messages, sum.recipients, sum.delivered, sum.bounces})
	s.Removed(here)
	require.Zero(t, s.messages.count)
	require.False(t, s.Submission(Submission{User: "ana", Time: start.Add(time.Minute), Message: here}).Again, "short queue ids are used again")
}

// A message that the log told of before its user was blocked is refused when
// Postfix asks after that, and is not among those that a release frees.
func TestNothingIsTakenFromABlockedUser(t *testing.T) {
	s := New(parsed(t, `
rules:
  - {name: new, when: new_address, points: 60, every: 1m}
  - {name: Russia, when: 'country == "RU"', points: 60}`))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	first := Submission{User: "ana", Time: start, Place: at("203.0.113.7", "FR", 3215), Message: MessageID{"mx", "postfix", "A1"}}
	second := Submission{User: "ana", Time: start, Place: at("203.0.113.99", "RU", 12389), Message: MessageID{"mx", "postfix", "A2"}}
	require.Equal(t, Hold, s.Submission(first).Action)
	require.Equal(t, Block, s.Submission(second).Action)

	first.Asked, first.Message = true, MessageID{ID: "A1"}
	v := s.Submission(first)
	require.Equal(t, Refuse, v.Action)
	require.True(t, v.Again)
	require.Empty(t, s.Released("ana", start.Add(time.Hour), true))
}

// A message that waited and was let go is let through when Postfix asks again.
func TestReleasedMessageIsAllowedWhenAskedAgain(t *testing.T) {
	s := New(parsed(t, "half_life: 10m\nrules: [{name: new, when: new_address, points: 60}]"))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	sub := Submission{User: "ana", Time: start, Place: at("203.0.113.7", "FR", 3215), Message: MessageID{ID: "A1"}, Asked: true}
	require.Equal(t, Hold, s.Submission(sub).Action)
	sub.Time = start.Add(time.Minute)
	require.Equal(t, Hold, s.Submission(sub).Action)
	sub.Time = start.Add(20 * time.Minute)
	require.Len(t, s.Due(sub.Time), 1)
	v := s.Submission(sub)
	require.Equal(t, Allow, v.Action)
	require.True(t, v.Again)
}

// Those who are refused cannot fill the memory that others' messages need.
func TestMessagesAreBounded(t *testing.T) {
	const others = maxMessages - 50
	ms := messages{byID: make(map[string]*message), count: others}
	for i := range 150 {
		ms.follow(&message{id: MessageID{ID: fmt.Sprint(i)}, action: Refuse, at: 1})
	}
	require.Equal(t, maxMessages, ms.count)
	require.Nil(t, ms.find(MessageID{ID: "99"}))
	require.NotNil(t, ms.find(MessageID{ID: "100"}))
	require.Len(t, ms.byID, 50)
	require.Equal(t, 50, ms.brief.count)
}

func parsed(t testing.TB, text string) *Rules {
	rules, err := Parse("rules.yaml", []byte(text))
	require.NoError(t, err)
	return rules
}

// Who was blocked by mistake takes nobody along: the addresses that were taken
// for thieves' are cleared with the user, those seen during the block as well.
func TestReleaseAcquits(t *testing.T) {
	s := New(parsed(t, "rules: [{name: foreign, when: 'country != \"ES\"', points: 120}]"))
	start := time.Date(2026, 4, 13, 9, 0, 0, 0, time.UTC)
	for i := range 40 { // a server that is used at home
		s.Submission(Submission{User: userName(i), Time: start, Place: at("198.51.100.1", "ES", 3352)})
	}
	hotel, station := at("203.0.113.7", "FR", 3215), at("203.0.113.99", "FR", 3215)
	require.Equal(t, Block, s.Submission(Submission{User: "ana", Time: start.Add(time.Hour), Place: hotel}).Action)
	require.Equal(t, Refuse, s.Submission(Submission{User: "ana", Time: start.Add(2 * time.Hour), Place: station}).Action)
	for _, p := range []geo.Place{hotel, station} {
		require.NotZero(t, s.server.strangers[hashAddr(p.Addr)].thief)
	}
	s.Released("ana", start.Add(3*time.Hour), true)
	for _, p := range []geo.Place{hotel, station} {
		require.Zero(t, s.server.strangers[hashAddr(p.Addr)].thief)
	}
}

func at(addr, country string, asn uint32) geo.Place {
	return geo.Place{Addr: netip.MustParseAddr(addr), Kind: geo.Placed, Country: country, ASN: asn}
}
