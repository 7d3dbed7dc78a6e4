package doc

import (
	"strconv"
	"strings"
)

// Pointer gives where in the document a problem is, as a JSON pointer (RFC 6901 §3), without the line: "/lines/3/password".
// It is "" for the document as a whole.
func (d *Document) Pointer(p Problem) string {
	if p.Line == 0 {
		return ""
	}
	var b strings.Builder
	d.point(&b, &d.root, int32(p.Line), int32(p.Column), p.whole)
	return b.String()
}

// point goes down from a place to the one that begins at a line and a column; whole is of a mapping there, not of its first key.
func (d *Document) point(b *strings.Builder, v *value, line, col int32, whole bool) {
	starts := func(l, c int32) bool { return l == line && c == col }
	until := func(l, c int32) bool { return l < line || l == line && c <= col }
	switch v.kind {
	case mapping:
		if whole && starts(v.line, v.col) {
			return
		}
		for i := len(v.pairs) - 1; i >= 0; i-- {
			pair := &v.pairs[i]
			if !until(pair.line, pair.col) {
				continue
			}
			b.WriteByte('/')
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(pair.key))
			if until(pair.value.line, pair.value.col) && !starts(pair.line, pair.col) {
				d.point(b, &pair.value, line, col, whole)
			}
			return
		}
	case sequence:
		n := len(v.items) + len(v.lazy)
		for i := n - 1; i >= 0; i-- {
			item := &value{}
			if i < len(v.items) {
				item = &v.items[i]
			} else if c := &v.lazy[i-len(v.items)]; c.line > line {
				continue
			} else {
				item = d.item(c, v.col-1)
			}
			if until(item.line, item.col) {
				b.WriteByte('/')
				b.WriteString(strconv.Itoa(i))
				d.point(b, item, line, col, whole)
				return
			}
		}
	}
}

// Key gives the key of an entry by its place in a list; "" for none.
func (d *Document) Key(list, by string, at int) string {
	x := d.index(list, by)
	if x == nil || at < 0 || at >= len(x.keys) {
		return ""
	}
	return x.keys[at]
}
