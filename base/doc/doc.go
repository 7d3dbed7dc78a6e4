// Package doc reads YAML documents that people write, and says everything that is wrong with one at
// once: each problem with its file, line and column, and what to write instead.
//
// It knows no noun of the product: config and tenant describe their fields with it.
package doc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxSize is the largest document that is read, in octets.
const MaxSize = 64 << 20

// Problem is one thing that is wrong in a document. Line and Column count from 1; both are 0 when
// the problem is with the file as a whole.
type Problem struct {
	File   string
	Line   int
	Column int
	Text   string // what is wrong and what to write instead

	Warning bool // it is only told: the document counts
}

// String gives "file:line:column: text", the form that editors jump to.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems gathers what is wrong; the zero value is ready.
type Problems struct{ list []Problem }

// Add appends a problem.
func (p *Problems) Add(q Problem) { p.list = append(p.list, q) }

// List gives the problems in the order of their places.
func (p *Problems) List() []Problem {
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return p.list
}

// Err gives all problems as one error, a line each, or nil where there are none but warnings.
func (p *Problems) Err() error {
	var text []string
	for _, q := range p.List() {
		if !q.Warning {
			text = append(text, q.String())
		}
	}
	if text == nil {
		return nil
	}
	return errors.New(strings.Join(text, "\n"))
}

// Node is a place in a document.
type Node struct {
	file     string
	yaml     ast.Node
	problems *Problems
	reading  *Reading
}

// Reading is how a document is read. The zero value takes plain secrets alone, and only warns of weak ones.
type Reading struct {
	Open   func(sealed string) (plain string, err error) // opens a secret that begins with Sealed; nil for nobody who can
	Strict bool                                          // a weak secret is a problem
}

// Sealed is how a secret begins that only its exchange can read.
const Sealed = "sealed:"

// ReadFile opens a document; nil with a problem when there is nothing to read.
func ReadFile(file string, problems *Problems) *Node {
	info, err := os.Stat(file)
	if err == nil && info.Size() > MaxSize {
		problems.Add(Problem{File: file, Text: fmt.Sprintf("is larger than %d MiB: split it", MaxSize>>20)})
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		problems.Add(Problem{File: file, Text: "can't be read: " + err.Error()})
		return nil
	}
	return Read(file, data, problems)
}

// Read parses a document; nil with a problem when it is not YAML or is empty. file only names the
// document in problems.
func Read(file string, data []byte, problems *Problems) *Node {
	return ReadAs(file, data, &Reading{}, problems)
}

// ReadAs parses a document like Read, and says how its secrets are read.
func ReadAs(file string, data []byte, as *Reading, problems *Problems) *Node {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		line, column, text := place(err)
		problems.Add(Problem{File: file, Line: line, Column: column, Text: text})
		return nil
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		problems.Add(Problem{File: file, Text: "must hold exactly one YAML document"})
		return nil
	}
	return &Node{file, tree.Docs[0].Body, problems, as}
}

// place takes the position out of the parser's error text, "[line:column] text" and an excerpt.
func place(err error) (line, column int, text string) {
	text, _, _ = strings.Cut(err.Error(), "\n")
	if rest, ok := strings.CutPrefix(text, "["); ok {
		if at, tail, ok := strings.Cut(rest, "] "); ok {
			l, c, _ := strings.Cut(at, ":")
			line, _ = strconv.Atoi(l)
			column, _ = strconv.Atoi(c)
			text = tail
		}
	}
	return line, column, "is not YAML: " + text
}

// Fail notes that this place is wrong; say what to write instead.
func (n *Node) Fail(format string, args ...any) { n.note(false, format, args) }

// Weak notes that the secret at this place is weak: a problem where secrets are judged strictly, a warning elsewhere.
func (n *Node) Weak(format string, args ...any) { n.note(!n.reading.Strict, format, args) }

func (n *Node) note(warning bool, format string, args []any) {
	at := first(n.yaml).GetToken().Position
	n.problems.Add(Problem{File: n.file, Line: at.Line, Column: at.Column, Text: fmt.Sprintf(format, args...), Warning: warning})
}

// first gives the node that a place begins with: a mapping's own token is the colon behind its key.
func first(n ast.Node) ast.Node {
	switch y := n.(type) {
	case *ast.MappingNode:
		if len(y.Values) > 0 {
			return y.Values[0].Key
		}
	case *ast.MappingValueNode:
		return y.Key
	}
	return n
}

// Fields says what a mapping may hold: for each key the reader of its value.
type Fields map[string]func(*Node)

// Map reads a mapping. Unknown and repeated keys are problems; so is each required key that is absent.
func (n *Node) Map(fields Fields, required ...string) {
	var pairs []*ast.MappingValueNode
	switch y := n.yaml.(type) {
	case *ast.MappingNode:
		pairs = y.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{y}
	default:
		n.Fail("must be a mapping with the keys %s", names(fields))
		return
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		at := &Node{n.file, pair.Key, n.problems, n.reading}
		read, ok := fields[key]
		switch {
		case !ok:
			at.Fail("unknown key %q; known here are %s", key, names(fields))
		case seen[key]:
			at.Fail("key %q stands twice; keep one", key)
		default:
			seen[key] = true
			read(&Node{n.file, pair.Value, n.problems, n.reading})
		}
	}
	for _, key := range required {
		if !seen[key] {
			n.Fail("key %q is missing", key)
		}
	}
}

func names(fields Fields) string {
	var list []string
	for name := range fields {
		list = append(list, name)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// IsMap reports whether the place holds a mapping.
func (n *Node) IsMap() bool {
	switch n.yaml.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// IsList reports whether the place holds a sequence.
func (n *Node) IsList() bool {
	_, ok := n.yaml.(*ast.SequenceNode)
	return ok
}

// Each reads a sequence, element by element.
func (n *Node) Each(read func(*Node)) {
	list, ok := n.yaml.(*ast.SequenceNode)
	if !ok {
		n.Fail("must be a list: a line with \"- \" for each")
		return
	}
	for _, value := range list.Values {
		read(&Node{n.file, value, n.problems, n.reading})
	}
}

// Text reads a string. A bare number is taken as it is written, so that 0211 keeps its zero.
func (n *Node) Text() string {
	switch n.yaml.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.yaml.GetToken().Value
	case *ast.LiteralNode:
		return strings.TrimSpace(n.yaml.(*ast.LiteralNode).Value.Value)
	}
	n.Fail("must be a text")
	return ""
}

// Secret reads a password or a key: as it is written, or sealed, when it is opened by the reading's Open. plain tells that it
// stands there for everybody to read: only of such a one it is asked whether it is weak.
func (n *Node) Secret() (secret string, plain bool) {
	text := n.Text()
	if !strings.HasPrefix(text, Sealed) {
		return text, true
	}
	if n.reading.Open == nil {
		n.Fail("this secret is sealed, and only its exchange can open it: write the secret itself")
		return "", false
	}
	secret, err := n.reading.Open(text)
	if err != nil {
		n.Fail("this secret can't be opened: %v", err)
	}
	return secret, false
}

// Int reads a whole number from least to most.
func (n *Node) Int(least, most int) int {
	i, err := strconv.Atoi(n.yaml.GetToken().Value)
	if _, whole := n.yaml.(*ast.IntegerNode); !whole || err != nil || i < least || i > most {
		n.Fail("must be a whole number from %d to %d", least, most)
		return least
	}
	return i
}

// Bool reads true or false.
func (n *Node) Bool() bool {
	b, ok := n.yaml.(*ast.BoolNode)
	if !ok {
		n.Fail("must be true or false")
		return false
	}
	return b.Value
}

// Duration reads a time with its unit ("30s", "2m") from least to most.
func (n *Node) Duration(least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(n.Text())
	if err != nil || d < least || d > most {
		n.Fail("must be a time from %v to %v with its unit, such as 30s", least, most)
		return least
	}
	return d
}

// OneOf reads one of the given words.
func (n *Node) OneOf(words ...string) string {
	s := n.Text()
	if !slices.Contains(words, s) {
		n.Fail("%q is not known here; write one of %s", s, strings.Join(words, ", "))
	}
	return s
}
