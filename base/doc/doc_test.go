package doc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// parts reads every kind of value.
func parts(n *Node, got map[string]any) {
	n.Map(Fields{
		"text": func(n *Node) { got["text"] = n.Text() },
		"int":  func(n *Node) { got["int"] = n.Int(1, 10) },
		"bool": func(n *Node) { got["bool"] = n.Bool() },
		"time": func(n *Node) { got["time"] = n.Duration(time.Second, time.Hour) },
		"word": func(n *Node) { got["word"] = n.OneOf("udp", "tcp") },
		"list": func(n *Node) {
			list := []string{}
			n.Each(func(n *Node) { list = append(list, n.Text()) })
			got["list"] = list
		},
		"inner": func(n *Node) { got["map"] = n.IsMap(); n.Map(Fields{"a": func(n *Node) { got["a"] = n.Text() }}, "a") },
	}, "text")
}

func TestValues(t *testing.T) {
	var problems Problems
	got := map[string]any{}
	n := Read("x.yaml", []byte(`
text: 0211          # a number keeps its zero
int: 7
bool: true
time: 90s
word: tcp
list: [a, "b c", 0x10, 1.50, true, ۱۰۱]
inner:
  a: |
    two
    lines
`), &problems)
	parts(n, got)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"text": "0211", "int": 7, "bool": true, "time": 90 * time.Second, "word": "tcp",
		"list": []string{"a", "b c", "0x10", "1.50", "true", "۱۰۱"}, "map": true, "a": "two\nlines"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// Every problem is said at once, each with its place and what to write instead.
func TestProblems(t *testing.T) {
	for text, want := range map[string]string{
		"text: a\nint: 11":                    "x.yaml:2:6: must be a whole number from 1 to 10",
		"text: a\nint: '7'":                   "x.yaml:2:6: must be a whole number from 1 to 10",
		"text: a\nbool: yes":                  "x.yaml:2:7: must be true or false",
		"text: a\ntime: 90":                   "x.yaml:2:7: must be a time from 1s to 1h0m0s with its unit, such as 30s",
		"text: a\ntime: 2h":                   "x.yaml:2:7: must be a time from 1s to 1h0m0s with its unit, such as 30s",
		"text: a\nword: sctp":                 `x.yaml:2:7: "sctp" is not known here; write one of udp, tcp`,
		"text: a\nlist: b":                    "x.yaml:2:7: must be a list: a line with \"- \" for each",
		"text: a\nlist:\n  - b\n  - {c: d}":   "x.yaml:4:6: must be a text",
		"text: [a]":                           "x.yaml:1:7: must be a text",
		"text:":                               "x.yaml:1:7: must be a text",
		"text: a\ninner: b":                   "x.yaml:2:8: must be a mapping with the keys a",
		"text: a\ninner:\n  b: c":             "x.yaml:3:3: unknown key \"b\"; known here are a\nx.yaml:3:3: key \"a\" is missing",
		"int: 1":                              `x.yaml:1:1: key "text" is missing`,
		"text: a\ntext: b":                    `x.yaml:2:1: is not YAML: mapping key "text" already defined at [1:1]`,
		"- a":                                 "must be a mapping with the keys bool, inner, int, list, text, time, word",
		"a: b: c":                             "x.yaml:1:",
		"text: a\n---\ntext: b":               "x.yaml: must hold exactly one YAML document",
		"":                                    "x.yaml: must hold exactly one YAML document",
		"text: \"\xff":                        "x.yaml",
		"b: 1\nint: 0\ntext: [x]\nword: sctp": "x.yaml:1:1: unknown key \"b\"; known here are bool, inner, int, list, text, time, word\nx.yaml:2:6: must be a whole number from 1 to 10\nx.yaml:3:7: must be a text\nx.yaml:4:7: \"sctp\" is not known here; write one of udp, tcp",
	} {
		var problems Problems
		if n := Read("x.yaml", []byte(text), &problems); n != nil {
			parts(n, map[string]any{})
		}
		err := problems.Err()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

// Aliases and deep nesting are where readers of YAML die: none of it is taken.
func TestHostileDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"an alias":      "text: &a x\nword: *a",
		"its own alias": "text: &a [*a]",
		"an anchor":     "text: &a x",
		"a tag":         "text: !!binary AAAA",
		"a merge":       "<<: {text: a}",
		"a number":      "1: a",
		"deep":          "text: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"laughs":        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\ntext: *c",
	} {
		var problems Problems
		if n := Read("x.yaml", []byte(text), &problems); n != nil {
			parts(n, map[string]any{})
		}
		if problems.Err() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestReadFile(t *testing.T) {
	var problems Problems
	missing := filepath.Join(t.TempDir(), "none.yaml")
	if ReadFile(missing, &problems) != nil || !strings.Contains(problems.Err().Error(), "none.yaml: can't be read: ") {
		t.Errorf("a file that is not there: %v", problems.Err())
	}
	large := filepath.Join(t.TempDir(), "large.yaml")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, MaxSize+1)); err != nil {
		t.Fatal(err)
	}
	problems = Problems{}
	if ReadFile(large, &problems) != nil || !strings.Contains(problems.Err().Error(), "is larger than 64 MiB") {
		t.Errorf("a file too large: %v", problems.Err())
	}
	if (&Problems{}).Err() != nil {
		t.Error("no problems are an error")
	}
}

// Whatever stands in a document, reading it ends, and what is wrong has a place.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"text: a\nint: 7\nlist: [a, b]\ninner: {a: b}\ntime: 5s", "text: |\n  x", "- a", "a: b: c", "text: &a [*a]", "<<: {text: a}", "? a\n: b", "text: !!int 5"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var problems Problems
		n := Read("x.yaml", data, &problems)
		if n == nil {
			if problems.Err() == nil {
				t.Fatal("nothing was read, and nothing is wrong")
			}
			return
		}
		got := map[string]any{}
		parts(n, got)
		for _, p := range problems.List() {
			if p.Line < 1 || p.Column < 1 || p.Text == "" {
				t.Fatalf("a problem without a place: %+v", p)
			}
		}
		if problems.Err() == nil && got["text"] == nil {
			t.Fatal("the required key is absent, and nothing is wrong")
		}
	})
}

// A secret is read as it is written or opened; a weak one is told, and refused where secrets are judged strictly.
func TestSecret(t *testing.T) {
	open := func(sealed string) (string, error) {
		if sealed != "sealed:1:k:abc" {
			return "", errors.New("another key sealed it")
		}
		return "opened", nil
	}
	for _, c := range []struct {
		value  string
		as     Reading
		secret string
		plain  bool
		want   string
	}{
		{value: "0123456", secret: "0123456", plain: true},
		{value: "sealed:1:k:abc", as: Reading{Open: open}, secret: "opened"},
		{value: "sealed:1:k:abc", want: "x.yaml:2:4: this secret is sealed, and only its exchange can open it: write the secret itself"},
		{value: "sealed:1:x:abc", as: Reading{Open: open}, want: "x.yaml:2:4: this secret can't be opened: another key sealed it"},
		{value: "weak", secret: "weak", plain: true},
		{value: "weak", as: Reading{Strict: true}, secret: "weak", plain: true, want: "x.yaml:2:4: too weak"},
	} {
		var problems Problems
		n := ReadAs("x.yaml", []byte("a: b\ns: "+c.value), &c.as, &problems)
		n.Map(Fields{"a": func(*Node) {}, "s": func(n *Node) {
			secret, plain := n.Secret()
			if secret != c.secret || plain != c.plain {
				t.Errorf("%s: %q %v", c.value, secret, plain)
			}
			if secret == "weak" {
				n.Weak("too weak")
			}
		}})
		got := ""
		if err := problems.Err(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.value, got, c.want)
		}
		if c.value == "weak" && (len(problems.List()) != 1 || problems.List()[0].Warning == c.as.Strict) {
			t.Errorf("%+v", problems.List())
		}
	}
}
