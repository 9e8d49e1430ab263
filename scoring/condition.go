package scoring

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
	"go.yaml.in/yaml/v3"
)

// condition is the compiled "when" of a rule.
type condition struct {
	text    string
	program *vm.Program
	names   []string // the signals that it asks for
	gates   []gate
	// onlyGates: there is nothing else in it.
	onlyGates bool
}

// A condition's size is bounded: people write conditions of ten or twenty nodes
// in a line or two. The library's parser calls itself at each bracket, so that a
// megabyte of them would overflow the stack, which ends the process.
const (
	maxNodes     = 500
	maxCondition = 8 << 10 // bytes
)

// condition compiles the text of a rule's "when" and reports what is wrong
// with it at its place in the file.
func (r *reader) condition(n *yaml.Node, rule string, rules *Rules) condition {
	text, ok := r.scalar(n, fmt.Sprintf("rule %q: when", rule))
	if !ok {
		return condition{}
	}
	if len(text) > maxCondition {
		r.fault(n, "rule %q: the condition is longer than %d bytes", rule, maxCondition)
		return condition{}
	}
	check := &conditionCheck{rules: rules, used: make(map[string]bool)}
	env := prototypes()
	program, err := expr.Compile(text, expr.Env(env), expr.AsBool(), expr.DisableAllBuiltins(),
		expr.MaxNodes(maxNodes), expr.Patch(check))
	if err != nil {
		line, column, message := exprFault(err)
		r.faultIn(n, line, column, fmt.Sprintf("rule %q: %s", rule, message))
		return condition{}
	}
	for _, f := range check.faults {
		line, column := lineAndColumn(text, f.at.From)
		r.faultIn(n, line, column, fmt.Sprintf("rule %q: %s", rule, f.text))
	}
	names := make([]string, 0, len(check.used))
	for name := range check.used {
		names = append(names, name)
	}
	gates, all := gatesOf(program.Node())
	return condition{text, program, names, gates, all}
}

// faultIn reports a fault at a line (from 1) and column (from 0) within a
// scalar, as far as YAML's quoting lets one tell.
func (r *reader) faultIn(n *yaml.Node, line, column int, text string) {
	f := Fault{File: r.file, Line: n.Line, Column: n.Column + column, Text: text}
	switch n.Style {
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		f.Column++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		f.Line = n.Line + line
		f.Column = r.indent(f.Line) + column + 1
	}
	r.faults = append(r.faults, f)
}

func (r *reader) indent(line int) int {
	lines := strings.SplitN(string(r.text), "\n", line+1)
	if line > len(lines) {
		return 0
	}
	s := lines[line-1]
	return len(s) - len(strings.TrimLeft(s, " "))
}

// exprFault takes apart the library's error and says it in the words of those
// who write conditions.
func exprFault(err error) (line, column int, message string) {
	line, message = 1, err.Error()
	var fe *file.Error
	if errors.As(err, &fe) {
		line, column, message = max(fe.Line, 1), fe.Column, fe.Message
	}
	if name, found := strings.CutPrefix(message, "unknown name "); found {
		message = fmt.Sprintf("unknown name %q%s", name, Suggestion(name, signalNames()))
	}
	if kind, found := strings.CutPrefix(message, "expected bool, but got "); found {
		message = fmt.Sprintf(`a condition must be true or false, such as countries("1h") >= 3, not %s`, typeInWords(kind))
	}
	if message == "unexpected token EOF" {
		message = "the condition ends too early"
	}
	return line, column, message
}

// typeInWords says what the types of Go are to those who write conditions.
func typeInWords(kind string) string {
	switch {
	case kind == "int" || kind == "float64":
		return "a number"
	case kind == "string":
		return "a text"
	case strings.HasPrefix(kind, "func"):
		return "the name of a count without its brackets"
	case strings.HasPrefix(kind, "[]"):
		return "a list"
	}
	return kind
}

func lineAndColumn(text string, at int) (line, column int) {
	line = 1
	for i, c := range []rune(text) {
		if i == at {
			break
		}
		column++
		if c == '\n' {
			line, column = line+1, 0
		}
	}
	return line, column
}

// prototypes are values of the types that the signals have.
func prototypes() map[string]any {
	env := make(map[string]any)
	l := &look{user: &user{}, server: &server{}, rules: &Rules{}}
	for _, s := range Signals() {
		env[s.Name] = s.value(l)
	}
	return env
}

func signalNames() []string {
	signals := Signals()
	names := make([]string, len(signals))
	for i, s := range signals {
		names[i] = s.Name
	}
	return names
}

// conditionCheck walks a condition, takes note of the signals used, and checks
// what types cannot say: that windows are durations, and lists exist.
type conditionCheck struct {
	rules  *Rules
	used   map[string]bool
	faults []placedFault
}

type placedFault struct {
	at   file.Location
	text string
}

// Visit implements ast.Visitor.
func (c *conditionCheck) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		c.used[n.Value] = true
	case *ast.CallNode:
		callee, isName := n.Callee.(*ast.IdentifierNode)
		if !isName || len(n.Arguments) == 0 {
			return
		}
		argument, isText := n.Arguments[0].(*ast.StringNode)
		switch {
		case !isText:
			c.fault(n.Arguments[0], "%s needs a text in quotes", callee.Value)
		case windowed(callee.Value):
			c.window(argument, callee.Value)
		case callee.Value == "network_is":
			c.networkList(argument)
		}
	}
}

func (c *conditionCheck) fault(n ast.Node, format string, args ...any) {
	f := placedFault{n.Location(), fmt.Sprintf(format, args...)}
	for _, known := range c.faults { // the library may walk a tree twice
		if known == f {
			return
		}
	}
	c.faults = append(c.faults, f)
}

func (c *conditionCheck) window(n *ast.StringNode, function string) {
	d, err := ParseDuration(n.Value)
	switch {
	case err != nil:
		c.fault(n, "%v", err)
	case d <= 0 || d > maxWindow:
		c.fault(n, "%s(%q): windows go up to 8d", function, n.Value)
	}
}

func (c *conditionCheck) networkList(n *ast.StringNode) {
	if _, known := c.rules.Networks[n.Value]; known {
		return
	}
	var names []string
	for name := range c.rules.Networks {
		names = append(names, name)
	}
	c.fault(n, "no list %q under networks:%s", n.Value, Suggestion(n.Value, names))
}
