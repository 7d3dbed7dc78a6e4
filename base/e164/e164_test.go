package e164

import (
	"strings"
	"testing"
)

func TestNumbers(t *testing.T) {
	for text, want := range map[string]Number{
		"+982122000101": 982122000101, "+1": 1, "+999999999999999": 999999999999999,
		"": 0, "+": 0, "982122000101": 0, "+0912": 0, "+98 21": 0, "+9999999999999999": 0, "+98a": 0, "++98": 0, "+٩٨": 0,
	} {
		got := Parse(text)
		if got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
		if got != 0 && got.String() != text {
			t.Errorf("%q is printed as %q", text, got.String())
		}
	}
	n := Parse("+982122000101")
	if n.Len() != 12 || n.First(4) != 9821 || n.First(40) != n || !n.Begins(98) || n.Begins(99) || !n.Begins(0) || n.Begins(9821220001011) {
		t.Errorf("%v has %d digits and begins with %v", n, n.Len(), n.First(4))
	}
	if first, last := Number(9821).Span(6); first != 982100 || last != 982199 {
		t.Errorf("what begins with 9821 goes from %d to %d", first, last)
	}
	for _, none := range []int{0, 3, 16} {
		if first, last := Number(9821).Span(none); first != 0 || last != 0 {
			t.Errorf("of %d digits: %d to %d", none, first, last)
		}
	}
	if Number(98).And("21x") != 0 || Number(98).And(strings.Repeat("1", 14)) != 0 || Number(0).And("021") != 0 || Number(98).And("021") != 98021 {
		t.Error("digits behind a number")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("+982122000101")
	f.Fuzz(func(t *testing.T, text string) {
		if n := Parse(text); n != 0 && n.String() != text {
			t.Errorf("%q comes back as %q", text, n)
		}
	})
}
