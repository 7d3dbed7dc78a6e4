package doc

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The plain reader reads what nearly all documents are made of: mappings and lists by indentation, mappings and lists in
// brackets on one line, words, and words in quotes on one line without escapes. Of anything else it says that it is not
// sure, and the whole parser is asked. What both read they read alike, to the column.

// plain reads a part of a document that begins at a line.
type plain struct {
	src   string // the document
	end   int    // where the part ends
	pos   int    // where reading is
	start int    // of the line that reading is on
	line  int    // its number, from 1
	depth int
	probe bool   // it is only asked whether the plain reader is sure: mappings have no pairs
	stack []pair // of the mappings that are being read
}

// over begins another part, with the memory of those before.
func (p *plain) over(src string, at, end, line int) {
	*p = plain{src: src, pos: at, start: at, end: end, line: line, probe: p.probe, stack: p.stack[:0]}
}

// take gives the pairs that stand on the stack from base on, and takes them off it.
func (p *plain) take(base int) []pair {
	var pairs []pair
	if !p.probe {
		pairs = slices.Clone(p.stack[base:])
	}
	p.stack = p.stack[:base]
	return pairs
}

// stands reports whether a key is among those from base on.
func (p *plain) stands(base int, key string) bool {
	for i := base; i < len(p.stack); i++ {
		if p.stack[i].key == key {
			return true
		}
	}
	return false
}

// Bounds of what the plain reader follows: how deep, and how many keys of a mapping.
const (
	maxDepth = 32
	maxKeys  = 256
)

// next goes to the next line with content, and gives its indentation; -1 for none, -2 for not sure.
func (p *plain) next() int {
	for {
		if p.pos >= p.end {
			return -1
		}
		i := p.pos
		for i < p.end && p.src[i] == ' ' {
			i++
		}
		switch {
		case i >= p.end:
			if i > p.pos {
				return -2
			}
			return -1
		case p.src[i] == '#':
			p.pos = i
			p.newline()
			continue
		case p.src[i] == '\n' || p.src[i] == '\r':
			if i > p.pos { // blanks alone
				return -2
			}
			p.newline()
			continue
		}
		return i - p.start
	}
}

// newline goes to the beginning of the next line.
func (p *plain) newline() {
	i := strings.IndexByte(p.src[p.pos:p.end], '\n')
	if i < 0 {
		p.pos = p.end
	} else {
		p.pos += i + 1
		p.line++
	}
	p.start = p.pos
}

// column gives the column of an offset on this line.
func (p *plain) column(at int) int32 {
	return int32(utf8.RuneCountInString(p.src[p.start:at])) + 1
}

// finish goes over what may stand behind a value: nothing, or a comment. It leaves reading on the next line.
func (p *plain) finish(at int) bool {
	if at < p.end && p.src[at] == ' ' {
		i := at
		for i < p.end && p.src[i] == ' ' {
			i++
		}
		if i >= p.end || p.src[i] != '#' {
			return false
		}
		p.pos = i
		p.newline()
		return true
	}
	if at < p.end && p.src[at] == '\r' {
		at++
		if at >= p.end || p.src[at] != '\n' {
			return false
		}
	}
	if at < p.end && p.src[at] != '\n' {
		return false
	}
	p.pos = at
	p.newline()
	return true
}

// block reads the mapping or the list whose lines are indented so.
func (p *plain) block(indent int) (v value, ok bool) {
	if p.depth++; p.depth > maxDepth {
		return v, false
	}
	defer func() { p.depth-- }()
	at := p.start + indent
	if p.dash(at) {
		return p.list(indent)
	}
	return p.mapping(indent, at)
}

// dash reports whether an item of a list begins at an offset.
func (p *plain) dash(at int) bool {
	return at+1 < p.end && p.src[at] == '-' && p.src[at+1] == ' '
}

// list reads the items whose dashes stand in one column.
func (p *plain) list(indent int) (v value, ok bool) {
	at := p.start + indent
	v = value{kind: sequence, line: int32(p.line), col: int32(indent) + 1, plain: true, off: int32(at)}
	for {
		item, ok := p.item(indent)
		if !ok {
			return v, false
		}
		v.items = append(v.items, item)
		v.end = item.end
		switch i := p.next(); {
		case i == -2 || i > indent:
			return v, false
		case i < indent || !p.dash(p.start+i):
			return v, true
		}
	}
}

// item reads one item, at whose line reading is.
func (p *plain) item(indent int) (v value, ok bool) {
	at := p.start + indent + 1
	for at < p.end && p.src[at] == ' ' {
		at++
	}
	if at >= p.end || p.src[at] == '-' && at+1 < p.end && (p.src[at+1] == ' ' || p.src[at+1] == '\n' || p.src[at+1] == '\r') {
		return v, false
	}
	if _, after, ok := p.key(at); ok && after > 0 {
		return p.mapping(at-p.start, at)
	}
	v, after, ok := p.inline(at, 0, false)
	return v, ok && p.finish(after) && p.settled(indent)
}

// settled reports whether what follows belongs to nothing deeper than indent: a word would go on there.
func (p *plain) settled(indent int) bool {
	i := p.next()
	return i != -2 && i <= indent
}

// key reads a key at an offset, and where its value's side begins, behind the colon; 0 for no key. ok is false for what is
// not sure.
func (p *plain) key(at int) (key string, after int, ok bool) {
	i := at
	if i < p.end && p.src[i] == '"' {
		word, end, ok := p.quoted(i)
		if !ok || end >= p.end || p.src[end] != ':' {
			return "", 0, ok
		}
		return word, p.colon(end), true
	}
	for i < p.end && keyOctet[p.src[i]] {
		i++
	}
	if i == at || i >= p.end || p.src[i] != ':' || p.src[at] == '-' || p.src[at] == '.' {
		return "", 0, true
	}
	return p.src[at:i], p.colon(i), true
}

// colon is where a value's side begins behind a colon that ends a key; 0 for a colon within a word.
func (p *plain) colon(i int) int {
	if i+1 >= p.end || p.src[i+1] == ' ' || p.src[i+1] == '\n' || p.src[i+1] == '\r' {
		return i + 1
	}
	return 0
}

// mapping reads the keys that stand in one column, the first of which is at an offset of this line.
func (p *plain) mapping(indent, at int) (v value, ok bool) {
	v = value{kind: mapping, line: int32(p.line), col: p.column(at), plain: true, off: int32(at)}
	base := len(p.stack)
	for {
		key, after, ok := p.key(at)
		if !ok || after == 0 || len(p.stack) > base+maxKeys || p.stands(base, key) {
			return v, false
		}
		one := pair{key: key, line: int32(p.line), col: p.column(at), off: int32(at)}
		if one.value, ok = p.side(indent, after); !ok {
			return v, false
		}
		p.stack = append(p.stack, one)
		v.end = one.value.end
		switch i := p.next(); {
		case i == -2 || i > indent:
			return v, false
		case i < indent:
			v.pairs = p.take(base)
			return v, true
		}
		if at = p.start + indent; p.dash(at) {
			return v, false
		}
	}
}

// side reads what stands behind a key's colon.
func (p *plain) side(indent, at int) (v value, ok bool) {
	i := at
	for i < p.end && p.src[i] == ' ' {
		i++
	}
	if i < p.end && p.src[i] != '\n' && p.src[i] != '\r' && p.src[i] != '#' {
		v, after, ok := p.inline(i, 0, false)
		return v, ok && p.finish(after) && p.settled(indent)
	}
	if !p.finish(at) {
		return v, false
	}
	switch i := p.next(); {
	case i > indent, i == indent && p.dash(p.start+i):
		return p.block(i)
	}
	return v, false
}

// inline reads a value that stands on one line, and gives where it ends. maps counts the braces around it, flow tells of
// any bracket around it.
func (p *plain) inline(at, maps int, flow bool) (v value, after int, ok bool) {
	switch p.src[at] {
	case '{', '[':
		if p.depth++; p.depth > maxDepth {
			return v, 0, false
		}
		defer func() { p.depth-- }()
		if p.src[at] == '{' {
			return p.braces(at, maps+1)
		}
		return p.brackets(at, maps)
	case '"', '\'':
		word, end, ok := p.quoted(at)
		return value{kind: text, line: int32(p.line), col: p.column(at), plain: true, off: int32(at), end: int32(end), text: word}, end, ok
	}
	end, ok := p.word(at, maps, flow)
	if !ok {
		return v, 0, false
	}
	word := p.src[at:end]
	v = value{kind: scalar(word), line: int32(p.line), col: p.column(at), plain: true, off: int32(at), end: int32(end), text: word}
	return v, end, v.kind != other
}

// quoted reads a word in quotes that has no escapes.
func (p *plain) quoted(at int) (word string, end int, ok bool) {
	quote := p.src[at]
	for i := at + 1; i < p.end; i++ {
		switch c := p.src[i]; {
		case c == quote:
			if i+1 < p.end && p.src[i+1] == quote {
				return "", 0, false
			}
			return p.src[at+1 : i], i + 1, true
		case c == '\\' || c == '\n' || c == '\r':
			return "", 0, false
		}
	}
	return "", 0, false
}

// word gives where a word without quotes ends.
func (p *plain) word(at, maps int, flow bool) (end int, ok bool) {
	c := p.src[at]
	if c < utf8.RuneSelf && !firstOctet[c] {
		return 0, false
	}
	end = at
	for i := at; i < p.end; {
		c := p.src[i]
		switch {
		case c == '\n' || c == '\r':
			return end, end == i // blanks at its end are not sure
		case c == ' ':
			i++
			continue
		case c == '#':
			if i > end {
				return end, !flow
			}
		case c == ':':
			switch {
			case i+1 >= p.end || !wordOctet[p.src[i+1]] || p.src[i+1] == ' ':
				return 0, false
			case flow && maps > 0 && !p.behindColon(at):
				return 0, false
			}
		case flow && (c == ',' || c == '}' || c == ']'):
			return end, true
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(p.src[i:])
			if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && r != zeroWidthNonJoiner {
				return 0, false
			}
			i += n
			end = i
			continue
		case !wordOctet[c]:
			return 0, false
		}
		i++
		end = i
	}
	return end, end == p.end && !flow
}

// zeroWidthNonJoiner stands within Persian words.
const zeroWidthNonJoiner = '\u200c'

// behindColon reports whether a word in braces is a key's value: only there a colon is a part of it.
func (p *plain) behindColon(at int) bool {
	for i := at - 1; i > p.start; i-- {
		if p.src[i] != ' ' {
			return p.src[i] == ':'
		}
	}
	return false
}

// braces reads {key: value, …}.
func (p *plain) braces(at, maps int) (v value, after int, ok bool) {
	v = value{kind: mapping, flow: true, line: int32(p.line), col: p.column(at), plain: true, off: int32(at)}
	base := len(p.stack)
	i := p.blanks(at + 1)
	for i < p.end && (p.src[i] != '}' || len(p.stack) > base) {
		key, behind, ok := p.key(i)
		if !ok || behind == 0 || len(p.stack) > base+maxKeys || p.stands(base, key) || behind >= p.end || p.src[behind] != ' ' {
			return v, 0, false
		}
		one := pair{key: key, line: int32(p.line), col: p.column(i), off: int32(i)}
		if i = p.blanks(behind); i >= p.end {
			return v, 0, false
		}
		if one.value, i, ok = p.inline(i, maps, true); !ok {
			return v, 0, false
		}
		p.stack = append(p.stack, one)
		if i = p.blanks(i); i >= p.end {
			return v, 0, false
		}
		if p.src[i] == '}' {
			break
		}
		if p.src[i] != ',' {
			return v, 0, false
		}
		i = p.blanks(i + 1)
	}
	if i >= p.end || p.src[i] != '}' {
		return v, 0, false
	}
	if len(p.stack) > base {
		v.line, v.col = p.stack[base].line, p.stack[base].col
	}
	v.pairs = p.take(base)
	v.end = int32(i + 1)
	return v, i + 1, true
}

// brackets reads [value, …].
func (p *plain) brackets(at, maps int) (v value, after int, ok bool) {
	v = value{kind: sequence, flow: true, line: int32(p.line), col: p.column(at), plain: true, off: int32(at)}
	i := p.blanks(at + 1)
	for i < p.end && (p.src[i] != ']' || len(v.items) > 0) {
		if p.src[i] == ',' || p.src[i] == '}' {
			return v, 0, false
		}
		var item value
		if item, i, ok = p.inline(i, maps, true); !ok {
			return v, 0, false
		}
		v.items = append(v.items, item)
		if i = p.blanks(i); i >= p.end {
			return v, 0, false
		}
		if p.src[i] == ']' {
			break
		}
		if p.src[i] != ',' {
			return v, 0, false
		}
		i = p.blanks(i + 1)
	}
	if i >= p.end || p.src[i] != ']' {
		return v, 0, false
	}
	v.end = int32(i + 1)
	return v, i + 1, true
}

func (p *plain) blanks(i int) int {
	for i < p.end && p.src[i] == ' ' {
		i++
	}
	return i
}

var keyOctet, wordOctet, firstOctet = octets("-_."), octets("-_+/().@=;~^$ ,"), octets("_+/(")

// octets are the letters and digits of ASCII, and others.
func octets(others string) (set [256]bool) {
	for c := '0'; c <= 'z'; c++ {
		set[c] = c <= '9' || c >= 'a' || c >= 'A' && c <= 'Z'
	}
	for i := range len(others) {
		set[others[i]] = true
	}
	return set
}
