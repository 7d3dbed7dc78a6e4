package doc

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dump writes a value down with its places.
func (d *Document) dump(b *strings.Builder, v *value, depth string) {
	fmt.Fprintf(b, "%s%d %v %d:%d %q\n", depth, v.kind, v.flow, v.line, v.col, v.text)
	for i := range v.pairs {
		p := &v.pairs[i]
		fmt.Fprintf(b, "%s%q %d:%d @%d\n", depth, p.key, p.line, p.col, p.off)
		d.dump(b, &p.value, depth+"  ")
	}
	for i := range v.items {
		d.dump(b, &v.items[i], depth+"- ")
	}
	for i := range v.lazy {
		d.dump(b, d.item(&v.lazy[i], v.col-1), depth+"- ")
	}
}

// whole reads with the whole parser alone.
func whole(text string) (string, error) {
	tree, err := parse(text)
	if err != nil {
		return "", err
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return "", fmt.Errorf("%d documents", len(tree.Docs))
	}
	v := newTree(text, 0, 0).value(tree.Docs[0].Body)
	var b strings.Builder
	(&Document{text: text}).dump(&b, &v, "")
	return b.String(), nil
}

// alike fails where a document that is read in parts is read otherwise than whole.
func alike(t *testing.T, text string) (parts bool) {
	t.Helper()
	var problems Problems
	d := Open("x.yaml", text, Reading{}, &problems)
	want, err := whole(text)
	if err != nil {
		if d != nil {
			t.Fatalf("%q\nis read, though the whole parser says %v", text, err)
		}
		return false
	}
	if d == nil {
		t.Fatalf("%q\nis not read: %v", text, problems.Err())
	}
	var b strings.Builder
	d.dump(&b, &d.root, "")
	if b.String() != want {
		got, want := strings.Split(b.String(), "\n"), strings.Split(want, "\n")
		i := 0
		for i < min(len(got), len(want))-1 && got[i] == want[i] {
			i++
		}
		t.Fatalf("%q\nin parts (%v):\n%s\nwhole:\n%s", text, d.parts, got[i], want[i])
	}
	for i := range d.root.pairs {
		spans(t, d, &d.root.pairs[i].value)
	}
	return d.parts
}

// spans sees that the octets of what the plain reader read are its own.
func spans(t *testing.T, d *Document, v *value) {
	t.Helper()
	if v.plain && v.kind != mapping && v.kind != sequence {
		if got := d.text[v.off:v.end]; got != v.text && got != `"`+v.text+`"` && got != "'"+v.text+"'" {
			t.Fatalf("%q\nhas %q at the place of %q", d.text, got, v.text)
		}
	}
	for i := range v.pairs {
		spans(t, d, &v.pairs[i].value)
	}
	for i := range v.items {
		spans(t, d, &v.items[i])
	}
	for i := range v.lazy {
		spans(t, d, d.item(&v.lazy[i], v.col-1))
	}
}

// writer makes random documents, most of them as people write them.
type writer struct {
	*rand.Rand
	odd bool // with what the plain reader is not sure of
}

func (w writer) chance(n int) bool { return w.IntN(n) == 0 }

func (w writer) pick(list ...string) string { return list[w.IntN(len(list))] }

func (w writer) scalar(flow bool) string {
	s := w.pick("a", "101", "0211", "02122000001", "true", "yes", "Sara Ahmadi", "۱۰۱", "سارا احمدی", "می\u200cشود", "1.50", "1e3", "-5", "0x1f", "+982122000100", "sip:sbc.example.net", "192.0.2.0/28",
		"inf", "nan", "infinite", "Null", "null", "~", "a#b", "30s", "sealed:1:ab_-Z", `"quoted, {text}: # here"`, `'single "x"'`, `"سلام # ب"`, `""`, "a@b.example", "a, b", "12:30", "2026-03-21", "x  y", "a=b;c")
	if flow && strings.ContainsAny(s, ",#") && s[0] != '"' {
		s = "flowing"
	}
	if w.odd && w.chance(6) {
		s = w.pick(`"esc \" \n \u0627"`, "'it''s'", "O'Brien", "&a x", "*a", "!!str 5", "R&D", "a: b", "[", "{", "%x", "@x", "-", "- x", "? x", "|", ">", ".inf", "<<", "a\tb", "#", "", "é\u00a0b", "x:", "a ", "\"two\n   lines\"", "'two\n\n lines'", "\"a\nb\"", "two\n   words", "two\nwords")
	}
	return s
}

func (w writer) flow(depth int) string {
	if depth == 0 || w.chance(2) {
		return w.scalar(true)
	}
	var parts []string
	n := w.IntN(4)
	brace := w.chance(2)
	for i := range n {
		if brace {
			parts = append(parts, fmt.Sprintf("k%d: %s", i, w.flow(depth-1)))
		} else {
			parts = append(parts, w.flow(depth-1))
		}
	}
	text := strings.Join(parts, w.pick(", ", ", ", ",  "))
	if w.odd && w.chance(10) {
		text = strings.ReplaceAll(text, ", ", ",\n      ")
	}
	if brace {
		return "{" + text + "}"
	}
	return "[" + text + "]"
}

func (w writer) comment(indent string) string {
	switch w.IntN(12) {
	case 0:
		return indent + "# a comment: with - things\n"
	case 1:
		return "\n"
	case 2:
		return "# at the edge\n"
	case 3:
		if w.odd {
			return w.pick("  \n", "\t\n", "#\ttab\n", "\n\n", "---\n", "...\n")
		}
	}
	return ""
}

func (w writer) side(indent string, depth int) string {
	switch {
	case depth > 0 && w.chance(3):
		deeper := indent + w.pick("  ", "  ", "    ", " ")
		tail := w.pick("\n", "\n", " # why\n")
		if w.chance(2) {
			return tail + w.comment(deeper) + w.list(deeper, depth-1)
		}
		return tail + w.comment(deeper) + w.mapping(deeper, depth-1)
	case depth > 0 && w.chance(6):
		return "\n" + w.list(indent, depth-1)
	case w.odd && w.chance(8):
		deeper := indent + "  "
		return " " + w.pick("|", ">", "|-", ">+", "|2") + "\n" + deeper + "one - x: y\n" + w.pick("", "\n") + deeper + w.pick("", "  ", "- ") + "two # no comment\n" + w.pick("", "\n\n")
	}
	space := " "
	if w.odd && w.chance(8) {
		space = w.pick("  ", "", "\t")
	}
	return space + w.flow(2) + w.pick("\n", "\n", "\n", " # why\n")
}

func (w writer) mapping(indent string, depth int) string {
	var b strings.Builder
	for i := range 1 + w.IntN(4) {
		if i > 0 {
			b.WriteString(w.comment(indent))
		}
		key := fmt.Sprintf("key%d", i)
		if w.chance(12) {
			key = w.pick("a-b", "k_1", "101", `"q"`, "true", "x.y")
		}
		if w.odd && w.chance(15) {
			key = w.pick("? k", "<<", "key0", "'k'", "k k", "&a k", "کلید", "")
		}
		b.WriteString(indent + key + ":" + w.side(indent, depth))
	}
	return b.String()
}

func (w writer) list(indent string, depth int) string {
	var b strings.Builder
	for range 1 + w.IntN(4) {
		b.WriteString(w.comment(indent))
		gap := " "
		if w.chance(10) {
			gap = "   "
		}
		switch w.IntN(3) {
		case 0:
			text := w.mapping(indent+" "+gap, depth)
			b.WriteString(indent + "-" + gap + strings.TrimLeft(text, " "))
		case 1:
			b.WriteString(indent + "-" + gap + w.scalar(false) + "\n")
		default:
			b.WriteString(indent + "-" + gap + w.flow(2) + w.pick("\n", "\n", " # x\n"))
		}
		if w.odd && w.chance(15) {
			b.WriteString(indent + w.pick("-\n", "- - a\n", " - b\n", "-b\n", "  x\n"))
		}
	}
	return b.String()
}

func (w writer) document() string {
	text := w.comment("") + w.mapping("", 3) + w.comment("")
	if w.odd && w.chance(6) {
		b := []byte(text) // hurt it somewhere
		i := w.IntN(len(b))
		switch w.IntN(3) {
		case 0:
			b[i] = w.pick(" ", "\n", "-", ":", "#", "\"", "}", "]", "'", "\r", "\t", "\x00", "\xff", ",")[0]
		case 1:
			b = append(b[:i], b[i+1:]...)
		default:
			b = b[:i]
		}
		text = string(b)
	}
	switch w.IntN(8) {
	case 0:
		text = strings.TrimSuffix(text, "\n")
	case 1:
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
}

// What is read in parts is read exactly as the whole parser reads it: kinds, words, lines and columns.
func TestInPartsAsWhole(t *testing.T) {
	parts, n := 0, 3000
	for seed := range uint64(n) {
		if alike(t, writer{rand.New(rand.NewPCG(seed, 1)), false}.document()) {
			parts++
		}
		alike(t, writer{rand.New(rand.NewPCG(seed, 2)), true}.document())
	}
	if parts < n*9/10 {
		t.Errorf("only %d of %d usual documents are read in parts", parts, n)
	}
	files, _ := filepath.Glob("../../docs/sample/*.yaml")
	more, _ := filepath.Glob("../../docs/sample/*/*.yaml")
	for _, file := range append(files, more...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !alike(t, string(text)) {
			t.Errorf("%s is not read in parts", file)
		}
	}
}

func FuzzInParts(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(writer{rand.New(rand.NewPCG(seed, 3)), seed%2 == 1}.document())
	}
	for _, text := range []string{"a:\n- b\n- c: |\n    x\n\n- d\n", "a: \"x\n y\"\nb: c", "a:\n  - 'x\n  - y'\n", "a: {b: c, d: [e]}\r\nf: g", "a:\n  - b: c\n    d:\n    - e\n", "a: b\n c\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { alike(t, text) })
}

func lines(n int) string {
	var b strings.Builder
	b.WriteString("tenant: big\ndomains: [big.example]\nlines:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {number: \"021%08d\", name: Line %d, password: sealed:1:0a1b2c3d:%056d}\n", i, i, i)
	}
	return b.String()
}

// BenchmarkRead reads a document of 100,000 entries.
func BenchmarkRead(b *testing.B) {
	text := lines(100_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var problems Problems
		n := 0
		field := func(n *Node) { n.Text() }
		Open("x.yaml", text, Reading{}, &problems).Root().Map(Fields{"tenant": field, "domains": func(*Node) {}, "lines": func(l *Node) {
			l.Each(func(l *Node) { n++; l.Map(Fields{"number": field, "name": field, "password": field}) })
		}})
		if n != 100_000 || problems.Err() != nil {
			b.Fatal(n, problems.Err())
		}
	}
}
