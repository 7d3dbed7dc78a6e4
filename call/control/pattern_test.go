package control

import (
	"testing"

	"santral/call"
)

// Number patterns are met as a dialling plan means them, key by key.
func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, digits string
		met, more       bool
	}{
		{"2xx", "", false, true},
		{"2xx", "2", false, true},
		{"2xx", "299", true, false},
		{"2XX", "299", true, false},
		{"2xx", "2999", false, false},
		{"2xx", "2*9", false, false},
		{"0[1-8]x", "00", false, false},
		{"0[1-8]x", "08", false, true},
		{"0[1-8]x", "089", true, false},
		{"[13-5*]", "3", true, false},
		{"[13-5*]", "*", true, false},
		{"[13-5*]", "2", false, false},
		{"9.", "9", false, true},
		{"9.", "98", true, true},
		{"9.", "9#*1", true, true},
		{"9.", "8", false, false},
		{".", "", false, true},
		{"*A#", "*A#", true, false},
	} {
		plan, err := readPatterns([]string{test.pattern})
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if met, more := meets(plan, test.digits); met != test.met || more != test.more {
			t.Errorf("%q against %s: met %v, more %v", test.digits, test.pattern, met, more)
		}
	}
	for _, wrong := range []string{"", "[", "[]", "[1", "1]", "[9-1]", "[a-b]", "2.3", "..", "2y", "+98", "ab"} {
		if _, err := readPatterns([]string{"1", wrong}); err == nil {
			t.Errorf("%q was taken for a pattern", wrong)
		}
	}
}

// FuzzPatterns: what was read never fails to match keys, and a pattern that is met is still met, or wants no more, when
// one of its prefixes wanted more.
func FuzzPatterns(f *testing.F) {
	f.Add("0[1-8]xx", "0812")
	f.Add("9.", "98#")
	f.Fuzz(func(t *testing.T, text, digits string) {
		plan, err := readPatterns([]string{text})
		if err != nil {
			return
		}
		more := true
		for i := range len(digits) + 1 {
			met, still := meets(plan, digits[:i])
			if !more && (met || still) {
				t.Errorf("%q wanted no more after %q and takes %q", text, digits[:i-1], digits[:i])
			}
			if i > 0 && keyBit(digits[i-1]) == 0 && i <= len(plan[0].places) && (met || still) {
				t.Errorf("%q takes %q, which is no key of %s", text, digits[:i], call.AnyKey)
			}
			more = still
		}
	})
}
