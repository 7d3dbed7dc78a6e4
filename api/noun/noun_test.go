package noun

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"santral/base/doc"
	"santral/tenant"
)

// The readers of documents say themselves which keys they know, where they meet one that they don't.
var knownHere = regexp.MustCompile(`unknown key "zz"; known here are (.*)$`)

// problemsOf reads a document of one entry, or of an own key of the document where list is "" or "operator".
func problemsOf(t *testing.T, of, entry string) (text string, list []doc.Problem) {
	text = fmt.Sprintf("tenant: t\ndomains: [t.example]\n%s:\n  - %s\n", of, entry)
	switch {
	case of == "":
		text = "tenant: t\ndomains: [t.example]\n" + entry + "\n"
	case of == "operator":
		text = "operator: o\n" + entry + "\n"
	case slices.ContainsFunc(tenant.Collections, func(c tenant.Collection) bool { return c.List == of && c.Only == tenant.InOperator }):
		text = fmt.Sprintf("operator: o\n%s:\n  - %s\n", of, entry)
	}
	var problems doc.Problems
	n := doc.Read("x", []byte(text), &problems)
	if n == nil {
		t.Fatalf("%s: %v", text, problems.Err())
	}
	tenant.ReadDocument(n)
	return text, problems.List()
}

// oneOf, between and strange are how readers say what may stand in a place.
var (
	oneOf   = regexp.MustCompile(`"zz" is not known here; write one of (.*)$`)
	between = regexp.MustCompile(`must be a whole number from (-?\d+) to (\d+)`)
)

// reader reads an entry that has something in a place, and gives the first groups that a problem has of a pattern; nil for none.
type reader func(inner string, of *regexp.Regexp) []string

func readerOf(t *testing.T, list, key string) reader {
	return func(inner string, of *regexp.Regexp) []string {
		if key != "" {
			inner = key + ": " + inner
		}
		_, problems := problemsOf(t, list, inner)
		for _, p := range problems {
			if m := of.FindStringSubmatch(p.Text); m != nil {
				return m[1:]
			}
		}
		return nil
	}
}

func (r reader) in(key string, list bool) reader {
	return func(inner string, of *regexp.Regexp) []string {
		if list {
			inner = "[" + inner + "]"
		}
		return r("{"+key+": "+inner+"}", of)
	}
}

// explained are keys that a reader knows only to say why they can't be there.
var explained = []string{"emergency"}

// compare holds a type to what its reader takes, and the types within it.
func compare(t *testing.T, of string, typ reflect.Type, read reader) {
	var keys []string
	for _, f := range Fields(typ) {
		keys = append(keys, Key(f))
	}
	slices.Sort(keys)
	var want []string
	if m := read("{zz: 1}", knownHere); m != nil {
		want = strings.Split(m[0], ", ")
	}
	if strings.HasSuffix(of, ".permits") {
		want = slices.DeleteFunc(want, func(key string) bool { return slices.Contains(explained, key) })
	}
	if !slices.Equal(keys, want) {
		t.Errorf("%s: the type has %v, the reader takes %v", of, keys, want)
	}
	for _, f := range Fields(typ) {
		within(t, of, f, read.in)
	}
}

// within holds a field to what its reader takes: the keys of what it holds, its words, its bounds.
func within(t *testing.T, of string, f reflect.StructField, in func(key string, list bool) reader) {
	ft, list := f.Type, false
	for ft.Kind() == reflect.Pointer || ft.Kind() == reflect.Slice {
		list = list || ft.Kind() == reflect.Slice
		ft = ft.Elem()
	}
	name := of + "." + Key(f)
	read := in(Key(f), list)
	words := func() []string {
		if tag := f.Tag.Get("enum"); tag != "" {
			return strings.Split(tag, ",")
		}
		return nil
	}
	switch ft.Kind() {
	case reflect.Struct:
		compare(t, name, ft, read)
	case reflect.String:
		if m := read("zz", oneOf); m != nil || f.Tag.Get("enum") != "" {
			var takes []string
			if m != nil {
				takes = strings.Split(m[0], ", ")
			}
			if name == "users.role" {
				takes = append(takes, "operator") // of the operator's own
			}
			if !slices.Equal(takes, words()) {
				t.Errorf("%s: the type has the words %v, the reader %v", name, words(), takes)
			}
		}
	case reflect.Int:
		m := read("99999999999", between)
		if m == nil || list || f.Tag.Get("enum") != "" {
			return
		}
		least, most := f.Tag.Get("minimum"), f.Tag.Get("maximum")
		if least != m[0] || most != m[1] {
			t.Errorf("%s: the type is bound by %s and %s, the reader by %s and %s", name, least, most, m[0], m[1])
		}
	}
}

func TestKeysAreThoseOfDocuments(t *testing.T) {
	for _, l := range Lists {
		compare(t, l.Name, l.Type, readerOf(t, l.Name, ""))
	}
	own := func(list string, typ reflect.Type) {
		var keys []string
		for _, f := range Fields(typ) {
			keys = append(keys, Key(f))
			if Key(f) == "tenant" || Key(f) == "domains" || Key(f) == "operator" {
				continue // they stand in the document already
			}
			within(t, list, f, func(key string, isList bool) reader {
				return func(inner string, of *regexp.Regexp) []string {
					if isList {
						inner = "[" + inner + "]"
					}
					return readerOf(t, list, key)(inner, of)
				}
			})
		}
		m := readerOf(t, list, "zz")("1", knownHere)
		if m == nil {
			t.Fatalf("no reader speaks of a strange key of %v", typ)
		}
		want := slices.DeleteFunc(strings.Split(m[0], ", "), func(key string) bool { _, list := Of(key); return list })
		slices.Sort(keys)
		if !slices.Equal(keys, want) {
			t.Errorf("the own keys of %v are %v, the reader takes %v", typ, keys, want)
		}
	}
	own("", reflect.TypeFor[Tenant]())
	own("operator", reflect.TypeFor[Operator]())
}

func TestListsAreThoseOfDocuments(t *testing.T) {
	for _, c := range tenant.Collections {
		l, ok := Of(c.List)
		if !ok || l.Key != c.Key {
			t.Errorf("list %s with key %s has no type, or another key: %+v", c.List, c.Key, l)
		}
	}
	if len(Lists) != len(tenant.Collections) {
		t.Errorf("%d lists for %d of documents", len(Lists), len(tenant.Collections))
	}
}

func TestShape(t *testing.T) {
	for _, c := range []struct{ list, in, out string }{
		{"extensions", `{"password":"sealed:abc","name":"A","number":101,"ha1":{"md5":"x"},"pin":"1234"}`, `{"number":"101","name":"A"}`},
		{"trunks", `{"name":"a","to":"sip:b","numbers":["100-199",{"number":5,"to":7}],"password":"x"}`, `{"name":"a","to":["sip:b"],"numbers":[{"number":"100-199"},{"number":"5","to":"7"}]}`},
		{"routes", `{"prefix":0,"trunks":["a",{"trunk":"b","weight":2}],"strange":[1]}`, `{"prefix":"0","trunks":[{"trunk":"a"},{"trunk":"b","weight":2}],"strange":[1]}`},
	} {
		l, _ := Of(c.list)
		out, err := Shape(l.Type, []byte(c.in))
		if err != nil || string(out) != c.out {
			t.Errorf("%s\n%s, want\n%s (%v)", c.in, out, c.out, err)
		}
	}
	if _, err := Shape(reflect.TypeFor[Site](), []byte(`[]`)); err == nil {
		t.Error("a list passed for an entry")
	}
}

func TestOrdered(t *testing.T) {
	got := Ordered(reflect.TypeFor[Department](), map[string]json.RawMessage{"site": json.RawMessage(`"b"`), "zz": json.RawMessage(`1`), "department": json.RawMessage(`"a"`)})
	if string(got) != `{"department":"a","site":"b","zz":1}` {
		t.Error(string(got))
	}
}
