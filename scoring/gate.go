package scoring

import "github.com/expr-lang/expr/ast"

// gate is a part of a condition that is joined to the rest by "and" and is simple: a
// yes-or-no signal, or the opposite of one, or a number compared to a constant. Most
// submissions are familiar and fail most rules at such a part; looking at the gates
// first spares the evaluation by the library.
type gate struct {
	name     string
	argument string // the window of a count, or the list of network_is
	call     bool   // it has one
	want     bool   // of a yes-or-no signal
	operator string // of a number; "": it is none
	limit    float64
}

// gatesOf finds the gates of a condition, and tells whether that is all of it.
func gatesOf(n ast.Node) (gates []gate, all bool) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		if n.Operator == "&&" || n.Operator == "and" {
			left, allLeft := gatesOf(n.Left)
			right, allRight := gatesOf(n.Right)
			return append(left, right...), allLeft && allRight
		}
		return comparison(n)
	case *ast.UnaryNode:
		if g, ok := simple(n.Node); ok && (n.Operator == "not" || n.Operator == "!") {
			return []gate{g}, true
		}
	default:
		if g, ok := simple(n); ok {
			g.want = true
			return []gate{g}, true
		}
	}
	return nil, false
}

// comparison is of a signal with a constant: countries("1h") >= 3.
func comparison(n *ast.BinaryNode) (gates []gate, ok bool) {
	g, ok := simple(n.Left)
	if !ok {
		return nil, false
	}
	switch limit := n.Right.(type) {
	case *ast.IntegerNode:
		g.limit = float64(limit.Value)
	case *ast.FloatNode:
		g.limit = limit.Value
	default:
		return nil, false
	}
	switch g.operator = n.Operator; n.Operator {
	case ">", ">=", "<", "<=", "==", "!=":
		return []gate{g}, true
	}
	return nil, false
}

// simple knows a signal that stands by itself.
func simple(n ast.Node) (g gate, ok bool) {
	if call, isCall := n.(*ast.CallNode); isCall {
		if len(call.Arguments) != 1 {
			return gate{}, false
		}
		text, isText := call.Arguments[0].(*ast.StringNode)
		if !isText {
			return gate{}, false
		}
		g.call, g.argument = true, text.Value
		n = call.Callee
	}
	name, isName := n.(*ast.IdentifierNode)
	if !isName {
		return gate{}, false
	}
	g.name = name.Value
	return g, true
}

// passes tells whether a number does.
func (g *gate) passes(n float64) bool {
	switch g.operator {
	case ">":
		return n > g.limit
	case ">=":
		return n >= g.limit
	case "<":
		return n < g.limit
	case "<=":
		return n <= g.limit
	case "==":
		return n == g.limit
	}
	return n != g.limit
}

// indexedGate is one of a plain yes-or-no signal.
type indexedGate struct {
	signal int
	want   bool
}

// test is any other gate.
type test func(*asking, *look) bool

// bind makes a test of a gate; signal is the index of one without an argument.
func (a *asking) bind(g gate, signal int) test {
	if !g.call {
		return func(a *asking, l *look) bool {
			switch n := a.value(signal, l).(type) {
			case int:
				return g.passes(float64(n))
			case float64:
				return g.passes(n)
			}
			return false
		}
	}
	switch f := a.env[g.name].(type) {
	case func(string) bool:
		return func(*asking, *look) bool { return f(g.argument) == g.want }
	case func(string) int:
		return func(*asking, *look) bool { return g.passes(float64(f(g.argument))) }
	case func(string) float64:
		return func(*asking, *look) bool { return g.passes(f(g.argument)) }
	}
	return func(*asking, *look) bool { return false }
}

// pass tells whether all gates of a rule are open. Those are tried first whose
// signals an earlier rule has asked for: what is familiar mostly fails there, and a
// signal that has to be looked up is not.
func (a *asking) pass(q *question, l *look) bool {
	for _, g := range q.gates {
		if a.turns[g.signal] == a.turn && a.values[g.signal] != g.want {
			return false
		}
	}
	for _, g := range q.gates {
		if a.value(g.signal, l) != g.want {
			return false
		}
	}
	for _, open := range q.tests {
		if !open(a, l) {
			return false
		}
	}
	return true
}
