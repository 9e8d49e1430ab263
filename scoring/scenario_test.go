package scoring

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sendwarden/geo"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the scenarios want anew")

// TestScenarios plays the stories of testdata/*.txtar. Each has a rules file,
// what happened ("logins") and what the scorer says to it ("want").
//
// A line of logins is one event. It begins with its time, whole or as the time
// since the line before (+5m); a line without one happens at the same moment.
//
//	TIME USER ADDRESS [COUNTRY] [ASn] [@LAT,LON,RADIUS] [METHOD] [noreverse] [id=A1] [xN/STEP]
//	TIME login USER ADDRESS …      a mailbox was read
//	TIME failed ADDRESS …          a log-in failed
//	TIME queued|bounced|rejected|removed A1 [RECIPIENTS]
//	TIME release USER [untaught]   a person lets the user send
//	TIME trust USER ES|ASn|NET [DURATION]  a person vouches for a place; untrust USER takes all back
//	TIME block USER                a person put the user on the blocklist
//	TIME due                       nothing happens, time goes by
//	TIME use other.yaml            the rules are replaced
//
// xN/STEP repeats a submission N times in all, STEP apart; # begins a comment.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			story := newStory(t, archive)
			story.play()
			if *update {
				story.rewrite(file, archive)
				return
			}
			require.Equal(t, string(section(archive, "want")), story.told.String())
		})
	}
}

// story plays the lines of one scenario.
type story struct {
	t      *testing.T
	files  *txtar.Archive
	scorer *Scorer
	now    time.Time
	told   bytes.Buffer
	day    string // the day of what was told last
}

func newStory(t *testing.T, files *txtar.Archive) *story {
	s := &story{t: t, files: files}
	s.scorer = New(s.rules("rules.yaml"))
	return s
}

func section(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func (s *story) rules(name string) *Rules {
	text := section(s.files, name)
	require.NotNil(s.t, text, "no section %s", name)
	rules, err := Parse(name, text)
	require.NoError(s.t, err)
	return rules
}

func (s *story) rewrite(file string, archive *txtar.Archive) {
	for i := range archive.Files {
		if archive.Files[i].Name == "want" {
			archive.Files[i].Data = s.told.Bytes()
		}
	}
	require.NoError(s.t, os.WriteFile(file, txtar.Format(archive), 0o644))
}

func (s *story) play() {
	lines := bufio.NewScanner(bytes.NewReader(section(s.files, "logins")))
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if s.clock(words[0]) {
			words = words[1:]
		}
		s.due()
		s.event(words)
	}
}

// clock sets the time if a word is one.
func (s *story) clock(word string) bool {
	if later, found := strings.CutPrefix(word, "+"); found {
		s.now = s.now.Add(s.duration(later))
		return true
	}
	if word[0] < '0' || word[0] > '9' {
		return false
	}
	at, err := time.Parse(time.RFC3339, word)
	require.NoError(s.t, err)
	s.now = at
	return true
}

func (s *story) duration(text string) time.Duration {
	d, err := ParseDuration(text)
	require.NoError(s.t, err)
	return d
}

func (s *story) event(words []string) {
	switch words[0] {
	case "login":
		s.scorer.Login(s.submission(words[1:]))
	case "failed":
		failed := s.submission(append([]string{""}, words[1:]...))
		s.scorer.Failure(failed.Place.Addr, failed.Time)
	case "queued":
		recipients, err := strconv.Atoi(words[2])
		require.NoError(s.t, err)
		s.scorer.Queued(MessageID{ID: words[1]}, s.now, recipients, strings.Join(words[3:], " "))
	case "bounced":
		s.scorer.Bounced(MessageID{ID: words[1]}, s.now)
	case "rejected":
		s.scorer.Rejected(MessageID{ID: words[1]}, s.now)
	case "removed":
		s.scorer.Removed(MessageID{ID: words[1]})
	case "release":
		held := s.scorer.Released(words[1], s.now, len(words) < 3 || words[2] != "untaught")
		s.tell(s.now, "%s released by a person, held: %s", words[1], ids(held))
	case "block":
		s.scorer.Blocked(words[1], s.now)
	case "trust":
		free, ok := s.scorer.Trust(words[1], s.trust(words[2:]), s.now)
		require.True(s.t, ok)
		s.tell(s.now, "%s may be in %s, let go: %s", words[1], words[2], ids(free))
	case "untrust":
		s.tell(s.now, "%s: %d taken back", words[1], s.scorer.Untrust(words[1], Trust{}))
	case "due":
	case "use":
		s.scorer.Use(s.rules(words[1]))
	default:
		s.submissions(words)
	}
}

func (s *story) trust(words []string) (t Trust) {
	if network, err := netip.ParsePrefix(words[0]); err == nil {
		t.Network = network
	} else if number, isASN := strings.CutPrefix(words[0], "AS"); isASN {
		n, err := strconv.ParseUint(number, 10, 32)
		require.NoError(s.t, err)
		t.ASN = uint32(n)
	} else {
		t.Country = words[0]
	}
	if len(words) > 1 {
		t.Until = s.now.Add(s.duration(words[1]))
	}
	return t
}

func ids(messages []MessageID) string {
	var ids []string
	for _, m := range messages {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, " ")
}

// submissions judges one submission, or many where the line ends in xN/STEP.
func (s *story) submissions(words []string) {
	times, step := 1, time.Duration(0)
	if last := words[len(words)-1]; last[0] == 'x' {
		n, apart, _ := strings.Cut(last[1:], "/")
		var err error
		times, err = strconv.Atoi(n)
		require.NoError(s.t, err)
		step = s.duration(apart)
		words = words[:len(words)-1]
	}
	for i := range times {
		if i > 0 {
			s.now = s.now.Add(step)
			s.due()
		}
		s.verdict(s.scorer.Submission(s.submission(words)))
	}
}

func (s *story) submission(words []string) Submission {
	sub := Submission{User: words[0], Time: s.now, Method: "PLAIN"}
	sub.Place.Addr = netip.MustParseAddr(words[1])
	for _, w := range words[2:] {
		id, isID := strings.CutPrefix(w, "id=")
		number, isAS := strings.CutPrefix(w, "AS")
		spot, isSpot := strings.CutPrefix(w, "@")
		switch {
		case isSpot:
			_, err := fmt.Sscanf(spot, "%f,%f,%f", &sub.Place.Lat, &sub.Place.Lon, &sub.Place.Radius)
			require.NoError(s.t, err)
			sub.Place.HasCoordinates = true
		case isID:
			sub.Message.ID = id
		case isAS:
			asn, err := strconv.ParseUint(number, 10, 32)
			require.NoError(s.t, err)
			sub.Place.ASN = uint32(asn)
			sub.Place.Org = "Network " + number
		case w == "noreverse":
			sub.NoReverse = true
		case len(w) == 2:
			sub.Place.Country = w
		default:
			sub.Method = w
		}
	}
	sub.Place.Kind = kindOf(sub.Place)
	return sub
}

// kindOf says what a look-up would: the documentation's addresses stand for
// public ones here.
func kindOf(p geo.Place) geo.Kind {
	switch {
	case p.Addr.IsLoopback():
		return geo.Loopback
	case p.Addr.IsPrivate():
		return geo.Private
	case p.Country == "" && p.ASN == 0:
		return geo.Unplaced
	}
	return geo.Placed
}

func (s *story) due() {
	for _, r := range s.scorer.Due(s.now) {
		s.tell(r.Time, "%s release %s", r.User, r.Message.ID)
	}
}

func (s *story) verdict(v Verdict) {
	text := fmt.Sprintf("%s %s %.0f", v.User, v.Action, v.Score)
	if v.Spared {
		text += " (spared)"
	}
	for i, r := range v.Reasons[len(v.Reasons)-v.Fired:] {
		text += fmt.Sprintf("%s %s %+g", []string{":", ","}[min(i, 1)], r.Rule, r.Points)
	}
	s.tell(v.Time, "%s", text)
}

// tell adds a line, under its day when that has changed.
func (s *story) tell(at time.Time, format string, args ...any) {
	at = at.UTC()
	if day := at.Format(time.DateOnly); day != s.day {
		s.day = day
		fmt.Fprintln(&s.told, day)
	}
	clock := at.Format("15:04:05")
	fmt.Fprintf(&s.told, "%s %s\n", strings.TrimSuffix(clock, ":00"), fmt.Sprintf(format, args...))
}
