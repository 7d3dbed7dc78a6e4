package doc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What an edit is refused with.
var (
	ErrNoEntry    = errors.New("there is no such entry")
	ErrEntryThere = errors.New("there is such an entry already")
	ErrValue      = errors.New("the value does not fit")
)

// Deed is what an edit does.
type Deed uint8

// Deeds.
const (
	Put    Deed = iota // the entry says what Value does, or is added
	Add                // Put that fails with ErrEntryThere where there is one
	Patch              // a merge patch (RFC 7396); ErrNoEntry where there is none
	Delete             // likewise
)

// Edit changes an entry of a list of a document, which it names by a key of that entry. With List "" it changes the
// document's own keys: the one that Key names, or with Key "" those that Value names.
type Edit struct {
	List  string
	By    string // the key of entries that tells them apart; behind a bar another for entries that do not say it: "name|prefix"
	Key   string
	Do    Deed
	Value json.RawMessage
}

// Edit gives the document's text with changes in it. Every octet that they don't mean stays as it is: comments, blank lines,
// order, and how what stands besides is written. Only what is written so that nobody can tell its lines apart is written
// anew.
func (d *Document) Edit(edits []Edit) (string, error) {
	for len(edits) > 0 {
		n := 1
		if edits[0].List != "" {
			for n < len(edits) && edits[n].List != "" {
				n++
			}
		}
		now, err := d.blocks(edits[:n])
		if err != nil {
			return "", err
		}
		e := &editor{doc: now, src: now.text, nl: newline(now.text)}
		torn := !strings.HasSuffix(e.src, "\n")
		if torn { // every line has an end while lines come and go
			e.src += e.nl
		}
		if edits[0].List == "" {
			err = e.own(&edits[0])
		} else {
			err = e.entries(edits[:n])
		}
		if err != nil {
			return "", err
		}
		text := e.result()
		if torn {
			text = strings.TrimSuffix(text, e.nl)
		}
		if edits = edits[n:]; len(edits) == 0 {
			return text, nil
		}
		if d, err = again(text); err != nil {
			return "", err
		}
	}
	return d.text, nil
}

func again(text string) (*Document, error) {
	var problems Problems
	if d := Open("", text, Reading{}, &problems); d != nil {
		return d, nil
	}
	return nil, problems.Err()
}

// blocks gives the document with what edits mean in blocks of lines: as it is, nearly always.
func (d *Document) blocks(edits []Edit) (*Document, error) {
	if d.root.kind != mapping {
		return nil, fmt.Errorf("%w: the document is no mapping", ErrValue)
	}
	if !d.parts {
		var b strings.Builder
		d.root.keys(&b, 0, "\n")
		return again(b.String() + "\n")
	}
	e := &editor{doc: d, src: d.text, nl: newline(d.text)}
	done := map[string]bool{}
	for i := range edits {
		list := edits[i].List
		if list == "" || done[list] {
			continue
		}
		done[list] = true
		p := d.root.find(list)
		if p == nil || p.value.kind != sequence || len(p.value.items) == 0 {
			continue
		}
		from, to := e.extent(&d.root, p, len(e.src))
		var b strings.Builder
		b.WriteString(word(p.key) + ":")
		for i := range p.value.items {
			b.WriteString(e.nl + p.value.items[i].entry(2, false, e.nl))
		}
		e.splice(from, to, b.String())
	}
	if len(e.out) == 0 {
		return d, nil
	}
	return again(e.result())
}

// newline is how a text ends its lines.
func newline(text string) string {
	if i := strings.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// editor gathers what changes in a text.
type editor struct {
	doc *Document
	src string
	nl  string
	out []splice
}

type splice struct {
	from, to int
	text     string
}

func (e *editor) splice(from, to int, text string) { e.out = append(e.out, splice{from, to, text}) }

func (e *editor) result() string {
	if len(e.out) == 0 {
		return e.src
	}
	slices.SortStableFunc(e.out, func(a, b splice) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	var b strings.Builder
	b.Grow(len(e.src) + 256)
	at := 0
	for _, s := range e.out {
		b.WriteString(e.src[at:max(at, s.from)])
		b.WriteString(s.text)
		at = max(at, s.to)
	}
	b.WriteString(e.src[at:])
	return b.String()
}

// own changes the document's own keys.
func (e *editor) own(edit *Edit) error {
	patch := value{kind: mapping}
	there := edit.Key != "" && e.doc.root.find(edit.Key) != nil
	switch {
	case edit.Key != "" && edit.Do == Add && there:
		return fmt.Errorf("%w: %s", ErrEntryThere, edit.Key)
	case edit.Key != "" && (edit.Do == Patch || edit.Do == Delete) && !there:
		return fmt.Errorf("%w: %s", ErrNoEntry, edit.Key)
	case edit.Do == Delete:
		if edit.Key == "" {
			return fmt.Errorf("%w: which key of the document is deleted?", ErrValue)
		}
		patch.set(edit.Key, value{kind: null})
	default:
		v, err := fromJSON(edit.Value)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrValue, err)
		}
		if edit.Key != "" {
			whole := value{kind: mapping}
			whole.set(edit.Key, v)
			v = whole
		}
		if v.kind != mapping {
			return fmt.Errorf("%w: an object with keys of the document is meant", ErrValue)
		}
		patch = v
		if edit.Do == Put || edit.Do == Add {
			patch = value{kind: mapping}
			for i := range v.pairs {
				one := v.pairs[i].value
				if was := e.doc.root.find(v.pairs[i].key); was != nil {
					if e.doc.whole(&was.value).same(&one) {
						continue
					}
					if was.value.kind == mapping && one.kind == mapping {
						one = was.value.towards(&one)
					}
				}
				patch.set(v.pairs[i].key, one)
			}
		}
	}
	e.merge(&e.doc.root, &patch, len(e.src))
	return nil
}

// whole gives a value with all items of a long list at once.
func (d *Document) whole(v *value) *value {
	if len(v.lazy) == 0 {
		return v
	}
	w := *v
	w.lazy = nil
	for i := range v.lazy {
		w.items = append(w.items, *d.item(&v.lazy[i], v.col-1))
	}
	return &w
}

// lineOf gives where the line of an offset begins.
func (e *editor) lineOf(at int) int { return strings.LastIndexByte(e.src[:at], '\n') + 1 }

// extent gives the octets of a pair of a mapping in block style, which ends at a limit: from its key to the end of its last
// line with content, without that line's end.
func (e *editor) extent(v *value, p *pair, limit int) (from, to int) {
	from = int(p.off)
	for i := range v.pairs {
		if off := int(v.pairs[i].off); off > from && off < limit {
			limit = e.lineOf(off)
			break
		}
	}
	return from, e.content(from, limit, p)
}

// content gives where the last line with content of a part ends. A line of a block scalar may look like a comment.
func (e *editor) content(from, limit int, p *pair) int {
	end := limit
	for end > from {
		begin := e.lineOf(end - 1)
		line := strings.TrimRight(e.src[begin:end], "\r\n")
		bare := strings.TrimLeft(line, " \t")
		comment := strings.HasPrefix(bare, "#") && (p == nil || p.value.plain || len(p.value.lazy) > 0 || len(line)-len(bare) < int(p.col))
		if begin <= from || bare != "" && !comment {
			return begin + len(line)
		}
		end = begin
	}
	return end
}

// past gives where the line behind an end of content begins.
func (e *editor) past(at int) int {
	if i := strings.IndexByte(e.src[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(e.src)
}

// merge changes a mapping that ends at a limit by a merge patch.
func (e *editor) merge(v, patch *value, limit int) {
	if len(patch.pairs) == 0 {
		return
	}
	if v.flow {
		e.splice(int(v.off), int(v.end), e.braces(v, patch))
		return
	}
	kept := 0
	last := -1 // the last pair that stays
	for i := range v.pairs {
		if p := patch.find(v.pairs[i].key); p == nil || p.value.kind != null {
			kept++
			last = i
		}
	}
	var added []pair
	for i := range patch.pairs {
		if patch.pairs[i].value.kind != null && v.find(patch.pairs[i].key) == nil {
			added = append(added, patch.pairs[i])
		}
	}
	indent := int(v.col) - 1
	if kept == 0 { // nothing of it stays
		rest := value{kind: mapping}
		for i := range added {
			rest.set(added[i].key, merged(nil, &added[i].value))
		}
		_, end := e.extent(v, &v.pairs[len(v.pairs)-1], limit)
		text := "{}"
		if len(rest.pairs) > 0 {
			var b strings.Builder
			rest.keys(&b, indent, e.nl)
			text = b.String()
		}
		e.splice(int(v.pairs[0].off), end, text)
		return
	}
	for i := e.behead(v, patch, limit); i < len(v.pairs); i++ {
		was := &v.pairs[i]
		p := patch.find(was.key)
		if p == nil {
			continue
		}
		from, to := e.extent(v, was, limit)
		switch {
		case p.value.kind == null:
			e.splice(e.lineOf(from), e.past(to), "")
		case p.value.kind == mapping && was.value.kind == mapping && (was.value.plain || !was.value.flow):
			e.merge(&was.value, &p.value, to)
		case was.value.plain && was.value.kind != mapping && (was.value.kind != sequence || was.value.flow) && inlined(&p.value):
			is := merged(&was.value, &p.value)
			e.splice(int(was.value.off), int(was.value.end), is.oneLine())
		case was.value.off > 0 && was.value.kind != mapping && was.value.kind != sequence && inlined(&p.value) && wordEnd(e.src, int(was.value.off), &was.value) > 0:
			is := merged(&was.value, &p.value)
			e.splice(int(was.value.off), wordEnd(e.src, int(was.value.off), &was.value), is.oneLine())
		default:
			is := merged(&was.value, &p.value)
			var b strings.Builder
			b.WriteString(word(was.key) + ":")
			is.side(&b, indent, e.nl)
			e.splice(from, to, b.String())
		}
	}
	if len(added) == 0 {
		return
	}
	_, end := e.extent(v, &v.pairs[last], limit)
	var b strings.Builder
	for i := range added {
		is := merged(nil, &added[i].value)
		b.WriteString(strings.Repeat(" ", indent) + word(added[i].key) + ":")
		is.side(&b, indent, e.nl)
		b.WriteString(e.nl)
	}
	e.splice(e.past(end), e.past(end), b.String())
}

// inlined reports whether a value is written on the line of its key.
func inlined(v *value) bool {
	return v.kind != mapping && v.kind != sequence || len(v.pairs)+len(v.items) == 0 || v.short(wideValue)
}

// behead takes out the pairs that stand first behind a dash, if they go, and gives the first that stays: it takes their
// place, and comments between them go before the dash.
func (e *editor) behead(v, patch *value, limit int) (first int) {
	begin, from := e.lineOf(int(v.pairs[0].off)), int(v.pairs[0].off)
	if strings.Trim(e.src[begin:from], " ") == "" {
		return 0
	}
	between := ""
	for ; ; first++ {
		if p := patch.find(v.pairs[first].key); p == nil || p.value.kind != null {
			break
		}
		_, to := e.extent(v, &v.pairs[first], limit)
		between += e.src[e.past(to):e.lineOf(int(v.pairs[first+1].off))]
	}
	if first > 0 {
		e.splice(begin, begin, between)
		e.splice(from, int(v.pairs[first].off), "")
	}
	return first
}

// braces writes a mapping in braces with a merge patch in it; what the patch leaves stays as it is written.
func (e *editor) braces(v, patch *value) string {
	var parts []string
	for i := range v.pairs {
		was := &v.pairs[i]
		p := patch.find(was.key)
		switch {
		case p == nil:
			parts = append(parts, e.src[was.off:was.value.end])
		case p.value.kind == null:
		case p.value.kind == mapping && was.value.kind == mapping:
			parts = append(parts, e.src[was.off:was.value.off]+e.braces(&was.value, &p.value))
		default:
			is := merged(&was.value, &p.value)
			parts = append(parts, e.src[was.off:was.value.off]+is.oneLine())
		}
	}
	for i := range patch.pairs {
		if p := &patch.pairs[i]; p.value.kind != null && v.find(p.key) == nil {
			is := merged(nil, &p.value)
			parts = append(parts, word(p.key)+": "+is.oneLine())
		}
	}
	text := strings.Join(parts, ", ")
	if v.off+1 < v.end && e.src[v.off+1] == ' ' && text != "" {
		return "{ " + text + " }"
	}
	return "{" + text + "}"
}
