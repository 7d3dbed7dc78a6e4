package tenant

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"santral/base/doc"
	"santral/base/golden"
)

// fullDocuments have every key of every noun.
var fullDocuments = []string{"testdata/full.yaml", "testdata/operator.yaml"}

func readFull(t testing.TB) (documents []Document) {
	t.Helper()
	var problems doc.Problems
	for _, file := range fullDocuments {
		documents = append(documents, ReadDocument(doc.ReadFile(file, &problems)))
	}
	CheckAll(documents[1].Operator, []*Tenant{documents[0].Tenant}, &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return documents
}

func TestEveryNounIsRead(t *testing.T) {
	documents := readFull(t)
	for name, what := range map[string]any{"tenant.json": documents[0].Tenant, "operator.json": documents[1].Operator} {
		text, err := json.MarshalIndent(what, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, string(text)+"\n")
	}
}

// load gives a document as a tree, with every number as it is written.
func load(t testing.TB, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		t.Fatal(err)
	}
	return plainTree(tree.Docs[0].Body).(map[string]any)
}

func plainTree(n ast.Node) any {
	text := n.GetToken().Value
	switch n := n.(type) {
	case *ast.MappingNode:
		m := map[string]any{}
		for _, pair := range n.Values {
			m[pair.Key.GetToken().Value] = plainTree(pair.Value)
		}
		return m
	case *ast.MappingValueNode:
		return map[string]any{n.Key.GetToken().Value: plainTree(n.Value)}
	case *ast.SequenceNode:
		list := []any{}
		for _, e := range n.Values {
			list = append(list, plainTree(e))
		}
		return list
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if text[0] != '+' && (text[0] != '0' || len(text) == 1 || text[1] == '.') {
			return json.Number(text)
		}
	}
	return text
}

// The full documents lack no key that a reader knows.
func TestTheFullDocumentsHaveEveryKey(t *testing.T) {
	have := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				have[k] = true
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, file := range fullDocuments {
		walk(load(t, file))
	}
	sources, _ := filepath.Glob("*.go")
	key := regexp.MustCompile(`(?:^\s*|\{)"([a-z][a-z0-9-]*)": +(?:func|account|field|yes|line\(|most\(|deed|rewrite|r\.)|fields\["([a-z-]+)"\]`)
	found := 0
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(text), "\n") {
			for _, m := range key.FindAllStringSubmatch(line, -1) {
				found++
				if name := m[1] + m[2]; !have[name] {
					t.Errorf("%s reads %s, which no full document has", source, name)
				}
			}
		}
	}
	if found < 150 {
		t.Errorf("only %d keys were found: this test reads the wrong words", found)
	}
}

// Lists of documents are what Collections says, and each entry has its key.
func TestCollectionsAreTrue(t *testing.T) {
	trees := []map[string]any{load(t, fullDocuments[0]), load(t, fullDocuments[1])}
	for _, c := range Collections {
		for i, tree := range trees {
			list, there := tree[c.List].([]any)
			if want := c.Only == InBoth || c.Only == InTenants == (i == 0); want != there {
				t.Errorf("%s stands in %s: %t", c.List, fullDocuments[i], there)
				continue
			}
			for _, e := range list {
				if entry, ok := e.(map[string]any); !ok || entry[c.Key] == nil {
					t.Errorf("an entry of %s has no key %s: %v", c.List, c.Key, e)
				}
			}
		}
	}
	for i, tree := range trees {
		for name, v := range tree {
			list, ok := v.([]any)
			if !ok || len(list) == 0 {
				continue
			}
			if _, mapping := list[0].(map[string]any); mapping && name != "inbound" && !slices.ContainsFunc(Collections, func(c Collection) bool { return c.List == name }) {
				t.Errorf("list %s of %s is no collection", name, fullDocuments[i])
			}
		}
	}
}

// hostile is what no key takes.
var hostile = []struct {
	name  string
	value any
}{
	{"a mapping of nothing known", map[string]any{"nothing-known": 1}},
	{"nothing", nil},
	{"lists in lists", []any{[]any{[]any{"x"}}}},
	{"a text of 5,000 characters", strings.Repeat("0", 5000)},
	{"control characters", "a\r\nb\x00\x1b[31m"},
	{"a number of 3,000 digits", json.Number(strings.Repeat("9", 3000))},
}

// Whatever stands at a key that is none of what belongs there is a problem with a place, never a panic and never taken.
func TestEveryKeyRefusesWhatIsNotItsOwn(t *testing.T) {
	tried := 0
	for _, file := range fullDocuments {
		tree := load(t, file)
		var walk func(path string, v any, set func(any))
		walk = func(path string, v any, set func(any)) {
			if path != "" {
				for _, h := range hostile {
					set(h.value)
					tried++
					if problem := refused(t, path+": "+h.name, tree); problem == "" {
						t.Errorf("%s: %s takes %s", file, path, h.name)
					}
				}
				set(v)
			}
			switch v := v.(type) {
			case map[string]any:
				for k, e := range v {
					walk(path+"."+k, e, func(x any) { v[k] = x })
				}
			case []any:
				for i, e := range v[:min(len(v), 3)] {
					walk(fmt.Sprintf("%s[%d]", path, i), e, func(x any) { v[i] = x })
				}
			}
		}
		walk("", tree, nil)
		if problem := refused(t, "itself", tree); problem != "" {
			t.Errorf("%s is wrong after all: %s", file, problem)
		}
	}
	t.Logf("%d values were tried", tried)
}

// lines writes a tree as people do, a line for each key and each item.
func lines(t testing.TB, tree map[string]any) []byte {
	var b strings.Builder
	var write func(v any, indent string)
	mapping := func(m map[string]any, indent, first string) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			b.WriteString(first + k + ":")
			first = indent
			write(m[k], indent+"  ")
		}
	}
	write = func(v any, indent string) {
		switch v := v.(type) {
		case map[string]any:
			if len(v) > 0 {
				b.WriteByte('\n')
				mapping(v, indent, indent)
				return
			}
		case []any:
			if len(v) > 0 {
				b.WriteByte('\n')
				for _, e := range v {
					if m, ok := e.(map[string]any); ok && len(m) > 0 {
						mapping(m, indent+"  ", indent+"- ")
						continue
					}
					b.WriteString(indent + "-")
					write(e, indent+"  ")
				}
				return
			}
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteByte(' ')
		b.Write(text)
		b.WriteByte('\n')
	}
	mapping(tree, "", "")
	return []byte(b.String())
}

// refused reads a tree and gives the first problem, "" for none.
func refused(t *testing.T, what string, tree map[string]any) string {
	t.Helper()
	text := lines(t, tree)
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: panic: %v", what, r)
		}
	}()
	var problems doc.Problems
	n := doc.Read("x.yaml", text, &problems)
	if n != nil {
		d := ReadDocument(n)
		if problems.Err() == nil && d.Tenant != nil {
			NewSnapshot(1, []*Tenant{d.Tenant})
		}
	}
	for _, p := range problems.List() {
		if !p.Warning {
			if p.Text == "" || n != nil && p.Line < 1 {
				t.Errorf("%s: a problem without a place or a text: %v", what, p)
			}
			return p.String()
		}
	}
	return ""
}

// FuzzReadDocument: whatever stands in a document, reading it ends, what is right can be indexed, and asked.
func FuzzReadDocument(f *testing.F) {
	for _, file := range fullDocuments {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("operator: x\ncarriers: [{name: a, mode: static, to: x}]\nroutes: [{prefix: '', trunks: [a]}]"))
	f.Add([]byte("tenant: a\ndomains: [a]\nschedules: [{schedule: s, spans: [{first: 29 february, last: 30 esfand}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var problems doc.Problems
		n := doc.Read("f.yaml", data, &problems)
		if n == nil {
			return
		}
		d := ReadDocument(n)
		if problems.Err() != nil {
			return
		}
		var tenants []*Tenant
		if d.Tenant != nil {
			tenants = append(tenants, d.Tenant)
		}
		CheckAll(d.Operator, tenants, &problems)
		s := Next(nil, 1, d.Operator, tenants)
		for _, a := range tenants {
			for i := range a.Schedules {
				h := s.Hours(a.ID, a.Schedules[i].ID, nil)
				at := moment(t, "Asia/Tehran", "2026-11-27 10:00")
				if next, opens, ok := h.Next(at); ok && h.Open(next) != opens {
					t.Fatalf("%+v changes at %v, and does not", a.Schedules[i], next)
				}
			}
		}
	})
}

func BenchmarkReadDocument(b *testing.B) {
	text := lines(b, load(b, fullDocuments[0]))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var problems doc.Problems
		ReadDocument(doc.Read("x.yaml", text, &problems))
	}
}
