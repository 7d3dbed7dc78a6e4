package sip

import "testing"

func TestParseReplaces(t *testing.T) {
	for text, want := range map[string]Replaces{
		"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff":    {"98732@sip.example.com", "ff87ff", "r33th4x0r", false}, // RFC 3891 §6.1
		" 12adf2f34456gs5;to-tag=12345 ; from-tag=54321;early-only": {"12adf2f34456gs5", "12345", "54321", true},
		"87134@192.0.2.23;to-tag=24796;from-tag=0;other=x":          {"87134@192.0.2.23", "24796", "0", false},
	} {
		got, err := ParseReplaces(text)
		if err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
		if again, err := ParseReplaces(got.String()); err != nil || again != got {
			t.Errorf("%q printed is %q: %+v, %v", text, got.String(), again, err)
		}
	}
	for _, text := range []string{"", "id", "id;to-tag=1", "id;from-tag=1", ";to-tag=1;from-tag=2", "id;to-tag=1;to-tag=2;from-tag=3", "id;to-tag=;from-tag=2",
		"a b;to-tag=1;from-tag=2", "a,b;to-tag=1;from-tag=2", "id;to-tag=\"x y\";from-tag=2", "id\r\nVia: x;to-tag=1;from-tag=2"} {
		if got, err := ParseReplaces(text); err == nil {
			t.Errorf("%q is taken: %+v", text, got)
		}
	}
}

func TestParseTargetDialog(t *testing.T) {
	const text = "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544" // RFC 4538 §7
	want := TargetDialog{"fa77as7dad8-sd98ajzz@host.example.com", "kkaz-", "6544"}
	got, err := ParseTargetDialog(text)
	if err != nil || got != want || got.String() != text {
		t.Errorf("%q is %+v, %v", text, got, err)
	}
	for _, text := range []string{"", "id;local-tag=1", "id;remote-tag=1", "id;local-tag=1;local-tag=1;remote-tag=2"} {
		if got, err := ParseTargetDialog(text); err == nil {
			t.Errorf("%q is taken: %+v", text, got)
		}
	}
}

// FuzzReplaces asserts that what is taken prints to what is taken as the same.
func FuzzReplaces(f *testing.F) {
	f.Add("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only")
	f.Add("fa77as7dad8@host.example.com;local-tag=kkaz-;remote-tag=6544")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseReplaces(text); err == nil {
			if again, err := ParseReplaces(r.String()); err != nil || again != r {
				t.Fatalf("%q is %+v, printed %+v, %v", text, r, again, err)
			}
		}
		if d, err := ParseTargetDialog(text); err == nil {
			if again, err := ParseTargetDialog(d.String()); err != nil || again != d {
				t.Fatalf("%q is %+v, printed %+v, %v", text, d, again, err)
			}
		}
	})
}
