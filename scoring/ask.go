package scoring

import (
	"slices"

	"github.com/expr-lang/expr/vm"
)

// asking evaluates the conditions of one set of rules for one submission after
// the other. A signal is computed when the first rule needs it.
type asking struct {
	rules []question
	env   map[string]any // what conditions see
	vm    vm.VM

	signals []Signal // the plain ones in use
	values  []any    // of the signals, as of their turns
	turns   []uint64 // when each was computed last
	shown   []uint64 // and put into env
	turn    uint64   // counts submissions

	witness func(Answer) // is told what each rule answers; nil as a rule
}

// question is one rule, with its signals by their index.
type question struct {
	rule  *Rule
	name  uint32 // hash of the rule's
	gates []indexedGate
	tests []test
	needs []int
	tree  *tree // for witnesses; nil as long as there was none
	// onlyPlace: it asks for nothing but how familiar a place is.
	onlyPlace bool
}

// newAsking binds rules to the look that their signals are computed from.
func newAsking(rules *Rules, l *look) asking {
	a := asking{env: make(map[string]any)}
	index := make(map[string]int)
	kinds := prototypes()
	for _, s := range Signals() {
		switch kinds[s.Name].(type) {
		case bool, int, float64, string:
			index[s.Name] = len(a.signals)
			a.signals = append(a.signals, s)
		default:
			a.env[s.Name] = s.value(l) // a function, bound to the look wherever it points
		}
	}
	a.values, a.turns, a.shown = make([]any, len(a.signals)), make([]uint64, len(a.signals)), make([]uint64, len(a.signals))
	for i := range rules.Rules {
		q := question{rule: &rules.Rules[i], name: hashName(rules.Rules[i].Name), onlyPlace: !slices.ContainsFunc(rules.Rules[i].when.names, evidence)}
		for _, name := range q.rule.when.names {
			if n, plain := index[name]; plain {
				q.needs = append(q.needs, n)
			}
		}
		for _, g := range q.rule.when.gates {
			if n, plain := index[g.name]; plain && g.operator == "" {
				q.gates = append(q.gates, indexedGate{n, g.want})
			} else {
				q.tests = append(q.tests, a.bind(g, n))
			}
		}
		a.rules = append(a.rules, q)
	}
	return a
}

// ask evaluates the rules from top to bottom and adds the points of those that
// hold. It answers how many did.
func (a *asking) ask(l *look) (fired int) {
	a.turn++
	for i := range a.rules {
		q := &a.rules[i]
		if !q.rule.senders.has(l.kind) {
			continue
		}
		if vouched := l.trusted && q.onlyPlace; vouched != l.vouched {
			l.vouched = vouched
			a.turn++ // signals have other values for this rule
		}
		holds := a.holds(q, l)
		fires := holds && l.user.mayFire(q.name, q.rule.Every, l.now)
		if a.witness != nil {
			a.witness(a.answer(q, l, holds, fires))
		}
		if !fires {
			continue
		}
		l.user.addPoints(Reason{l.sub.Time, q.rule.Name, q.rule.Points, l.place, l.sub.Message}, l.now, l.rules.HalfLife)
		fired++
	}
	l.vouched = false
	return fired
}

func (a *asking) holds(q *question, l *look) bool {
	if !a.pass(q, l) {
		return false
	}
	if q.rule.when.onlyGates {
		return true
	}
	a.show(q.needs, l)
	answer, err := a.vm.Run(q.rule.when.program, a.env)
	return err == nil && answer == true // an error, such as a division by zero, is no evidence
}

// value computes a signal, once a submission.
func (a *asking) value(n int, l *look) any {
	if a.turns[n] != a.turn {
		a.values[n], a.turns[n] = a.signals[n].value(l), a.turn
	}
	return a.values[n]
}

// show lets conditions see signals.
func (a *asking) show(signals []int, l *look) {
	for _, n := range signals {
		if a.shown[n] != a.turn {
			a.env[a.signals[n].Name], a.shown[n] = a.value(n, l), a.turn
		}
	}
}
