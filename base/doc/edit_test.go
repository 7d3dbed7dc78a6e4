package doc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readModel reads a document as the nouns are read, so that it knows its types.
func readModel(t *testing.T, text string) *Document {
	t.Helper()
	var problems Problems
	d := Open("x.yaml", text, Reading{}, &problems)
	if d == nil {
		t.Fatalf("%v\n%s", problems.Err(), text)
	}
	word := func(n *Node) { n.Text() }
	media := func(n *Node) {
		n.Map(Fields{"srtp": word, "ptime": func(n *Node) { n.Int(0, 1000) }, "codecs": func(n *Node) { n.Each(word) }})
	}
	list := func(n *Node) {
		n.Each(func(n *Node) {
			n.Map(Fields{"number": word, "name": word, "channels": func(n *Node) { n.Int(0, 1<<30) }, "on": func(n *Node) { n.Bool() }, "media": media,
				"rules": func(n *Node) {
					n.Each(func(n *Node) { n.Map(Fields{"cut": word, "put": word}) })
				}})
		})
	}
	d.Root().Map(Fields{"tenant": word, "name": word, "country": word, "media": media, "lines": list, "extensions": list})
	if err := problems.Err(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

func toAny(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

func toJSON(v any) json.RawMessage {
	raw, _ := json.Marshal(v)
	return raw
}

// mergePatch is RFC 7396 §2 as it is written there.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if was, ok := target.(map[string]any); ok {
		for k, v := range was {
			out[k] = v
		}
	}
	for k, v := range p {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = mergePatch(out[k], v)
		}
	}
	return out
}

const editable = `# the document's own comment
tenant: sample   # its id
name: "Sample: Company"

# extensions come first
extensions:
  - number: 101
    name: Reception # of the house
    channels: 2     # calls at once

    # a comment within
    media:
      srtp: off     # not here
      codecs: [pcma, opus]
  # between two
  - number: "0102"
    name: 'دفتر'
    on: true
  - {number: 103, name: Flow, media: {srtp: required, ptime: 20}} # in braces
  - number: 104
    name: "esc \"aped\" text" # kept
    rules:
      - {cut: "00", put: "+"} # abroad
      - cut: "0"
        put: "+98"
  - number: 105
    name: |
      two
      # no comment
      lines

lines:
- {number: 22000001, name: Line one}
# last words of lines
- { number: "02122000002", name: Line two }

# the end
`

var (
	ownLine   = regexp.MustCompile(`(?m)^ *(# [^\n]*)$`)
	everyItem = regexp.MustCompile(`# [a-z ']+`)
)

// random makes a value of one of the keys that entries have.
func (w writer) value(key string) any {
	switch key {
	case "channels":
		return w.IntN(100)
	case "on":
		return w.chance(2)
	case "media":
		m := map[string]any{}
		for _, k := range []string{"srtp", "ptime", "codecs"} {
			if w.chance(2) {
				switch k {
				case "ptime":
					m[k] = w.IntN(60)
				case "codecs":
					m[k] = []any{"opus", w.word()}[:w.IntN(3)]
				default:
					m[k] = w.word()
				}
			}
		}
		return m
	case "rules":
		list := []any{}
		for range w.IntN(3) {
			list = append(list, map[string]any{"cut": w.word(), "put": w.word()})
		}
		return list
	}
	return w.word()
}

func (w writer) word() string {
	return w.pick("a", "0211", "no", "1e3", "۱۲", "", " x ", "a: b", "a # b", "- x", "it's", `say "x"`, `both ' and "`, "two\nlines", "back\\slash", "سلام دنیا", "می\u200cشود", "{x}", "[", "&a", "*43", "null", "~", "true", "0x10", "1.5", "-", "?", "x,y", "tab\there", "\u2028", "\x00x", "2026-03-21", "sip:a@b", "a:", "😀", "!x", "%", "@", "`", "inf", ".nan", "sealed:1:ab", strings.Repeat("long ", 40)) // of any kind
}

// Random edits do to the text what they do to its JSON. Entries that they don't name keep every octet, and comments stay.
func TestRandomEdits(t *testing.T) {
	for seed := range uint64(400) {
		w := writer{rand.New(rand.NewPCG(seed, 9)), false}
		text := editable
		if w.chance(3) {
			text = strings.TrimSuffix(text, "\n")
		}
		if w.chance(3) {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		d := readModel(t, text)
		for range 12 {
			lists := map[string]map[string]any{}
			for _, list := range []string{"extensions", "lines"} {
				lists[list] = map[string]any{}
				d.Entries(list, "number", "", func(key string, raw json.RawMessage) bool {
					lists[list][key] = toAny(t, raw)
					return true
				})
			}
			before := items(d)
			var edits []Edit
			named := map[string]bool{}
			for range 1 + w.IntN(4) {
				edit, want := w.edit(lists)
				_, err := d.Edit(append(slices.Clone(edits), edit))
				if want != nil {
					if !errors.Is(err, want) {
						t.Fatalf("%+v: %v, want %v\n%s", edit, err, want, text)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%+v: %v\n%s", edit, err, text)
				}
				w.apply(lists, edit)
				edits = append(edits, edit)
				named[edit.List+" "+edit.Key] = true
			}
			now, err := d.Edit(edits)
			if err != nil {
				t.Fatal(err)
			}
			was := text
			text = now
			if d = readModel(t, text); !d.parts {
				t.Fatalf("it is not read in parts after %s:\n%s", show(edits), text)
			}
			for list, want := range lists {
				got := map[string]any{}
				d.Entries(list, "number", "", func(key string, raw json.RawMessage) bool {
					got[key] = toAny(t, raw)
					return true
				})
				if !reflect.DeepEqual(got, toAny(t, toJSON(want))) {
					t.Fatalf("%s after %s:\n%s\nwant\n%s\n--- was\n%s\n--- is\n%s", list, show(edits), toJSON(got), toJSON(want), was, text)
				}
			}
			after := items(d)
			for key, item := range before {
				if !named[key] && after[key] != item {
					t.Fatalf("%s was\n%s\nis\n%s\nafter %s", key, item, after[key], show(edits))
				}
			}
			if strings.Contains(text, "\r\n") && strings.Count(text, "\r\n") != strings.Count(text, "\n") {
				t.Fatalf("ends of lines are mixed: %q", text)
			}
		}
		for _, c := range []string{"# the document's own comment", "# its id", "# extensions come first", "# between two", "# last words of lines", "# the end"} {
			if !strings.Contains(text, c) {
				t.Fatalf("%s is lost:\n%s", c, text)
			}
		}
	}
}

func show(edits []Edit) string {
	var b strings.Builder
	for _, e := range edits {
		fmt.Fprintf(&b, "%s %s do %d %s; ", e.List, e.Key, e.Do, e.Value)
	}
	return b.String()
}

// items gives the lines of each entry.
func items(d *Document) map[string]string {
	m := map[string]string{}
	e := &editor{doc: d, src: d.text, nl: "\n"}
	for _, list := range []string{"extensions", "lines"} {
		x := d.index(list, "number")
		if x == nil {
			continue
		}
		for i, key := range x.keys {
			c := x.at.lazy[i]
			m[list+" "+key] = e.src[c.off:e.content(int(c.off), int(c.end), &pair{col: x.at.col + 1, value: value{plain: c.tree == nil}})]
		}
	}
	return m
}

// edit makes a random edit, and the error that it must give.
func (w writer) edit(lists map[string]map[string]any) (Edit, error) {
	e := Edit{List: w.pick("extensions", "lines"), By: "number", Do: Deed(w.IntN(4))}
	var keys []string
	for k := range lists[e.List] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.Key = w.pick("201", "0202", "*5", "n o")
	if len(keys) > 0 && !w.chance(4) {
		e.Key = keys[w.IntN(len(keys))]
	}
	_, there := lists[e.List][e.Key]
	entry := map[string]any{"number": e.Key}
	for _, k := range []string{"name", "channels", "on", "media", "rules"} {
		if w.chance(2) {
			entry[k] = w.value(k)
		} else if e.Do == Patch && w.chance(3) {
			entry[k] = nil
		}
	}
	if w.chance(3) {
		delete(entry, "number")
	}
	switch {
	case e.Do == Add && there:
		e.Value = toJSON(entry)
		return e, ErrEntryThere
	case (e.Do == Patch || e.Do == Delete) && !there:
		e.Value = toJSON(entry)
		return e, ErrNoEntry
	}
	e.Value = toJSON(entry)
	return e, nil
}

func (w writer) apply(lists map[string]map[string]any, e Edit) {
	var v any
	json.Unmarshal(e.Value, &v)
	switch e.Do {
	case Delete:
		delete(lists[e.List], e.Key)
	case Patch:
		lists[e.List][e.Key] = mergePatch(lists[e.List][e.Key], v)
	default:
		m := v.(map[string]any)
		m["number"] = e.Key
		lists[e.List][e.Key] = m
	}
}

// An entry that does not say the key of its list is known by another, and says its key once it is changed.
func TestAnEntryWithoutItsKey(t *testing.T) {
	d := readModel(t, "tenant: a\nlines:\n  - {name: \"0\", channels: 1}  # by its name\n  - {number: \"00\", name: abroad}\n")
	by := "number|name"
	if got := d.Keys("lines", by); !slices.Equal(got, []string{"0", "00"}) {
		t.Errorf("keys %q", got)
	}
	if raw, ok := d.Entry("lines", by, "0"); !ok || !strings.Contains(string(raw), `"channels":1`) {
		t.Errorf("%s, %t", raw, ok)
	}
	text, err := d.Edit([]Edit{{List: "lines", By: by, Key: "0", Do: Patch, Value: json.RawMessage(`{"channels":2}`)}})
	if err != nil || !strings.Contains(text, "channels: 2") || !strings.Contains(text, "# by its name") || !slices.Equal(readModel(t, text).Keys("lines", by), []string{"0", "00"}) {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err = d.Edit([]Edit{{List: "lines", By: by, Key: "0", Do: Delete}}); err != nil || strings.Contains(text, "channels") {
		t.Errorf("%v\n%s", err, text)
	}
}
