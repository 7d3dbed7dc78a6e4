package doc

import "testing"

func TestPointer(t *testing.T) {
	const text = `tenant: a
domains: [a.example, "b~/c"]
lines:
  - number: 1
    name: x
    media: {codecs: [opus, pcma], ptime: 20}
  - {number: 2, owns: [3]}
  - number: 4
    in:
      - add: X-A
        value: b
x~/y: 1
`
	var problems Problems
	d := Open("f", text, Reading{}, &problems)
	var got []string
	var walk func(n *Node)
	walk = func(n *Node) {
		n.Fail("x")
		got = append(got, d.Pointer(problems.list[len(problems.list)-1]))
		switch {
		case n.IsList():
			n.Each(walk)
		case n.IsMap():
			fields := Fields{}
			for _, key := range []string{"tenant", "domains", "lines", "number", "name", "media", "codecs", "ptime", "owns", "in", "add", "value", "x~/y"} {
				fields[key] = walk
			}
			n.Map(fields)
		}
	}
	walk(d.Root())
	want := []string{
		"", "/tenant", "/domains", "/domains/0", "/domains/1", "/lines", "/lines/0", "/lines/0/number", "/lines/0/name", "/lines/0/media", "/lines/0/media/codecs",
		"/lines/0/media/codecs/0", "/lines/0/media/codecs/1", "/lines/0/media/ptime", "/lines/1", "/lines/1/number", "/lines/1/owns", "/lines/1/owns/0",
		"/lines/2", "/lines/2/number", "/lines/2/in", "/lines/2/in/0", "/lines/2/in/0/add", "/lines/2/in/0/value", "/x~0~1y",
	}
	if len(got) != len(want) {
		t.Fatalf("%d pointers for %d: %v", len(got), len(want), got)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got[i], want[i])
		}
	}
	if p := d.Pointer(Problem{}); p != "" || d.Key("lines", "number", 2) != "4" || d.Key("lines", "number", 3) != "" || d.Key("nothing", "number", 0) != "" {
		t.Error(p)
	}
	var strange Problems
	Open("f", text, Reading{}, &strange).Root().Map(Fields{"tenant": func(*Node) {}, "domains": func(*Node) {}, "x~/y": func(*Node) {}})
	if p := d.Pointer(strange.list[0]); p != "/lines" {
		t.Errorf("a strange key is at %q", p)
	}
}
