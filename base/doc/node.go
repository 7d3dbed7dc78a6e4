package doc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Node is a place in a document.
type Node struct {
	doc   *Document
	at    *value
	shape *shape
}

// Fail notes that this place is wrong; say what to write instead.
func (n *Node) Fail(format string, args ...any) { n.note(false, format, args) }

// Weak notes that the secret at this place is weak: a problem where secrets are judged strictly, a warning elsewhere.
func (n *Node) Weak(format string, args ...any) { n.note(!n.doc.as.Strict, format, args) }

func (n *Node) note(warning bool, format string, args []any) {
	n.doc.problems.Add(Problem{File: n.doc.file, Line: int(n.at.line), Column: int(n.at.col), Text: fmt.Sprintf(format, args...), Warning: warning, whole: n.at.kind == mapping})
}

// Fields says what a mapping may hold: for each key the reader of its value.
type Fields map[string]func(*Node)

// Map reads a mapping. Unknown and repeated keys are problems; so is each required key that is absent.
func (n *Node) Map(fields Fields, required ...string) {
	if n.at.kind != mapping {
		n.Fail("must be a mapping with the keys %s", names(fields))
		return
	}
	for i := range n.at.pairs {
		pair := &n.at.pairs[i]
		at := Node{n.doc, &value{line: pair.line, col: pair.col}, nil}
		read, ok := fields[pair.key]
		switch {
		case !ok:
			at.Fail("unknown key %q; known here are %s", pair.key, names(fields))
		case n.at.before(i):
			at.Fail("key %q stands twice; keep one", pair.key)
		default:
			read(&Node{n.doc, &pair.value, n.shape.field(pair.key)})
		}
	}
	for _, key := range required {
		if n.at.find(key) == nil {
			n.Fail("key %q is missing", key)
		}
	}
}

// before reports whether a pair's key stands before it already.
func (v *value) before(i int) bool {
	for j := range i {
		if v.pairs[j].key == v.pairs[i].key {
			return true
		}
	}
	return false
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
func (n *Node) IsMap() bool { return n.at.kind == mapping }

// IsList reports whether the place holds a sequence.
func (n *Node) IsList() bool { return n.at.kind == sequence }

// Each reads a sequence, element by element.
func (n *Node) Each(read func(*Node)) {
	if n.at.kind != sequence {
		n.Fail("must be a list: a line with \"- \" for each")
		return
	}
	element := n.shape.item()
	for i := range n.at.items {
		read(&Node{n.doc, &n.at.items[i], element})
	}
	for i := range n.at.lazy {
		read(&Node{n.doc, n.doc.item(&n.at.lazy[i], n.at.col-1), element})
	}
}

// Text reads a string. A bare number is taken as it is written, so that 0211 keeps its zero.
func (n *Node) Text() string {
	n.shape.is(readText)
	switch n.at.kind {
	case text, integer, float, boolean:
		return n.at.text
	case literal:
		return strings.TrimSpace(n.at.text)
	}
	n.Fail("must be a text")
	return ""
}

// Secret reads a password or a key: as it is written, or sealed, when it is opened by the reading's Open. plain tells that it
// stands there for everybody to read: only of such a one it is asked whether it is weak.
func (n *Node) Secret() (secret string, plain bool) {
	text := n.Text()
	n.shape.is(readSecret)
	if !strings.HasPrefix(text, Sealed) {
		if text != "" {
			n.doc.secrets = append(n.doc.secrets, n.doc.place(n.at, text))
		}
		return text, true
	}
	if n.doc.as.Open == nil {
		n.Fail("this secret is sealed, and only its exchange can open it: write the secret itself")
		return "", false
	}
	secret, err := n.doc.as.Open(text)
	if err != nil {
		n.Fail("this secret can't be opened: %v", err)
	}
	return secret, false
}

// Plain reports whether a secret stands at the place for everybody to read.
func (n *Node) Plain() bool { return n.at.text != "" && !strings.HasPrefix(n.at.text, Sealed) }

// Int reads a whole number from least to most.
func (n *Node) Int(least, most int) int {
	n.shape.is(readInt)
	i, err := strconv.Atoi(n.at.text)
	if n.at.kind != integer || err != nil || i < least || i > most {
		n.Fail("must be a whole number from %d to %d", least, most)
		return least
	}
	return i
}

// Bool reads true or false.
func (n *Node) Bool() bool {
	n.shape.is(readBool)
	if n.at.kind != boolean {
		n.Fail("must be true or false")
		return false
	}
	return strings.EqualFold(n.at.text, "true")
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
