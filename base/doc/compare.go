package doc

import (
	"slices"
	"strings"
)

// Has reports whether the document has a key of its own.
func (d *Document) Has(key string) bool { return d.root.kind == mapping && d.root.find(key) != nil }

// Word gives the word of a key of the document's own; "" for none, and for what is no word.
func (d *Document) Word(key string) string {
	if p := d.root.find(key); p != nil {
		return p.value.text
	}
	return ""
}

// Sealed gives the document with its plain secrets replaced by what with gives for them, and with the types that readers took.
// It is the document itself where there are none. A secret that does not stand on one line is a problem.
func (d *Document) Sealed(with func(secret string) string) *Document {
	text, ok := d.Replace(with)
	if !ok || text == d.text {
		return d
	}
	sealed := Open(d.file, text, *d.as, d.problems)
	if sealed != nil {
		sealed.shape = d.shape
	}
	return sealed
}

// Difference is an entry that one document has and another has not, or has otherwise. Of List "" it is a key of the document
// itself.
type Difference struct {
	List string
	Key  string
	Do   Deed     // Add, Patch or Delete
	Keys []string // of Patch: what differs
}

// Differences gives what a document says otherwise than an older one (nil for none), in the order of its lists and of their
// keys. by gives the key that tells the entries of a list apart; "" for a list without.
func (d *Document) Differences(old *Document, by func(list string) string) (list []Difference) {
	own := d.Lists()
	if old != nil {
		for _, key := range old.Lists() {
			if d.root.find(key) == nil {
				own = append(own, key)
			}
		}
	}
	for _, key := range own {
		var was *pair
		if old != nil {
			was = old.root.find(key)
		}
		is := d.root.find(key)
		if by := by(key); by != "" {
			list = d.entries(list, old, key, by)
			continue
		}
		switch {
		case was == nil:
			list = append(list, Difference{Key: key, Do: Add})
		case is == nil:
			list = append(list, Difference{Key: key, Do: Delete})
		case !d.whole(&is.value).same(old.whole(&was.value)):
			list = append(list, Difference{Key: key, Do: Patch})
		}
	}
	return list
}

// entries adds the differences of a list.
func (d *Document) entries(list []Difference, old *Document, name, by string) []Difference {
	is, was := d.index(name, by), (*index)(nil)
	if is == nil {
		is = &index{}
	}
	if old != nil {
		was = old.index(name, by)
	}
	if was == nil {
		was = &index{}
	}
	for i, j := 0, 0; i < len(is.order) || j < len(was.order); {
		var order int
		switch {
		case i == len(is.order):
			order = 1
		case j == len(was.order):
			order = -1
		default:
			order = strings.Compare(is.keys[is.order[i]], was.keys[was.order[j]])
		}
		switch {
		case order < 0:
			list = append(list, Difference{List: name, Key: is.keys[is.order[i]], Do: Add})
			i++
		case order > 0:
			list = append(list, Difference{List: name, Key: was.keys[was.order[j]], Do: Delete})
			j++
		default:
			if a, b := d.raw(is, is.order[i]), old.raw(was, was.order[j]); a == "" || a != b {
				if keys := differing(d.entry(is, is.order[i]), old.entry(was, was.order[j])); len(keys) > 0 {
					list = append(list, Difference{List: name, Key: is.keys[is.order[i]], Do: Patch, Keys: keys})
				}
			}
			i++
			j++
		}
	}
	return list
}

// raw gives the lines of an entry; "" where it has none of its own.
func (d *Document) raw(x *index, at int32) string {
	if len(x.at.lazy) == 0 {
		return ""
	}
	c := &x.at.lazy[at]
	return d.text[c.off:c.end]
}

// differing gives the keys that two entries have otherwise.
func differing(v, w *value) (keys []string) {
	for i := range v.pairs {
		if p := w.find(v.pairs[i].key); p == nil || !v.pairs[i].value.same(&p.value) && !p.value.same(&v.pairs[i].value) {
			keys = append(keys, v.pairs[i].key)
		}
	}
	for i := range w.pairs {
		if v.find(w.pairs[i].key) == nil {
			keys = append(keys, w.pairs[i].key)
		}
	}
	slices.Sort(keys)
	return keys
}
