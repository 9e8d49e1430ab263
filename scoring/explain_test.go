package scoring

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExplainParts takes conditions apart for a first submission from Spain.
func TestExplainParts(t *testing.T) {
	for _, c := range []struct{ when, want string }{
		{`new_country`, `
yes new_country=true`},
		{`new_country && strange_countries("3h") >= 3`, `
no new_country=true && strange_countries("3h")=1 >= 3
  and
  yes new_country=true
  no strange_countries("3h")=1 >= 3`},
		{`not home && (messages("5m") > 3 || country in ["ES", "FR"] and asn != 3352)`, `
no not home=true && (messages("5m")=1 > 3 || (country="ES" in ["ES", "FR"] and asn=3352 != 3352))
  and
  no not home=true
  no messages("5m")=1 > 3 || (country="ES" in ["ES", "FR"] and asn=3352 != 3352)
    or
    no messages("5m")=1 > 3
    no country="ES" in ["ES", "FR"] and asn=3352 != 3352
      and
      yes country="ES" in ["ES", "FR"]
      no asn=3352 != 3352`},
		{`new_block and new_network and not (new_country or home)`, `
no new_block=true and new_network=true and not (new_country=true or home=true)
  and
  yes new_block=true
  yes new_network=true
  no not (new_country=true or home=true)
    not
    yes new_country=true or home=true
      or
      yes new_country=true
      yes home=true`},
		{`(messages("1h") > 1 ? 5 : 7) > 6 && silence > 24`, `
yes (messages("1h")=1 > 1 ? 5 : 7) > 6 && silence=+Inf > 24
  and
  yes (messages("1h")=1 > 1 ? 5 : 7) > 6
  yes silence=+Inf > 24`},
		{`let n = messages("1h"); n > 0 && n < 5`, `
yes let n = messages("1h")=1; n > 0 && n < 5`},
		{`bounce_excess("1h", 0.1 * known_days) > 1 / (messages("1h") - 1)`, `
no bounce_excess("1h", 0.1 * known_days)=0 > 1 / (messages("1h")=1 - 1)`},
		{`known_days % (messages("1h") - 1) == 0`, `
runtime error: integer divide by zero (1:12) known_days=0 % (messages("1h")=1 - 1) == 0`},
	} {
		s := New(parsed(t, fmt.Sprintf("rules: [{name: one, points: 1, when: %q}]", c.when)))
		e := s.Explain(Submission{User: "ana", Time: monday, Place: at("198.51.100.7", "ES", 3352)})
		require.Len(t, e.Answers, 1)
		require.Equal(t, c.want, treeText(e.Answers[0].Part, "\n"))
		require.Equal(t, e.Answers[0].Worth == "yes", e.Answers[0].Fired)
	}
}

func treeText(p Part, indent string) string {
	text := indent + p.Worth + " " + p.Said
	if p.Joint != "" {
		text += indent + "  " + p.Joint
	}
	for _, part := range p.Parts {
		text += treeText(part, indent+"  ")
	}
	return text
}

// What a rule's parts are worth makes what the rule answered, and to explain a
// verdict does not change it.
func TestExplainAgrees(t *testing.T) {
	rules := shipped(t)
	answers := map[bool]int{}
	lots(t, 8, func(t *testing.T, r *rand.Rand) {
		plain, explained := New(rules), New(rules)
		now := monday
		for i := range 300 {
			now = now.Add(1 + 20*60*1e9)
			sub := Submission{User: userName(r.IntN(4)), Time: now, Place: line(r, spain, 3), Message: MessageID{ID: fmt.Sprint(i)}}
			if r.IntN(20) == 0 {
				sub.Place = line(r, world, 3)
			}
			plain.Due(now)
			explained.Due(now)
			e := explained.Explain(sub)
			require.Equal(t, plain.Submission(sub), e.Verdict)
			fired := 0
			for _, a := range e.Answers {
				require.Equal(t, a.Holds, a.Worth == "yes", "%s: %s", a.Rule, a.Said)
				agree(t, a.Part)
				answers[a.Holds]++
				if a.Fired {
					fired++
				}
			}
			require.Equal(t, e.Verdict.Fired, fired)
			require.True(t, e.Verdict.Action == Refuse || len(e.Answers) == len(rules.Rules))
		}
	})
	require.Greater(t, answers[true], 100)
	require.Greater(t, answers[false], 10_000)
}

func agree(t *testing.T, p Part) {
	yes := 0
	for _, part := range p.Parts {
		agree(t, part)
		if part.Worth == "yes" {
			yes++
		}
	}
	switch p.Joint {
	case "and":
		require.Equal(t, p.Worth == "yes", yes == len(p.Parts), p.Said)
	case "or":
		require.Equal(t, p.Worth == "yes", yes > 0, p.Said)
	case "not":
		require.NotEqual(t, p.Worth == "yes", yes > 0, p.Said)
	}
	require.NotContains(t, p.Said, gap)
	require.True(t, strings.Contains(p.Said, "=") || !strings.ContainsAny(p.Text, "abcdefghijklmnopqrstuvwxyz"), p.Said)
}

// What was not looked at is said to be so.
func TestExplainUnseen(t *testing.T) {
	s := New(parsed(t, "users: {bot: {ignore: true}}\nrules: [{name: one, points: 1, when: true}]"))
	require.Equal(t, Explanation{Verdict: Verdict{User: "bot", Time: monday}}, s.Explain(Submission{User: "bot", Time: monday}))
	sub := Submission{User: "ana", Time: monday, Place: at("198.51.100.7", "ES", 3352), Message: MessageID{ID: "A1"}}
	require.True(t, s.Explain(sub).Looked)
	again := s.Explain(sub)
	require.False(t, again.Looked)
	require.True(t, again.Verdict.Again)
	s.Blocked("ana", monday)
	sub.Message.ID = "A2"
	refused := s.Explain(sub)
	require.Equal(t, Refuse, refused.Verdict.Action)
	require.Empty(t, refused.Answers)
}
