package doc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines that are written for people end about here.
const (
	wideEntry = 120
	wideValue = 80
)

// errJSON is what a value meets that is not one JSON value.
var errJSON = errors.New("the value is not JSON")

// fromJSON gives a JSON value as a document would hold it. The last of keys that stand twice counts.
func fromJSON(raw []byte) (value, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decode(d, 0)
	if err != nil {
		return v, err
	}
	if _, err := d.Token(); err == nil {
		return v, fmt.Errorf("%w: something follows it", errJSON)
	}
	return v, nil
}

func decode(d *json.Decoder, depth int) (v value, err error) {
	token, err := d.Token()
	if err != nil {
		return v, fmt.Errorf("%w: %v", errJSON, err)
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == maxDepth {
			return v, fmt.Errorf("%w that a document holds: it is nested deeper than %d", errJSON, maxDepth)
		}
		v.kind = mapping
		if t == '[' {
			v.kind = sequence
		}
		for d.More() {
			if v.kind == sequence {
				item, err := decode(d, depth+1)
				if err != nil {
					return v, err
				}
				v.items = append(v.items, item)
				continue
			}
			key, err := d.Token()
			if err != nil {
				return v, fmt.Errorf("%w: %v", errJSON, err)
			}
			one, err := decode(d, depth+1)
			if err != nil {
				return v, err
			}
			v.set(key.(string), one)
		}
		if _, err := d.Token(); err != nil {
			return v, fmt.Errorf("%w: %v", errJSON, err)
		}
	case string:
		v.kind, v.text = text, t
	case bool:
		v.kind, v.text = boolean, fmt.Sprint(t)
	case json.Number:
		v.kind, v.text = number(t.String())
	default:
		v.kind, v.text = null, "null"
	}
	return v, nil
}

// number gives a JSON number as YAML writes it: whole ones in digits, up to a length that people write.
func number(s string) (kind, string) {
	if !strings.ContainsAny(s, ".eE") {
		return integer, s
	}
	if f, ok := new(big.Rat).SetString(s); ok && len(s) < 40 && !hugeExponent(s) && f.IsInt() {
		return integer, f.Num().String()
	}
	if !strings.Contains(s, ".") {
		if i := strings.IndexAny(s, "eE"); i >= 0 {
			s = s[:i] + ".0" + s[i:]
		}
	}
	return float, s
}

// hugeExponent reports whether a number's digits would fill more than a line.
func hugeExponent(s string) bool {
	i := strings.IndexAny(s, "eE")
	return i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 1
}

// set gives a mapping a key, in the place of the one that it had.
func (v *value) set(key string, one value) {
	if p := v.find(key); p != nil {
		p.value = one
		return
	}
	v.pairs = append(v.pairs, pair{key: key, value: one})
}

// word writes a text so that every reader of YAML takes it for one.
func word(s string) string {
	if plainly(s) {
		return s
	}
	return inQuotes(s)
}

func inQuotes(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return hidden(r) || r == '\\' }) || strings.Contains(s, "\"") && strings.Contains(s, "'") {
		var b strings.Builder
		b.WriteByte('"')
		for _, r := range s {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r == '\n':
				b.WriteString(`\n`)
			case r == '\t':
				b.WriteString(`\t`)
			case hidden(r) && r > 0xffff:
				fmt.Fprintf(&b, `\U%08x`, r)
			case hidden(r):
				fmt.Fprintf(&b, `\u%04x`, r)
			default:
				b.WriteRune(r)
			}
		}
		b.WriteByte('"')
		return b.String()
	}
	if strings.Contains(s, "\"") {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}

// hidden tells of what a person would not see, and an editor might change.
func hidden(r rune) bool {
	return r == utf8.RuneError || r == '\ufeff' || r == '\u2028' || r == '\u2029' || unicode.IsControl(r) || !unicode.IsGraphic(r) && r != zeroWidthNonJoiner
}

// legacy are words that readers of older YAML take for yes and no.
var legacy = map[string]bool{"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true}

// plainly reports whether a text needs no quotes, whoever reads it: one that begins like a number has some always.
func plainly(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	if s == "" || !utf8.ValidString(s) || unicode.IsDigit(r) || strings.ContainsRune("+-.", r) || legacy[strings.ToLower(s)] {
		return false
	}
	p := &plain{src: "k: " + s + "}", end: len(s) + 4}
	end, ok := p.word(3, 1, true)
	return ok && end == len(s)+3 && scalar(s) == text
}

// inline writes a value on one line.
func (v *value) inline(b *strings.Builder) {
	switch v.kind {
	case mapping:
		b.WriteByte('{')
		for i := range v.pairs {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(word(v.pairs[i].key))
			b.WriteString(": ")
			v.pairs[i].value.inline(b)
		}
		b.WriteByte('}')
	case sequence:
		b.WriteByte('[')
		for i := range v.items {
			if i > 0 {
				b.WriteString(", ")
			}
			if item := &v.items[i]; item.kind == text && strings.Contains(item.text, ":") { // in braces it would be a key
				b.WriteString(inQuotes(item.text))
			} else {
				item.inline(b)
			}
		}
		b.WriteByte(']')
	case text:
		b.WriteString(word(v.text))
	case literal:
		b.WriteString(word(strings.TrimSpace(v.text)))
	case null, other:
		b.WriteString("null")
	default:
		b.WriteString(v.text)
	}
}

func (v *value) oneLine() string {
	var b strings.Builder
	v.inline(&b)
	return b.String()
}

// short reports whether a value is better read on one line.
func (v *value) short(most int) bool {
	for i := range v.pairs {
		if k := v.pairs[i].value.kind; k == mapping && len(v.pairs[i].value.pairs) > 0 {
			return false
		}
	}
	for i := range v.items {
		if k := v.items[i].kind; k == mapping {
			return false
		}
	}
	return len(v.oneLine()) <= most
}

// side writes what stands behind a key's colon, the key being indented so. It ends without the end of a line.
func (v *value) side(b *strings.Builder, indent int, nl string) {
	switch {
	case v.kind == mapping && len(v.pairs) > 0 && !v.short(wideValue):
		b.WriteString(nl)
		b.WriteString(strings.Repeat(" ", indent+2))
		v.keys(b, indent+2, nl)
	case v.kind == sequence && len(v.items) > 0 && !v.short(wideValue):
		for i := range v.items {
			b.WriteString(nl)
			b.WriteString(v.items[i].entry(indent+2, false, nl))
		}
	default:
		b.WriteByte(' ')
		v.inline(b)
	}
}

// keys writes a mapping, a line or more for each key: the first where writing is, the others indented so.
func (v *value) keys(b *strings.Builder, indent int, nl string) {
	for i := range v.pairs {
		if i > 0 {
			b.WriteString(nl)
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(word(v.pairs[i].key))
		b.WriteByte(':')
		v.pairs[i].value.side(b, indent, nl)
	}
}

// entry writes an item of a list with its dash, without the end of its last line.
func (v *value) entry(indent int, block bool, nl string) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", indent) + "- ")
	if v.kind == mapping && len(v.pairs) > 0 && (block || !v.short(wideEntry)) {
		v.keys(&b, indent+2, nl)
	} else {
		v.inline(&b)
	}
	return b.String()
}

// same reports whether a place of a document says what a JSON value does. A number that is written without quotes is the
// text of its digits too.
func (v *value) same(w *value) bool {
	switch v.kind {
	case mapping:
		if w.kind != mapping || len(v.pairs) != len(w.pairs) {
			return false
		}
		for i := range v.pairs {
			if p := w.find(v.pairs[i].key); p == nil || !v.pairs[i].value.same(&p.value) {
				return false
			}
		}
		return true
	case sequence:
		if w.kind != sequence || len(v.items) != len(w.items) || len(v.lazy) > 0 {
			return false
		}
		for i := range v.items {
			if !v.items[i].same(&w.items[i]) {
				return false
			}
		}
		return true
	case literal:
		return w.kind == text && strings.TrimSpace(v.text) == w.text
	case null:
		return w.kind == null
	case other:
		return false
	}
	return v.text == w.text && (w.kind == v.kind || w.kind == text && v.kind != null)
}

// towards gives the merge patch that makes a mapping say what another one does.
func (v *value) towards(w *value) value {
	patch := value{kind: mapping}
	for i := range v.pairs {
		if w.find(v.pairs[i].key) == nil {
			patch.set(v.pairs[i].key, value{kind: null, text: "null"})
		}
	}
	for i := range w.pairs {
		is := &w.pairs[i].value
		switch was := v.find(w.pairs[i].key); {
		case was == nil:
			patch.set(w.pairs[i].key, *is)
		case was.value.same(is):
		case was.value.kind == mapping && is.kind == mapping:
			patch.set(w.pairs[i].key, was.value.towards(is))
		default:
			patch.set(w.pairs[i].key, *is)
		}
	}
	return patch
}

// merged gives a value with a merge patch in it (RFC 7396 §2).
func merged(v, patch *value) value {
	if patch.kind != mapping {
		return *patch
	}
	out := value{kind: mapping}
	if v != nil && v.kind == mapping {
		out.pairs = append(out.pairs, v.pairs...)
	}
	for i := range patch.pairs {
		p := &patch.pairs[i]
		if p.value.kind == null {
			for j := range out.pairs {
				if out.pairs[j].key == p.key {
					out.pairs = append(out.pairs[:j:j], out.pairs[j+1:]...)
					break
				}
			}
			continue
		}
		var was *value
		if o := out.find(p.key); o != nil {
			was = &o.value
		}
		out.set(p.key, merged(was, &p.value))
	}
	return out
}
