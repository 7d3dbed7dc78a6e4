package doc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// index knows the entries of a list by the key that tells them apart.
type index struct {
	at    *value
	keys  []string // by their place in the list
	order []int32  // places, by key
}

// index gives the entries of a list: nil where the document has no such list.
func (d *Document) index(list, by string) *index {
	d.indexing.Lock()
	defer d.indexing.Unlock()
	if x, ok := d.indices[list]; ok {
		return x
	}
	var x *index
	if p := d.root.find(list); p != nil && p.value.kind == sequence {
		x = &index{at: &p.value}
		add := func(v *value) {
			key := ""
			for name := range strings.SplitSeq(by, "|") {
				if k := v.find(name); k != nil {
					key = k.value.text
					break
				}
			}
			x.order = append(x.order, int32(len(x.keys)))
			x.keys = append(x.keys, key)
		}
		for i := range x.at.items {
			add(&x.at.items[i])
		}
		for i := range x.at.lazy {
			add(d.item(&x.at.lazy[i], x.at.col-1))
		}
		slices.SortStableFunc(x.order, func(a, b int32) int { return strings.Compare(x.keys[a], x.keys[b]) })
	}
	if d.indices == nil {
		d.indices = map[string]*index{}
	}
	d.indices[list] = x
	return x
}

// from gives how many entries, by key, stand before a key, and whether there is one with it.
func (x *index) from(key string) (int, bool) {
	if x == nil {
		return 0, false
	}
	return slices.BinarySearchFunc(x.order, key, func(i int32, key string) int { return strings.Compare(x.keys[i], key) })
}

// value gives an entry by its place.
func (d *Document) entry(x *index, at int32) *value {
	if int(at) < len(x.at.items) {
		return &x.at.items[at]
	}
	return d.item(&x.at.lazy[int(at)-len(x.at.items)], x.at.col-1)
}

// Entry gives an entry of a list as JSON, with the types that its readers took; false for none. by is the key that tells
// entries apart. With list "" it is a key of the document itself, and with key "" the document.
func (d *Document) Entry(list, by, key string) (json.RawMessage, bool) {
	var b bytes.Buffer
	if list == "" {
		if key == "" {
			d.json(&b, &d.root, &d.shape)
			return b.Bytes(), true
		}
		p := d.root.find(key)
		if p == nil {
			return nil, false
		}
		d.json(&b, &p.value, d.shape.fields[key])
		return b.Bytes(), true
	}
	x := d.index(list, by)
	i, ok := x.from(key)
	if !ok {
		return nil, false
	}
	d.json(&b, d.entry(x, x.order[i]), d.entryShape(list))
	return b.Bytes(), true
}

func (d *Document) entryShape(list string) *shape {
	if s := d.shape.fields[list]; s != nil {
		return s.items
	}
	return nil
}

// Entries gives the entries of a list whose keys follow after, in the order of their keys, until use gives false.
func (d *Document) Entries(list, by, after string, use func(key string, value json.RawMessage) bool) {
	x := d.index(list, by)
	i, found := x.from(after)
	if x == nil {
		return
	}
	if found {
		i++
	}
	for ; i < len(x.order); i++ {
		var b bytes.Buffer
		d.json(&b, d.entry(x, x.order[i]), d.entryShape(list))
		if !use(x.keys[x.order[i]], b.Bytes()) {
			return
		}
	}
}

// Keys gives the keys of a list's entries, in order.
func (d *Document) Keys(list, by string) []string {
	x := d.index(list, by)
	if x == nil {
		return nil
	}
	keys := make([]string, len(x.order))
	for i, at := range x.order {
		keys[i] = x.keys[at]
	}
	return keys
}

// Lists gives the document's own keys, in order.
func (d *Document) Lists() []string {
	var keys []string
	for i := range d.root.pairs {
		keys = append(keys, d.root.pairs[i].key)
	}
	return keys
}

// touched is an entry that edits mean.
type touched struct {
	from, to int    // of its lines, without the last one's end; both 0 for one that is added
	text     string // as it is now
	changed  bool
	gone     bool
}

// listEdit is what edits make of one list.
type listEdit struct {
	name  string
	by    string
	index *index // nil where the document has no such list
	touch map[string]*touched
	known []*touched // those of the text
	order []*touched // those that are added
}

// entries changes entries of lists.
func (e *editor) entries(edits []Edit) error {
	lists := map[string]*listEdit{}
	var order []*listEdit
	for i := range edits {
		edit := &edits[i]
		l := lists[edit.List]
		if l == nil {
			by, _, _ := strings.Cut(edit.By, "|")
			l = &listEdit{name: edit.List, by: by, index: e.doc.index(edit.List, edit.By), touch: map[string]*touched{}}
			if p := e.doc.root.find(edit.List); p != nil && l.index == nil && p.value.kind != null {
				return fmt.Errorf("%w: %s is no list", ErrValue, edit.List)
			}
			lists[edit.List] = l
			order = append(order, l)
		}
		if err := e.entryEdit(l, edit); err != nil {
			return fmt.Errorf("%s %s: %w", edit.List, edit.Key, err)
		}
	}
	for _, l := range order {
		e.list(l)
	}
	return nil
}

// find gives an entry, or nil.
func (e *editor) find(l *listEdit, key string) *touched {
	if t := l.touch[key]; t != nil {
		if t.gone {
			return nil
		}
		return t
	}
	i, ok := l.index.from(key)
	if !ok {
		return nil
	}
	c := &l.index.at.lazy[l.index.order[i]]
	t := &touched{from: int(c.off), to: e.content(int(c.off), int(c.end), &pair{col: l.index.at.col + 1, value: value{plain: c.tree == nil}})}
	t.text = e.src[t.from:t.to]
	l.touch[key] = t
	l.known = append(l.known, t)
	return t
}

func (e *editor) entryEdit(l *listEdit, edit *Edit) error {
	var v value
	if edit.Do != Delete {
		var err error
		if v, err = fromJSON(edit.Value); err != nil {
			return fmt.Errorf("%w: %w", ErrValue, err)
		}
		if v.kind != mapping {
			return fmt.Errorf("%w: an object with the keys of an entry is meant", ErrValue)
		}
	}
	key := edit.Key
	if said := v.find(l.by); said != nil && said.value.kind != null {
		if key == "" {
			key = said.value.text
		}
		if said.value.text != key && edit.Do != Patch {
			return fmt.Errorf("%w: its %s says %q", ErrValue, l.by, said.value.text)
		}
	}
	if key == "" {
		return fmt.Errorf("%w: it says no %s", ErrValue, l.by)
	}
	t := e.find(l, key)
	switch {
	case edit.Do == Add && t != nil:
		return ErrEntryThere
	case (edit.Do == Patch || edit.Do == Delete) && t == nil:
		return ErrNoEntry
	case edit.Do == Delete:
		t.gone, t.changed = true, true
		return nil
	case t == nil:
		e.add(l, key, &v)
		return nil
	}
	if edit.Do != Patch && v.find(l.by) == nil {
		v.set(l.by, value{kind: text, text: key})
	}
	return e.change(l, t, key, &v, edit.Do == Patch)
}

// add puts an entry at the end of a list, written as its last one is.
func (e *editor) add(l *listEdit, key string, v *value) {
	is := merged(nil, v)
	if is.find(l.by) == nil {
		is.pairs = slices.Insert(is.pairs, 0, pair{key: l.by, value: value{kind: text, text: key}})
	}
	indent, block := 2, false
	if x := l.index; x != nil && len(x.at.lazy) > 0 {
		indent = int(x.at.col) - 1
		block = !e.doc.item(&x.at.lazy[len(x.at.lazy)-1], x.at.col-1).flow
	}
	t := &touched{text: is.entry(indent, block, e.nl), changed: true}
	l.touch[key] = t
	l.order = append(l.order, t)
}

// change has an entry say something else.
func (e *editor) change(l *listEdit, t *touched, key string, v *value, patch bool) error {
	part := &plain{src: t.text, end: len(t.text), line: 1}
	indent := part.next()
	was, ok := part.item(indent)
	if !ok {
		*part = plain{src: t.text, end: len(t.text), line: 1}
		list, sure := part.parse()
		if !sure || len(list.items) != 1 {
			return fmt.Errorf("%w: the entry is written so that it can't be changed alone", ErrValue)
		}
		was = list.items[0]
	}
	if was.kind != mapping {
		return fmt.Errorf("%w: the entry is no mapping", ErrValue)
	}
	how := *v
	if !patch {
		how = was.towards(v)
	}
	if said := how.find(l.by); said != nil && said.value.text != key {
		if said.value.kind == null {
			return fmt.Errorf("%w: an entry needs its %s", ErrValue, l.by)
		}
		if e.find(l, said.value.text) != nil {
			return ErrEntryThere
		}
		l.touch[key] = &touched{gone: true} // who asks for the old one again finds none
		l.touch[said.value.text] = t
	}
	inner := &editor{doc: e.doc, src: t.text + e.nl, nl: e.nl}
	if was.flow && !was.plain {
		is := merged(&was, &how)
		if is.same(&was) {
			return nil
		}
		t.text = is.entry(indent, false, e.nl)
	} else {
		inner.merge(&was, &how, len(inner.src))
		t.text = strings.TrimRight(inner.result(), "\r\n")
	}
	t.changed = true
	return nil
}

// list puts the changes of a list into the text.
func (e *editor) list(l *listEdit) {
	left := 0
	if l.index != nil {
		left = len(l.index.keys)
	}
	for _, t := range l.known {
		switch {
		case !t.changed:
		case t.gone:
			left--
			e.splice(t.from, e.past(t.to), "")
		default:
			e.splice(t.from, t.to, t.text)
		}
	}
	var added []string
	for _, t := range l.order {
		if !t.gone {
			added = append(added, t.text)
		}
	}
	p := e.doc.root.find(l.name)
	switch {
	case len(added) == 0 && left == 0 && p != nil && l.index != nil && len(l.index.keys) > 0:
		at := e.colon(p)
		e.splice(at, at, " []")
	case len(added) == 0:
	case p == nil:
		last := &e.doc.root.pairs[len(e.doc.root.pairs)-1]
		_, end := e.extent(&e.doc.root, last, len(e.src))
		e.splice(end, end, e.nl+e.nl+word(l.name)+":"+e.nl+strings.Join(added, e.nl))
	case len(p.value.lazy) > 0:
		c := &p.value.lazy[len(p.value.lazy)-1]
		end := e.content(int(c.off), int(c.end), &pair{col: p.value.col + 1, value: value{plain: c.tree == nil}})
		if slices.ContainsFunc(l.known, func(t *touched) bool { return t.from == int(c.off) && t.gone }) { // with the end of its line
			e.splice(e.past(end), e.past(end), strings.Join(added, e.nl)+e.nl)
		} else {
			e.splice(end, end, e.nl+strings.Join(added, e.nl))
		}
	default: // an empty list in brackets, or nothing at all
		at := e.colon(p)
		if p.value.plain {
			e.splice(at, int(p.value.end), "")
			at = int(p.value.end)
		}
		e.splice(e.past(at), e.past(at), strings.Join(added, e.nl)+e.nl)
	}
}

// colon gives the place behind a pair's colon.
func (e *editor) colon(p *pair) int {
	at := int(p.off)
	if e.src[at] == '"' || e.src[at] == '\'' {
		at += 1 + strings.IndexByte(e.src[at+1:], e.src[at])
	}
	return at + strings.IndexByte(e.src[at:], ':') + 1
}
