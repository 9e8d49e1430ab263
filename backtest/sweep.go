package backtest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"sendwarden/scoring"
)

// MaxRuns bounds how many sets of rules one reading of a log is played to: each
// has a memory of its own of every user.
const MaxRuns = 50

// usualRuns is how many values are tried at most where no step is given.
const usualRuns = 15

// Sweep is one value of the rules and what it is to be instead.
type Sweep struct {
	Key    string // as it was written: "threshold.block", "rules.new country.points"
	Values []Value
}

// Value is one of them, with the rules that have it.
type Value struct {
	Text  string
	Now   bool // it is what the rules say already
	Rules *scoring.Rules
}

// ParseSweep reads an expression such as
//
//	threshold.block=60..200
//	half_life=30m..6h..30m
//	rules.new country.points=10..80..5
//
// that is a key of the rules, the first and the last value, and the step, which
// may be left out, and answers the rules that differ in that.
func ParseSweep(expression string, rules *scoring.Rules) (Sweep, error) {
	i := strings.LastIndexByte(expression, '=')
	if i < 0 {
		return Sweep{}, fmt.Errorf("%q has no values (write KEY=FIRST..LAST, such as threshold.block=60..200)", expression)
	}
	s := Sweep{Key: strings.TrimSpace(expression[:i])}
	k, err := keyOf(s.Key, rules)
	if err != nil {
		return Sweep{}, err
	}
	numbers, err := span(strings.TrimSpace(expression[i+1:]), k)
	if err != nil {
		return Sweep{}, err
	}
	for _, n := range numbers {
		varied := *rules
		if err := k.set(&varied, n); err != nil {
			return Sweep{}, err
		}
		s.Values = append(s.Values, Value{Text: k.text(n), Now: n == k.now, Rules: &varied})
	}
	return s, nil
}

// key is a value of the rules that can be varied. Durations are in seconds.
type key struct {
	now       float64
	low, high float64
	steps     []float64 // that people would choose
	parse     func(string) (float64, error)
	text      func(float64) string
	set       func(*scoring.Rules, float64) error
}

const maxPoints = 1e6 // as in rules files

func keyOf(name string, rules *scoring.Rules) (key, error) {
	points := key{low: 1, high: maxPoints, parse: number, text: plain, steps: tens()}
	switch name {
	case "threshold.block":
		points.now = rules.Block
		points.set = func(r *scoring.Rules, n float64) error {
			if r.Block = n; n < r.Hold {
				return fmt.Errorf("threshold.block %g would be below threshold.hold, which is %g (begin there, or lower it in the rules)", n, r.Hold)
			}
			return nil
		}
		return points, nil
	case "threshold.hold":
		points.now = rules.Hold
		points.set = func(r *scoring.Rules, n float64) error {
			if r.Hold = n; n > r.Block {
				return fmt.Errorf("threshold.hold %g would be above threshold.block, which is %g (end there, or raise it in the rules)", n, r.Block)
			}
			return nil
		}
		return points, nil
	case "half_life":
		return key{
			now: rules.HalfLife.Seconds(), low: 1, high: 3650 * 24 * 3600, steps: times(), parse: seconds, text: length,
			set: func(r *scoring.Rules, n float64) error { r.HalfLife = time.Duration(n) * time.Second; return nil },
		}, nil
	}
	if rule, isRule := strings.CutPrefix(name, "rules."); isRule {
		if rule, isPoints := strings.CutSuffix(rule, ".points"); isPoints {
			return pointsOf(rule, rules, points)
		}
	}
	known := []string{"threshold.block", "threshold.hold", "half_life", "rules.NAME.points"}
	return key{}, fmt.Errorf("unknown key %q%s: there are %s", name, scoring.Suggestion(name, known), strings.Join(known, ", "))
}

func pointsOf(rule string, rules *scoring.Rules, k key) (key, error) {
	var names []string
	for i, r := range rules.Rules {
		if names = append(names, r.Name); r.Name != rule {
			continue
		}
		k.now, k.low = r.Points, -maxPoints
		k.set = func(rules *scoring.Rules, n float64) error {
			rules.Rules = slices.Clone(rules.Rules)
			rules.Rules[i].Points = n
			return nil
		}
		return k, nil
	}
	return key{}, fmt.Errorf("no rule is named %q%s", rule, scoring.Suggestion(rule, names))
}

// span reads FIRST..LAST or FIRST..LAST..STEP.
func span(s string, k key) ([]float64, error) {
	parts := strings.Split(s, "..")
	if len(parts) != 2 && len(parts) != 3 {
		return nil, fmt.Errorf("%q is no range (write FIRST..LAST or FIRST..LAST..STEP, such as 60..200..10)", s)
	}
	values := make([]float64, len(parts))
	for i, p := range parts {
		v, err := k.parse(p)
		switch {
		case err != nil:
			return nil, err
		case i < 2 && (v < k.low || v > k.high):
			return nil, fmt.Errorf("%s must be from %s to %s", p, k.text(k.low), k.text(k.high))
		}
		values[i] = v
	}
	first, last := values[0], values[1]
	if first > last {
		return nil, fmt.Errorf("%q runs backwards (write %s..%s)", s, parts[1], parts[0])
	}
	step := usualStep(last-first, k.steps)
	if len(parts) == 3 {
		step = values[2]
	}
	if step <= 0 {
		return nil, fmt.Errorf("%q: the step must be more than 0", s)
	}
	runs := math.Floor((last-first)/step+1e-9) + 1
	if runs > MaxRuns {
		return nil, fmt.Errorf("%q are %.0f runs, and at most %d go along one reading (write a larger step: %s..%s..%s)",
			s, runs, MaxRuns, parts[0], parts[1], k.text(usualStep(last-first, k.steps)))
	}
	all := make([]float64, int(runs))
	for i := range all {
		all[i] = math.Round((first+float64(i)*step)*1e6) / 1e6
	}
	return all, nil
}

// usualStep is the least of the steps that makes few enough runs.
func usualStep(width float64, steps []float64) float64 {
	for _, s := range steps {
		if width/s < usualRuns {
			return s
		}
	}
	return max(width/(usualRuns-1), 1)
}

// tens are 1, 2, 5, 10, 20, 50 …, and before them what is left for small ranges.
func tens() (steps []float64) {
	for ten := 0.01; ten <= maxPoints; ten *= 10 {
		steps = append(steps, ten, 2*ten, 5*ten)
	}
	return steps
}

func times() (steps []float64) {
	const m, h, d = 60, 3600, 24 * 3600
	return []float64{1, 5, 10, 30, m, 5 * m, 10 * m, 15 * m, 30 * m, h, 2 * h, 3 * h, 6 * h, 12 * h, d, 2 * d, 7 * d, 14 * d, 28 * d}
}

func number(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return v, nil
}

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func seconds(s string) (float64, error) {
	d, err := scoring.ParseDuration(s)
	return d.Seconds(), err
}

// length writes a duration as rules do: 90m, 2h.
func length(n float64) string {
	whole := int64(n)
	for _, u := range []struct {
		name string
		size int64
	}{{"w", 7 * 24 * 3600}, {"d", 24 * 3600}, {"h", 3600}, {"m", 60}} {
		if whole >= u.size && whole%u.size == 0 {
			return fmt.Sprintf("%d%s", whole/u.size, u.name)
		}
	}
	return fmt.Sprintf("%ds", whole)
}
