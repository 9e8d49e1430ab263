package scoring

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A rule's gates say what the library says of the whole condition.
func TestGates(t *testing.T) {
	conditions := []string{
		`new_address && not home`, `countries("1h") == 1 and known_days < 2`, `rarity >= 4.5 && !network_is("here")`,
		`messages("5m") != 2`, `message_excess("1h") <= 0`, `network_is("here") && networks("8d") > 1 && (home || new_block)`,
		`3 <= known_days`, `messages("1h") > addresses("1d")`, `silence > 2 && usual_day < 3`,
	}
	for _, name := range slices.Sorted(maps.Keys(SignalNotes())) {
		conditions = append(conditions, SignalNotes()[name].Example)
	}
	rules := "networks: {here: [AS3352], hosting: [AS7018]}\nrules:\n"
	for i, when := range conditions {
		rules += fmt.Sprintf("  - {name: %d, points: 0.01, when: %q}\n", i, when)
	}
	s, said := New(parsed(t, rules)), make(map[bool]int)
	a, l := &s.asking, &s.look
	gated, only := 0, 0
	for _, sub := range crowd(rand.New(rand.NewPCG(1, 1)), 3, 2000, 20*time.Minute) {
		s.Submission(sub)
		a.turn++
		for i := range a.rules {
			q := &a.rules[i]
			opens := a.pass(q, l)
			a.show(q.needs, l)
			holds, err := a.vm.Run(q.rule.when.program, a.env)
			require.NoError(t, err)
			if q.rule.when.onlyGates {
				require.Equal(t, holds, opens, q.rule.when.text)
				only++
			} else if holds == true {
				require.True(t, opens, q.rule.when.text)
				gated++
			}
			said[holds.(bool)]++
		}
	}
	require.Greater(t, min(said[true], said[false], gated, only), 1000)
}
