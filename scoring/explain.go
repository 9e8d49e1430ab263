package scoring

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/vm"
)

// Explanation is a verdict with how it came about, for people who tune rules.
type Explanation struct {
	Verdict Verdict
	// Looked says that the submission was looked at: not that of an ignored user,
	// nor one that was judged before.
	Looked bool
	Sight  Sight
	// Answers are what the rules made of it, from top to bottom; none when the user
	// was blocked already.
	Answers []Answer
}

// Sight is how familiar the place of a submission was.
type Sight struct {
	Counts     bool `json:"counts"` // it says something of where the user is: it is public, and not trusted
	Shared     bool `json:"shared,omitempty"`
	First      bool `json:"first,omitempty"` // the user was never seen anywhere
	Home       bool `json:"home,omitempty"`
	Unfamiliar bool `json:"unfamiliar,omitempty"`
	NewAddress bool `json:"new_address,omitempty"`
	NewBlock   bool `json:"new_block,omitempty"`
	NewNetwork bool `json:"new_network,omitempty"`
	NewCountry bool `json:"new_country,omitempty"`
	// NetworkDays and CountryDays are days of the user's own use before, fading.
	NetworkDays float64 `json:"network_days"`
	CountryDays float64 `json:"country_days"`
}

// Answer is what one rule made of a submission.
type Answer struct {
	Rule   string  `json:"rule"`
	Points float64 `json:"points"`
	Holds  bool    `json:"holds"`
	// Fired says that the points were added: not while the rule's pause lasts.
	Fired bool `json:"fired"`
	Part       // the condition as a whole
}

// Part is a piece of a condition, with what it was worth.
type Part struct {
	Text string `json:"text"` // countries("1h") >= 3
	Said string `json:"said"` // countries("1h")=1 >= 3
	// Worth is "yes" or "no", or why the part has no worth, such as a division by
	// zero.
	Worth string `json:"worth"`
	// Joint is "and", "or" or "not" where the part is made of Parts.
	Joint string `json:"joint,omitempty"`
	Parts []Part `json:"parts,omitempty"`
}

// Explain judges a submission as Submission does, and tells how it came to the
// verdict.
func (s *Scorer) Explain(sub Submission) (e Explanation) {
	s.look.user = nil
	s.asking.witness = func(a Answer) { e.Answers = append(e.Answers, a) }
	e.Verdict = s.Submission(sub)
	s.asking.witness = nil
	if l := &s.look; l.user != nil {
		e.Looked = true
		e.Sight = Sight{
			Counts: l.placed, Shared: l.shared, First: l.first, Home: l.home(), Unfamiliar: l.strange,
			NewAddress: l.newAddress, NewBlock: l.newBlock, NewNetwork: l.newNetwork, NewCountry: l.newCountry,
			NetworkDays: hundredths(l.networkDays), CountryDays: hundredths(l.countryDays),
		}
	}
	return e
}

// answer evaluates the parts of one rule's condition. All of them are computed,
// also those that the condition does not come to.
func (a *asking) answer(q *question, l *look, holds, fired bool) Answer {
	a.show(q.needs, l)
	if q.tree == nil {
		whole, _ := treeOf(q.rule.when.text) // it was compiled before, with the rules
		q.tree = &whole
	}
	return Answer{q.rule.Name, q.rule.Points, holds, fired, a.worth(q.tree)}
}

func (a *asking) worth(t *tree) Part {
	p := Part{Text: t.text, Said: t.said(a), Worth: a.worthOf(t.program), Joint: t.joint}
	switch p.Worth {
	case "true":
		p.Worth = "yes"
	case "false":
		p.Worth = "no"
	}
	for i := range t.parts {
		p.Parts = append(p.Parts, a.worth(&t.parts[i]))
	}
	return p
}

// worthOf evaluates a part, and writes what it is worth for people, who do not read
// sixteen digits.
func (a *asking) worthOf(program *vm.Program) string {
	value, err := a.vm.Run(program, a.env)
	if err != nil {
		fact, _, _ := strings.Cut(err.Error(), "\n")
		return fact
	}
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return fmt.Sprint(v)
		}
		return strconv.FormatFloat(hundredths(v), 'f', -1, 64)
	}
	return fmt.Sprint(value)
}
