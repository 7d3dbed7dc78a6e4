package doc

import (
	"sort"
	"strings"
)

// Place is where a plain secret stands in a document's text.
type Place struct {
	Secret   string
	Off, End int // its octets, quotes with it; both 0 where it does not stand on one line
	Line     int
	Column   int
}

// Secrets gives the plain secrets that readers met, in their order in the text.
func (d *Document) Secrets() []Place {
	sort.SliceStable(d.secrets, func(i, j int) bool { return d.secrets[i].Off < d.secrets[j].Off })
	return d.secrets
}

// place finds the octets of a scalar.
func (d *Document) place(v *value, secret string) Place {
	p := Place{Secret: secret, Line: int(v.line), Column: int(v.col)}
	if v.plain {
		p.Off, p.End = int(v.off), int(v.end)
		return p
	}
	if d.lines == nil {
		d.lines = newTree(d.text, 0, 0)
	}
	at := int(d.lines.offset(int(v.line), int(v.col)))
	if end := wordEnd(d.text, at, v); end > at {
		p.Off, p.End = at, end
	}
	return p
}

// wordEnd gives where a word ends that begins at an offset and stands on one line; 0 where it does not.
func wordEnd(src string, at int, v *value) int {
	rest := src[at:]
	if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
		rest = rest[:i]
	}
	switch {
	case v.kind == literal || rest == "":
	case rest[0] == '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] != '\'' {
				continue
			}
			if i+1 == len(rest) || rest[i+1] != '\'' {
				return at + i + 1
			}
			i++
		}
	case rest[0] == '"':
		for i := 1; i < len(rest); i++ {
			if rest[i] == '\\' {
				i++
			} else if rest[i] == '"' {
				return at + i + 1
			}
		}
	case strings.HasPrefix(rest, v.text):
		return at + len(v.text)
	}
	return 0
}

// Replace gives a text with the plain secrets of a document replaced, each by what with gives for it: no other octet is
// touched. A secret that does not stand on one line is a problem, and false.
func (d *Document) Replace(with func(secret string) string) (string, bool) {
	secrets := d.Secrets()
	if len(secrets) == 0 {
		return d.text, true
	}
	var b strings.Builder
	b.Grow(len(d.text) + 64*len(secrets))
	at, ok := 0, true
	for _, s := range secrets {
		if s.End == 0 || s.Off < at {
			d.problems.Add(Problem{File: d.file, Line: s.Line, Column: s.Column, Text: "a secret must stand on one line, in \"quotes\" if it must"})
			ok = false
			continue
		}
		b.WriteString(d.text[at:s.Off])
		b.WriteString(with(s.Secret))
		at = s.End
	}
	b.WriteString(d.text[at:])
	return b.String(), ok
}
