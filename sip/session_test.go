package sip

import "testing"

func TestParseRAck(t *testing.T) {
	for s, want := range map[string]RAck{
		"776656 1 INVITE":         {776656, 1, INVITE},
		" 1  4294967295  INVITE ": {1, 4294967295, INVITE},
		"0 1 INVITE":              {},
		"4294967296 1 INVITE":     {},
		"1 INVITE":                {},
		"1\t2\tPRACK":             {1, 2, PRACK},
		"1 2":                     {},
		"":                        {},
		"1 1 INVITE, 2 1 INVITE":  {},
		"-1 1 INVITE":             {},
	} {
		got, err := ParseRAck(s)
		if got != want || (err == nil) != (want != RAck{}) {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
}

func TestParseSessionExpires(t *testing.T) {
	for s, want := range map[string]SessionExpires{
		"1800":                        {1800, AnyRefresher},
		"1800 ;refresher=uac":         {1800, RefresherUAC},
		"90; Refresher = UAS;x=\"y\"": {90, RefresherUAS},
		"90;refresher=me":             {90, AnyRefresher},
		"":                            {},
		"soon":                        {},
		"-1":                          {},
	} {
		got, err := ParseSessionExpires(s)
		if got != want || (err == nil) != (want != SessionExpires{}) {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	m := NewRequest(INVITE, "sip:a@b")
	if _, ok := m.MinSE(); ok {
		t.Error("a Min-SE from nowhere")
	}
	m.Set(MinSE, "120;x")
	m.Set(RSeq, "17")
	if n, ok := m.MinSE(); !ok || n != 120 {
		t.Errorf("Min-SE %d %v", n, ok)
	}
	if n, ok := m.RSeq(); !ok || n != 17 {
		t.Errorf("RSeq %d %v", n, ok)
	}
}
