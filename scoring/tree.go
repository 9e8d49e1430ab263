package scoring

import (
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// tree is a condition, or a part of one, that can be asked for its worth.
type tree struct {
	text    string
	joint   string // "and", "or" or "not" of its parts; "" of one that is asked as a whole
	program *vm.Program
	parts   []tree

	// pieces are the text once more, cut after each name and count in it, and values
	// are those: each stands between two pieces.
	pieces []string
	values []*vm.Program
}

// treeOf takes a text apart that is a condition, or a part of one. What cannot be
// asked by itself, such as what is said of a variable of the condition's own, is
// not taken apart; ok is false then.
func treeOf(text string) (t tree, ok bool) {
	program, err := compilePart(text)
	if err != nil {
		return tree{text: text}, false
	}
	node := program.Node()
	t = tree{text: node.String(), program: program}
	joint, nodes := partsOf(node)
	for _, n := range nodes {
		part, ok := treeOf(n.String())
		if !ok {
			joint, t.parts = "", nil
			break
		}
		t.parts = append(t.parts, part)
	}
	t.joint = joint
	t.cut(node)
	return t, true
}

// compilePart compiles a text with the names that conditions can use. Nothing is
// optimised: the tree is as people wrote it.
func compilePart(text string) (*vm.Program, error) {
	return expr.Compile(text, expr.Env(prototypes()), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Optimize(false))
}

// partsOf answers what a condition joins, and by which word. Of "a and b and c"
// these are three.
func partsOf(node ast.Node) (joint string, parts []ast.Node) {
	switch n := node.(type) {
	case *ast.BinaryNode:
		joint = jointOf(n.Operator)
		if joint == "" {
			return "", nil
		}
		for _, side := range []ast.Node{n.Left, n.Right} {
			if inner, more := partsOf(side); inner == joint {
				parts = append(parts, more...)
			} else {
				parts = append(parts, side)
			}
		}
	case *ast.UnaryNode:
		_, isName := n.Node.(*ast.IdentifierNode)
		if joint = jointOf(n.Operator); joint == "" || isName {
			return "", nil // "not home" says enough
		}
		parts = []ast.Node{n.Node}
	}
	return joint, parts
}

func jointOf(operator string) string {
	switch operator {
	case "&&", "and":
		return "and"
	case "||", "or":
		return "or"
	case "!", "not":
		return "not"
	}
	return ""
}

// gap stands around the numbers of values in a text. No condition has it: YAML
// allows no such character.
const gap = "\x00"

// cut cuts a text after each name and count in it. It leaves the tree of the node
// in pieces.
func (t *tree) cut(node ast.Node) {
	whole := calls{text: make(map[ast.Node]string), callee: make(map[ast.Node]bool)}
	ast.Walk(&node, whole)
	gaps := gapper{calls: whole}
	ast.Walk(&node, &gaps)
	for i, piece := range strings.Split(node.String(), gap) {
		if i%2 == 0 {
			t.pieces = append(t.pieces, piece)
			continue
		}
		n, _ := strconv.Atoi(piece)
		name := gaps.names[n]
		program, err := compilePart(name)
		if err != nil { // a variable of the condition's own: it stands there without a value
			program = nil
		}
		t.pieces[len(t.pieces)-1] += name
		t.values = append(t.values, program)
	}
}

// said is the text with the values filled in.
func (t *tree) said(a *asking) string {
	var text strings.Builder
	for i, piece := range t.pieces {
		text.WriteString(piece)
		if i < len(t.values) && t.values[i] != nil {
			text.WriteString("=" + a.worthOf(t.values[i]))
		}
	}
	return text.String()
}

// calls finds the counts in a condition: their texts, and the names in them that
// are no values by themselves.
type calls struct {
	text   map[ast.Node]string
	callee map[ast.Node]bool
}

// Visit implements ast.Visitor.
func (c calls) Visit(node *ast.Node) {
	if call, isCall := (*node).(*ast.CallNode); isCall {
		c.text[call], c.callee[call.Callee] = call.String(), true
	}
}

// gapper puts a gap in the place of each name and count.
type gapper struct {
	calls calls
	names []string
}

// Visit implements ast.Visitor; it comes to the parts of a node before the node.
func (g *gapper) Visit(node *ast.Node) {
	text, isCall := g.calls.text[*node]
	if name, isName := (*node).(*ast.IdentifierNode); isName && !g.calls.callee[*node] {
		text = name.Value
	} else if !isCall {
		return
	}
	g.names = append(g.names, text)
	*node = &ast.IdentifierNode{Value: gap + strconv.Itoa(len(g.names)-1) + gap}
}
