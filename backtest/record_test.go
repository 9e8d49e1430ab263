package backtest

import (
	"testing"
	"time"

	"sendwarden/scoring"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// told is one verdict about a user, at a minute.
type told struct {
	user   string
	minute int
	action scoring.Action
	score  float64
	fired  int
}

// record plays verdicts; a message's id is "m" and its minute's digit.
func record(known Known, verdicts ...told) *Record {
	r := NewRecord(known)
	nth := map[string]int{}
	for _, v := range verdicts {
		nth[v.user]++
		r.Judged(scoring.Verdict{User: v.user, Time: minute(v.minute), Action: v.action, Score: v.score, Fired: v.fired},
			"m"+string(rune('0'+v.minute)), nth[v.user])
	}
	return r
}

func TestRecordCountsWhatGotThrough(t *testing.T) {
	r := record(nil,
		told{"ana", 0, scoring.Allow, 2, 1}, // a new address, long before
		told{"ana", 1, scoring.Allow, 0.5, 0},
		told{"eva", 1, scoring.Allow, 0, 0},
		told{"script:/srv/www/mail.php", 1, scoring.Alarm, 110, 1}, // no user
		told{"ana", 2, scoring.Allow, 40, 1},
		told{"ana", 3, scoring.Allow, 39, 0},
		told{"ana", 4, scoring.Hold, 70, 1},
		told{"ana", 5, scoring.Block, 130, 1},
		told{"ana", 6, scoring.Refuse, 129, 0},
	)
	require.Len(t, r.Blocked, 1)
	ana := r.Of("ana")
	require.Equal(t, 2, ana.Delivered, "what passed before the points of minute 2 does not count")
	require.Equal(t, 1, ana.Held)
	require.Equal(t, 1, ana.Refused)
	require.Equal(t, 7-1, ana.Nth)
	require.Equal(t, 2, r.Delivered())
	require.Nil(t, r.Of("eva"))
	require.Nil(t, r.Of("script:/srv/www/mail.php"))
}

func TestRecordCountsWhatWasLetGo(t *testing.T) {
	known := Known{"ana": {Messages: map[string]bool{"m1": true}}}
	r := record(known, told{"ana", 1, scoring.Hold, 70, 1})
	require.Equal(t, 0, r.Stolen["ana"])
	r.Released(scoring.Release{Time: minute(30), User: "ana", Message: scoring.MessageID{ID: "m1"}})
	require.Equal(t, 1, r.LetGo)
	require.Equal(t, 1, r.Of("ana").Delivered)
	require.Equal(t, 1, r.Stolen["ana"])
}

func TestScoreAgainstKnownThefts(t *testing.T) {
	known := Known{
		"robbed":  {Since: Moment{Time: minute(2)}},
		"missed":  {Since: Moment{Time: minute(2)}, Until: Moment{Time: minute(4)}},
		"early":   {Since: Moment{Time: minute(5)}},
		"another": {Since: Moment{Time: minute(1000)}}, // after the log's end
	}
	r := record(known,
		told{"robbed", 1, scoring.Allow, 0, 0}, // the owner
		told{"robbed", 2, scoring.Allow, 40, 1},
		told{"early", 2, scoring.Block, 130, 1}, // before the thief came
		told{"missed", 3, scoring.Allow, 0, 0},
		told{"honest", 3, scoring.Block, 110, 1},
		told{"robbed", 3, scoring.Block, 130, 1},
		told{"missed", 5, scoring.Allow, 0, 0}, // the owner again
	)
	s := r.Score(minute(0), minute(9))
	require.Equal(t, []string{"early", "missed"}, s.Misses)
	require.Len(t, s.Hits, 1)
	require.Equal(t, "robbed", s.Hits[0].User)
	require.Equal(t, []string{"early", "honest"}, []string{s.FalseAlarms[0].User, s.FalseAlarms[1].User})
	require.Equal(t, 2, s.Delivered)
	require.True(t, s.Counted)

	known["undated"] = Theft{}
	require.False(t, r.Score(minute(0), minute(9)).Counted)
}

func TestDifferences(t *testing.T) {
	block := func(user string, at int) told { return told{user, at, scoring.Block, 130, 1} }
	hold := func(user string, at int) told { return told{user, at, scoring.Hold, 60, 1} }
	pass := func(user string, at int) told { return told{user, at, scoring.Allow, 0, 0} }
	refuse := func(user string, at int) told { return told{user, at, scoring.Refuse, 130, 0} }
	older := record(nil, block("same", 1), block("gone", 1), block("later", 1), refuse("later", 2), refuse("later", 3),
		pass("earlier", 1), block("earlier", 2), hold("held", 1), pass("newly", 1), hold("alike", 1))
	newer := record(nil, block("same", 1), hold("gone", 1), pass("later", 1), pass("later", 2), block("later", 3),
		block("earlier", 1), refuse("earlier", 2), pass("held", 1), block("newly", 1), hold("alike", 1))
	var got []string
	for _, d := range Differences(newer, older) {
		got = append(got, string(d.Kind)+": "+d.User)
		switch d.User {
		case "later":
			require.Equal(t, 2, d.Messages())
		case "earlier":
			require.Equal(t, 1, d.Messages())
		case "held":
			require.Nil(t, d.New)
		}
	}
	require.Equal(t, []string{
		"blocked newly: newly", "blocked no longer: gone", "blocked earlier: earlier", "blocked later: later", "held differently: held",
	}, got)
}
