package doc

import (
	"errors"
	"strings"
	"testing"
)

// Edits of the document's own keys, of lists that are not there or are empty, and of what is written in brackets.
func TestEdits(t *testing.T) {
	lines := func(do Deed, key, value string) []Edit {
		return []Edit{{List: "lines", By: "number", Key: key, Do: do, Value: []byte(value)}}
	}
	own := func(do Deed, key, value string) []Edit { return []Edit{{Key: key, Do: do, Value: []byte(value)}} }
	for _, c := range []struct {
		name, text string
		edits      []Edit
		want       string
		err        error
	}{
		{"a list that is not there", "tenant: a # id\n\n# end\n", lines(Add, "1", `{"name":"x"}`), "tenant: a # id\n\nlines:\n  - {number: \"1\", name: x}\n\n# end\n", nil},
		{"an empty list", "tenant: a\nlines: [] # none yet\nname: b\n", lines(Put, "1", `{"number":"1","channels":2}`), "tenant: a\nlines: # none yet\n  - {number: \"1\", channels: 2}\nname: b\n", nil},
		{"a list of nothing", "tenant: a\nlines:\n", lines(Put, "1", `{"number":1}`), "tenant: a\nlines:\n  - {number: 1}\n", nil},
		{"a list in brackets", "lines: [{number: 1}, {number: 2, name: \"y\"}] # both\ntenant: a\n", lines(Patch, "2", `{"name":"z"}`), "lines:\n  - {number: 1}\n  - {number: 2, name: z}\ntenant: a\n", nil},
		{"the last one", "lines:\n  # why\n  - number: 1\n    name: x\ntenant: a\n", lines(Delete, "1", ""), "lines: []\n  # why\ntenant: a\n", nil},
		{"a whole document in braces", `{"tenant": "a", "lines": [{"number": "1"}]}`, lines(Patch, "1", `{"name":"no"}`), "tenant: a\nlines:\n  - {number: \"1\", name: \"no\"}\n", nil},
		{"another number", "lines:\n- {number: 1}\n- {number: 2}\n", lines(Patch, "1", `{"number":"3"}`), "lines:\n- {number: \"3\"}\n- {number: 2}\n", nil},
		{"a number that is taken", "lines:\n- {number: 1}\n- {number: 2}\n", lines(Patch, "1", `{"number":"2"}`), "", ErrEntryThere},
		{"a body that names another", "lines:\n- {number: 1}\n", lines(Put, "1", `{"number":"2"}`), "", ErrValue},
		{"a body that is none", "lines:\n- {number: 1}\n", lines(Put, "1", `[]`), "", ErrValue},
		{"no JSON", "lines:\n- {number: 1}\n", lines(Put, "1", `{`), "", ErrValue},
		{"no list", "lines: x\n", lines(Put, "1", `{}`), "", ErrValue},
		{"deep", "lines: []\n", lines(Put, "1", `{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`), "", ErrValue},
		{"an own key", "tenant: a\nname: b # so\n", own(Put, "name", `"no"`), "tenant: a\nname: \"no\" # so\n", nil},
		{"a new own key", "tenant: a # id\n# end", own(Add, "name", `"x"`), "tenant: a # id\nname: x\n# end", nil},
		{"an own key that is there", "tenant: a\n", own(Add, "tenant", `"x"`), "", ErrEntryThere},
		{"own keys", "tenant: a\nmedia:\n  srtp: off # why\n  ptime: 20\nname: x\n", own(Patch, "", `{"media":{"srtp":"required","ptime":null},"name":null,"zone":"UTC"}`), "tenant: a\nmedia:\n  srtp: required # why\nzone: UTC\n", nil},
		{"an own mapping that goes", "media:\n  srtp: off\ntenant: a\n", own(Delete, "media", ""), "tenant: a\n", nil},
		{"no own key", "tenant: a\n", own(Delete, "media", ""), "", ErrNoEntry},
		{"all keys of a mapping", "media:\n  srtp: off\ntenant: a\n", own(Patch, "media", `{"srtp":null}`), "media:\n  {}\ntenant: a\n", nil},
		{"a mapping for a word", "media: x\ntenant: a\n", own(Put, "media", `{"a":{"b":1}}`), "media:\n  a: {b: 1}\ntenant: a\n", nil},
		{"what is there already", "tenant: a\nmedia:   {srtp:   off}\n", own(Put, "media", `{"srtp":"off"}`), "tenant: a\nmedia:   {srtp:   off}\n", nil},
	} {
		var problems Problems
		d := Open("x.yaml", c.text, Reading{}, &problems)
		if d == nil {
			t.Fatalf("%s: %v", c.name, problems.Err())
		}
		got, err := d.Edit(c.edits)
		if !errors.Is(err, c.err) || got != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, got, c.want)
		}
		if err == nil && Open("x.yaml", got, Reading{}, &problems) == nil {
			t.Errorf("%s: %v", c.name, problems.Err())
		}
	}
}

// Plain secrets are replaced where they stand, and nothing else is touched.
func TestReplace(t *testing.T) {
	text := "a: \"one\" # first\r\nb: two   \r\nc: {s: 'thr''ee', t: \"fo\\\"ur\"} \r\nd: sealed:x\r\ne:\r\n  - \"fi\\\"ve\"\r\n"
	var problems Problems
	d := Open("x.yaml", text, Reading{Open: func(string) (string, error) { return "opened", nil }}, &problems)
	secret := func(n *Node) { n.Secret() }
	d.Root().Map(Fields{"a": secret, "b": secret, "c": func(n *Node) { n.Map(Fields{"s": secret, "t": secret}) }, "d": secret, "e": func(n *Node) { n.Each(secret) }})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	n := 0
	got, ok := d.Replace(func(secret string) string { n++; return "<" + secret + ">" })
	if want := "a: <one> # first\r\nb: <two>   \r\nc: {s: <thr'ee>, t: <fo\"ur>} \r\nd: sealed:x\r\ne:\r\n  - <fi\"ve>\r\n"; !ok || got != want || n != 5 {
		t.Errorf("%v %d\n%q\n%q", ok, n, got, want)
	}
	d = Open("x.yaml", "a: |\n  x\n", Reading{}, &problems)
	d.Root().Map(Fields{"a": secret})
	if _, ok := d.Replace(func(string) string { return "" }); ok || problems.Err() == nil || !strings.HasPrefix(problems.Err().Error(), "x.yaml:1:4: a secret must stand on one line") {
		t.Errorf("a block: %v", problems.Err())
	}
}

// An entry is given with exactly its keys, and with the types that its readers took.
func TestEntry(t *testing.T) {
	d := readModel(t, editable)
	for key, want := range map[string]string{
		"101":  `{"number":"101","name":"Reception","channels":2,"media":{"srtp":"off","codecs":["pcma","opus"]}}`,
		"0102": `{"number":"0102","name":"دفتر","on":true}`,
		"103":  `{"number":"103","name":"Flow","media":{"srtp":"required","ptime":20}}`,
		"105":  `{"number":"105","name":"two\n# no comment\nlines"}`,
	} {
		if got, ok := d.Entry("extensions", "number", key); !ok || string(got) != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	if _, ok := d.Entry("extensions", "number", "100"); ok {
		t.Error("an entry that is not there")
	}
	if got, ok := d.Entry("", "", "name"); !ok || string(got) != `"Sample: Company"` {
		t.Errorf("%s %v", got, ok)
	}
	if got := strings.Join(d.Keys("extensions", "number"), " "); got != "0102 101 103 104 105" {
		t.Error(got)
	}
	if d.Keys("units", "unit") != nil {
		t.Error("a list that is not there")
	}
}
