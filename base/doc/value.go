package doc

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is what a place holds.
type kind uint8

const (
	other kind = iota // an anchor, an alias, a tag: what no reader takes
	text
	integer
	float
	boolean
	null
	literal // a block scalar
	mapping
	sequence
)

// value is a place of a document with all below it. Lines and columns count from 1, columns in characters; offsets are
// octets of the document.
type value struct {
	kind      kind
	flow      bool   // braces or brackets
	plain     bool   // off and end hold; of the whole parser's only off does, and only of a word behind its key or dash
	line, col int32  // where it begins: of a mapping, where its first key does
	off, end  int32  // its octets, quotes and brackets with it
	text      string // of a scalar
	pairs     []pair
	items     []value
	lazy      []chunk // of a list of the document itself: its items are read one by one
}

type pair struct {
	key       string
	line, col int32
	off       int32 // where the key begins
	value     value
}

// find gives the place of a key, or nil.
func (v *value) find(key string) *pair {
	for i := range v.pairs {
		if v.pairs[i].key == key {
			return &v.pairs[i]
		}
	}
	return nil
}

// tree makes values of the whole parser's tree. src is what was parsed, which begins at an offset of the document, on line
// after+1.
type tree struct {
	src   string
	at    int32
	after int32
	lines []int32 // where each line of src begins
}

func newTree(src string, at, after int) *tree {
	t := &tree{src: src, at: int32(at), after: int32(after), lines: []int32{0}}
	for i := 0; ; {
		j := strings.IndexAny(src[i:], "\r\n")
		if j < 0 {
			return t
		}
		i += j + 1
		if src[i-1] == '\r' && i < len(src) && src[i] == '\n' {
			i++
		}
		t.lines = append(t.lines, int32(i))
	}
}

// offset is where a place of the parser's is, in octets of the document.
func (t *tree) offset(line, column int) int32 {
	if line < 1 || line > len(t.lines) {
		return t.at
	}
	at := int(t.lines[line-1])
	for ; column > 1 && at < len(t.src); column-- {
		_, n := utf8.DecodeRuneInString(t.src[at:])
		at += n
	}
	return t.at + int32(at)
}

func (t *tree) place(n ast.Node) (line, col int32) {
	at := first(n).GetToken().Position
	return int32(at.Line) + t.after, int32(at.Column)
}

func (t *tree) value(n ast.Node) value {
	v := value{}
	v.line, v.col = t.place(n)
	switch y := n.(type) {
	case *ast.MappingNode:
		v.kind, v.flow = mapping, y.IsFlowStyle
		for _, p := range y.Values {
			v.pairs = append(v.pairs, t.pair(p))
		}
	case *ast.MappingValueNode:
		v.kind, v.pairs = mapping, []pair{t.pair(y)}
	case *ast.SequenceNode:
		v.kind, v.flow = sequence, y.IsFlowStyle
		for i, item := range y.Values {
			one := t.value(item)
			if i < len(y.Entries) {
				t.settle(&one, y.Entries[i].Start)
			}
			v.items = append(v.items, one)
		}
	case *ast.StringNode:
		v.kind, v.text = text, y.Token.Value
	case *ast.IntegerNode:
		v.kind, v.text = integer, y.Token.Value
	case *ast.FloatNode:
		v.kind, v.text = float, y.Token.Value
	case *ast.BoolNode:
		v.kind, v.text = boolean, y.Token.Value
	case *ast.NullNode:
		if v.kind = null; y.Token.Type != token.ImplicitNullType {
			v.text = y.Token.Value
		}
	case *ast.LiteralNode:
		v.kind, v.text = literal, y.Value.Value
	default:
		v.text = n.GetToken().Value
	}
	return v
}

func (t *tree) pair(p *ast.MappingValueNode) pair {
	at := p.Key.GetToken().Position
	one := pair{
		key: p.Key.GetToken().Value, line: int32(at.Line) + t.after, col: int32(at.Column), off: t.offset(at.Line, at.Column), value: t.value(p.Value),
	}
	t.settle(&one.value, p.Start)
	return one
}

// settle puts a word where it is written, behind its colon or dash: the parser's place of one that goes on over lines, or
// has blanks behind it, hangs on what follows. What is not written at all stands a blank behind the mark.
func (t *tree) settle(v *value, mark *token.Token) {
	if mark == nil || v.kind == mapping || v.kind == sequence {
		return
	}
	line, column := mark.Position.Line, mark.Position.Column+1
	if v.kind == null && v.text == "" {
		v.line, v.col = int32(line)+t.after, int32(column)+1
		return
	}
	for {
		at := int(t.offset(line, column) - t.at)
		for at < len(t.src) && (t.src[at] == ' ' || t.src[at] == '\t') {
			at++
			column++
		}
		if at < len(t.src) && t.src[at] != '\n' && t.src[at] != '\r' && t.src[at] != '#' {
			v.line, v.col, v.off = int32(line)+t.after, int32(column), t.at+int32(at)
			return
		}
		if line, column = line+1, 1; line > len(t.lines) {
			return
		}
	}
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

// scalar tells what the whole parser takes a plain word for.
func scalar(word string) kind {
	switch word {
	case "null", "Null", "NULL", "~":
		return null
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return boolean
	}
	if c := word[0]; c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.' {
		if n := token.ToNumber(word); n != nil {
			if n.Type == token.NumberTypeFloat {
				return float
			}
			return integer
		}
		if strings.HasSuffix(strings.ToLower(word), ".inf") || strings.EqualFold(word, ".nan") {
			return other
		}
	} else if c == 'i' || c == 'I' || c == 'n' || c == 'N' {
		if n := token.ToNumber(word); n != nil { // "inf" and "nan" are none without their dot
			return float
		}
	}
	return text
}
