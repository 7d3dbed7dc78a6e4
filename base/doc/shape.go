package doc

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// how tells how readers read a place: a set of ways.
type how uint8

const (
	readText how = 1 << iota
	readInt
	readBool
	readNumber
	readSecret
)

// shape remembers how readers read each place of a document, so that what stands there can be given with its right type:
// one shape for all items of a list.
type shape struct {
	how    how
	fields map[string]*shape
	items  *shape
}

func (s *shape) is(h how) {
	if s != nil {
		s.how |= h
	}
}

func (s *shape) field(key string) *shape {
	if s == nil {
		return nil
	}
	if f := s.fields[key]; f != nil {
		return f
	}
	if s.fields == nil {
		s.fields = map[string]*shape{}
	}
	f := &shape{}
	s.fields[key] = f
	return f
}

func (s *shape) item() *shape {
	if s == nil {
		return nil
	}
	if s.items == nil {
		s.items = &shape{}
	}
	return s.items
}

// json adds what stands at a place, with the document's own keys in their order: a text wherever readers took one, though
// YAML would call it a number.
func (d *Document) json(b *bytes.Buffer, v *value, s *shape) {
	if s == nil {
		s = &shape{}
	}
	switch v.kind {
	case mapping:
		b.WriteByte('{')
		for i := range v.pairs {
			if i > 0 {
				b.WriteByte(',')
			}
			quote(b, v.pairs[i].key)
			b.WriteByte(':')
			d.json(b, &v.pairs[i].value, s.fields[v.pairs[i].key])
		}
		b.WriteByte('}')
	case sequence:
		b.WriteByte('[')
		for i := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			d.json(b, &v.items[i], s.items)
		}
		for i := range v.lazy {
			if i > 0 {
				b.WriteByte(',')
			}
			d.json(b, d.item(&v.lazy[i], v.col-1), s.items)
		}
		b.WriteByte(']')
	case null:
		b.WriteString("null")
	case literal:
		quote(b, strings.TrimSpace(v.text))
	default:
		b.WriteString(scalarJSON(v, s.how))
	}
}

// scalarJSON gives a word with the type that readers took it for, or that YAML gives it where nobody read it.
func scalarJSON(v *value, h how) string {
	if h&readText == 0 || h&(readInt|readBool|readNumber) != 0 {
		switch v.kind {
		case integer:
			if i, err := strconv.ParseInt(v.text, 10, 64); err == nil {
				return strconv.FormatInt(i, 10)
			}
		case float:
			if f, err := strconv.ParseFloat(v.text, 64); err == nil {
				if text, err := json.Marshal(f); err == nil {
					return string(text)
				}
			}
		case boolean:
			return strings.ToLower(v.text)
		}
	}
	var b bytes.Buffer
	quote(&b, v.text)
	return b.String()
}

// quote adds a JSON string.
func quote(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.Encode(s)
	b.Truncate(b.Len() - 1) // the encoder ends a line
}
