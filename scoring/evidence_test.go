package scoring

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/stretchr/testify/require"
)

// What a condition of the shipped rules may ask, and what one event more, within a
// day, can do to the answer. A signal that a rule begins to use has to be put among
// these.
var (
	// evidential signals count what speaks against a user. More of it makes them greater.
	evidential = []string{
		"networks", "blocks", "strange_countries", "strange_networks", "strange_blocks", "switches",
		"strange_messages", "strange_recipients", "strange_bounces", "bounces", "bounce_excess",
		"message_excess", "strange_excess", "recipient_excess", "thief_address",
	}
	// steady signals are what the user was like before: a day's evidence is no part of it.
	steady = []string{
		"unfamiliar", "unfamiliar_block", "home", "usual_countries", "usual_recipients", "known_days", "hour_rarity", "network_is",
	}
	// novel signals tell of the first sight of a place. Evidence from that very place
	// ends it, and has had its points.
	novel = []string{"new_address", "new_block", "new_network", "new_country", "country_silence", "country_days", "known_countries"}
	// selective signals restrict a rule to what is simple, such as proxies in one country.
	selective = []string{"countries"}
)

func TestEachSignalOfTheRulesIsSomeEvidence(t *testing.T) {
	known := slices.Concat(evidential, steady, novel, selective)
	for _, r := range shipped(t).Rules {
		for _, name := range r.when.names {
			require.Contains(t, known, name, "rule %q", r.Name)
		}
	}
}

// befalling is a message of a user's and what comes back of it, or one more bounce of
// an earlier one.
type befalling struct {
	at         time.Time
	place      geo.Place
	id         MessageID
	recipients int // 0: it is only a bounce
	bounces    int
}

// badDay are a day of a user whose account is in several hands.
func badDay(r *rand.Rand, home geo.Place, begin time.Time) (list []befalling) {
	for i := range 3 + r.IntN(18) {
		h := befalling{place: line(r, slices.Concat(world, spain), 3), id: MessageID{ID: fmt.Sprint("A", i)}, recipients: 1 + r.IntN(12)}
		if r.IntN(4) == 0 {
			h.place = home
		}
		if r.IntN(3) == 0 {
			h.bounces = r.IntN(h.recipients + 1)
		}
		h.at = begin.Add(time.Duration(r.Int64N(int64(14 * time.Hour)))).Truncate(time.Second)
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b befalling) int { return a.at.Compare(b.at) })
	return list
}

// oneMore puts one event more into a day, and answers at which place it is: a bounce
// of one of the messages, or one of the messages, made a strange one, of which all
// comes back or nothing.
func oneMore(r *rand.Rand, list []befalling) ([]befalling, int) {
	more := r.IntN(len(list))
	if h := list[more]; r.IntN(3) == 0 {
		return slices.Insert(list, more+1, befalling{at: h.at, id: h.id, bounces: 1}), more + 1
	}
	list[more].place = line(r, world, 3)
	list[more].bounces = list[more].recipients * r.IntN(2)
	return list, more
}

func (h *befalling) befalls(s *Scorer) {
	if h.recipients > 0 {
		s.Submission(Submission{User: userName(0), Time: h.at, Place: h.place, Method: "PLAIN", Message: h.id})
		s.Queued(h.id, h.at, h.recipients, "")
	}
	for range h.bounces {
		s.Bounced(h.id, h.at)
	}
}

var evidenceWindows = []string{"5m", "1h", "2h", "3h", "6h", "1d"}

// evidenceIn is what the signals say of the submission judged last, in the windows
// that reach back to a time.
func evidenceIn(s *Scorer, since time.Time) map[string]float64 {
	said := make(map[string]float64)
	for _, signal := range Signals() {
		if !slices.Contains(evidential, signal.Name) {
			continue
		}
		value := signal.value(&s.look)
		for _, window := range evidenceWindows {
			if s.look.begin(window) > since.Unix() {
				continue
			}
			name := fmt.Sprintf("%s(%s)", signal.Name, window)
			switch of := value.(type) {
			case bool:
				said[signal.Name] = map[bool]float64{true: 1}[of]
			case func(string) int:
				said[name] = float64(of(window))
			case func(string) float64:
				said[name] = of(window)
			case func(string, float64) float64:
				said[name] = of(window, 0.1)
			default:
				panic(signal.Name)
			}
		}
	}
	return said
}

// More evidence never lowers it within its window: one strange message more, all of
// whose recipients may come back, or one bounce more, at any time of a day, leaves
// each signal that the shipped rules ask for as it is or makes it greater, and what is
// known of the user's habits as it is. Nothing is held or blocked here: of what waits,
// nothing comes back.
//
// The score itself fades, and a rule has its points once in its pause: a thief who is
// seen earlier has had points earlier, and may be below what a later sight alone makes.
func TestMoreEvidenceNeverLowersASignal(t *testing.T) {
	rules := shipped(t)
	rules.Hold, rules.Block = 1e9, 1e9
	lots(t, 400, func(t *testing.T, r *rand.Rand) {
		days, first := 7+r.IntN(14), r.Uint64()
		server := func() (*Scorer, []geo.Place, time.Time) {
			s, homes, _ := settled(t, rand.New(rand.NewPCG(*seed, first)), rules, days)
			return s, homes, monday.AddDate(0, 0, days).Add(-7 * time.Hour) // the next morning at one
		}
		all, homes, begin := server()
		fewer, _, _ := server()
		list, more := oneMore(r, badDay(r, homes[0], begin))
		probe := Submission{User: userName(0), Time: begin.Add(15 * time.Hour), Place: line(r, []geo.Place{{Country: "PE", ASN: 6147}}, 3), Method: "PLAIN"}
		for i := range list {
			list[i].befalls(all)
			if i != more {
				list[i].befalls(fewer)
			}
		}
		all.Submission(probe)
		fewer.Submission(probe)
		said, without := evidenceIn(all, list[more].at), evidenceIn(fewer, list[more].at)
		for name, value := range said {
			if innocent := list[more].bounces == 0; innocent && strings.HasPrefix(name, "bounce_excess") {
				continue // mail that arrives is no evidence
			}
			require.GreaterOrEqual(t, value, without[name]-1e-9, "%s, with one event more: %+v", name, list[more])
		}
		for _, signal := range Signals() {
			if slices.Contains(steady, signal.Name) && signal.Name != "network_is" {
				require.Equal(t, signal.value(&fewer.look), signal.value(&all.look), "%s, with one event more: %+v", signal.Name, list[more])
			}
		}
	})
}

// On a small server, a thief's thousand recipients are most of what was ever sent.
// That a quarter of them come back makes that no more usual.
func TestOneThiefDoesNotMakeBouncesUsual(t *testing.T) {
	rules := shipped(t)
	rules.Hold, rules.Block = 1e9, 1e9
	s, homes, now := settled(t, rand.New(rand.NewPCG(*seed, 0)), rules, 7)
	for i := range 20 {
		h := befalling{now.Add(time.Duration(i) * time.Minute), homes[0], MessageID{ID: fmt.Sprint("A", i)}, 50, 12}
		h.befalls(s)
	}
	require.Greater(t, s.look.bounceExcess("1h", 0.15), 6.0)
}
