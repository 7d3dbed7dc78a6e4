package doc

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxWhole is the largest document that the whole parser is given: it needs some fifty times a document's size. Larger ones
// must be written so that they can be read in parts.
const maxWhole = 16 << 20

// Document is a document that was opened. Its reader may use it from one goroutine at a time; when it has been read
// nothing changes it any more, and everybody may ask it.
type Document struct {
	file     string
	text     string
	as       *Reading
	problems *Problems
	root     value
	parts    bool // the document's own keys are blocks of lines, and so are the items of its lists
	shape    shape
	secrets  []Place // plain ones
	lines    *tree   // knows where lines begin; nil until somebody asks

	indexing sync.Mutex // a leaf: held while a list is indexed
	indices  map[string]*index
}

// chunk is an item of a list of the document itself.
type chunk struct {
	off, end int32
	line     int32  // its first, from 1
	tree     *value // of the whole parser; nil where the plain reader is sure
}

// Open parses a document; nil with a problem when it is not YAML or is empty. file only names the document in problems. Long
// lists are read item by item, as their readers come to them.
func Open(file, text string, as Reading, problems *Problems) *Document {
	d := &Document{file: file, text: text, as: &as, problems: problems}
	if len(text) > MaxSize {
		problems.Add(Problem{File: file, Text: fmt.Sprintf("is larger than %d MiB: split it", MaxSize>>20)})
		return nil
	}
	if line := tooDeep(text); line > 0 {
		problems.Add(Problem{File: file, Line: line, Column: 1, Text: fmt.Sprintf("is nested deeper than %d levels: nothing that is read here is", deepest)})
		return nil
	}
	line, ok := 1, false
	if utf8.ValidString(text) && !loneReturn(text) {
		line, ok = d.split()
	}
	if ok {
		d.parts = true
		return d
	}
	if len(text) > maxWhole {
		problems.Add(Problem{File: file, Line: line, Column: 1, Text: fmt.Sprintf("what follows is written so that it can't be read in parts, and the document is larger than %d MiB: give each key and each item of a list lines of its own, indented alike", maxWhole>>20)})
		return nil
	}
	tree, err := parse(text)
	if err != nil {
		line, column, what := place(err)
		problems.Add(Problem{File: file, Line: line, Column: column, Text: what})
		return nil
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		problems.Add(Problem{File: file, Text: "must hold exactly one YAML document"})
		return nil
	}
	d.root = newTree(text, 0, 0).value(tree.Docs[0].Body)
	return d
}

// Root gives the document's own node.
func (d *Document) Root() *Node { return &Node{d, &d.root, &d.shape} }

// Text gives what was opened.
func (d *Document) Text() string { return d.text }

// parse gives a text to the whole parser, which counts a comment's line twice, and a line within quotes too, where a
// carriage return stands before its end.
func parse(text string) (*ast.File, error) {
	return parser.ParseBytes([]byte(strings.ReplaceAll(text, "\r\n", "\n")), 0)
}

// loneReturn reports whether a carriage return ends a line: only the whole parser knows such lines.
func loneReturn(text string) bool {
	for i := 0; ; i++ {
		j := strings.IndexByte(text[i:], '\r')
		if j < 0 {
			return false
		}
		if i += j; i+1 >= len(text) || text[i+1] != '\n' {
			return true
		}
	}
}

// split finds the document's own keys, and the items of its lists. Where that is not sure it gives the line that it came to.
func (d *Document) split() (line int, ok bool) {
	d.root = value{kind: mapping, line: 1, col: 1, plain: true}
	p := &plain{src: d.text, end: len(d.text), line: 1}
	seen := map[string]bool{}
	for {
		switch i := p.next(); {
		case i == -1:
			return p.line, len(d.root.pairs) > 0
		case i != 0:
			return p.line, false
		}
		key, after, ok := p.key(p.pos)
		if !ok || after == 0 || seen[key] {
			return p.line, false
		}
		seen[key] = true
		if len(d.root.pairs) == 0 {
			d.root.line = int32(p.line)
		}
		one := pair{key: key, line: int32(p.line), col: 1, off: int32(p.pos)}
		part := &plain{src: d.text, pos: p.pos, start: p.pos, line: p.line}
		part.end = p.beyond()
		if one.value, ok = part.whole(after); !ok {
			return part.line, false
		}
		d.root.pairs = append(d.root.pairs, one)
		d.root.end = one.value.end
	}
}

// beyond goes to the line that the next key of the document may stand on, and gives where it begins.
func (p *plain) beyond() int {
	for {
		p.newline()
		if p.pos >= p.end {
			return p.end
		}
		switch c := p.src[p.pos]; {
		case c == ' ' || c == '#' || c == '\n' || c == '\r':
		case c == '-' && (p.pos+1 >= p.end || p.src[p.pos+1] == ' ' || p.src[p.pos+1] == '\n' || p.src[p.pos+1] == '\r'):
		default:
			return p.pos
		}
	}
}

// whole reads the part of one key of the document, whose value's side begins at an offset.
func (p *plain) whole(after int) (v value, ok bool) {
	begin := *p
	if p.finish(after) {
		if i := p.next(); i >= 0 && p.dash(p.start+i) {
			return p.chunks(i)
		}
	}
	*p = begin
	if v, ok = p.side(0, after); ok && p.next() == -1 {
		return v, true
	}
	*p = begin
	body, ok := p.parse()
	if !ok || body.kind != mapping || body.flow || len(body.pairs) != 1 || body.pairs[0].line != int32(p.line) {
		return v, false
	}
	return body.pairs[0].value, true
}

// parse gives the whole parser what is left of a part.
func (p *plain) parse() (v value, ok bool) {
	src := p.src[p.start:p.end]
	if len(src) > maxWhole {
		return v, false
	}
	file, err := parse(src)
	if err != nil || len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return v, false
	}
	v = newTree(src, p.start, p.line-1).value(file.Docs[0].Body)
	return v, !v.open()
}

// open reports whether anything in a part has no words of its own: the whole parser may look for them in what follows.
func (v *value) open() bool {
	if v.kind == null && v.text == "" || v.kind == literal && strings.TrimSpace(v.text) == "" {
		return true
	}
	for i := range v.pairs {
		if v.pairs[i].value.open() {
			return true
		}
	}
	for i := range v.items {
		if v.items[i].open() {
			return true
		}
	}
	return false
}

// chunks finds the items of a list whose dashes stand in one column, and sees that each can be read.
func (p *plain) chunks(indent int) (v value, ok bool) {
	v = value{kind: sequence, line: int32(p.line), col: int32(indent) + 1, plain: true, off: int32(p.start + indent)}
	part := &plain{probe: true}
	for {
		part.over(p.src, p.pos, 0, p.line)
		part.start = p.start
		item := chunk{off: int32(p.start), line: int32(p.line)}
		i := 0
		for p.newline(); ; p.newline() {
			if i = p.indented(); i < 0 || i == indent && p.dash(p.start+i) {
				break
			}
			if i <= indent {
				return v, false
			}
		}
		part.end = p.pos
		item.end = int32(p.pos)
		one, ok := part.item(indent)
		if !ok || part.next() != -1 {
			part.over(p.src, int(item.off), p.pos, int(item.line))
			list, ok := part.parse()
			if !ok || list.kind != sequence || list.flow || len(list.items) != 1 || list.col != int32(indent)+1 || list.line != item.line {
				return v, false
			}
			item.tree = &list.items[0]
			v.plain = false
		} else {
			v.end = one.end
		}
		v.lazy = append(v.lazy, item)
		if i < 0 {
			return v, true
		}
	}
}

// indented goes over lines without content, and gives the indentation of the line that has some; -1 for none.
func (p *plain) indented() int {
	for p.pos < p.end {
		i := p.blanks(p.pos)
		if i < p.end && p.src[i] != '#' && p.src[i] != '\n' && p.src[i] != '\r' {
			return i - p.start
		}
		p.newline()
	}
	return -1
}

// item gives an item of a list of the document.
func (d *Document) item(c *chunk, indent int32) *value {
	if c.tree != nil {
		return c.tree
	}
	p := plains.Get().(*plain)
	p.over(d.text, int(c.off), int(c.end), int(c.line))
	v := new(value)
	*v, _ = p.item(int(indent))
	p.src = ""
	plains.Put(p)
	return v
}

// plains are readers with their memory.
var plains = sync.Pool{New: func() any { return new(plain) }}
