package tenant

import (
	"strings"
	"testing"

	"santral/base/doc"
)

func TestRooms(t *testing.T) {
	for text, want := range map[string]Rooms{
		"":                                    {},
		"rooms: 8000-8099":                    {First: "8000", Last: "8099"},
		"rooms: 700":                          {First: "700", Last: "700"},
		"rooms: none":                         {None: true},
		"rooms: {members: 5}":                 {Members: 5},
		"rooms: {numbers: 60-69, most: 3}":    {First: "60", Last: "69", Most: 3},
		"rooms: {numbers: none, members: 10}": {None: true, Members: 10},
	} {
		var problems doc.Problems
		got := Read("t.yaml", []byte("tenant: a\ndomains: [a.example]\n"+text+"\n"), &problems)
		if len(problems.List()) > 0 || got.Rooms != want {
			t.Errorf("%q: %+v, %v", text, got.Rooms, problems.List())
		}
	}
	for _, text := range []string{"rooms: 8099-8000", "rooms: 80-8099", "rooms: [8000]", "rooms: x", "rooms: {members: 1}", "rooms: 8", "rooms: {sizes: 4}"} {
		var problems doc.Problems
		Read("t.yaml", []byte("tenant: a\ndomains: [a.example]\n"+text+"\n"), &problems)
		if len(problems.List()) == 0 || !strings.Contains(problems.List()[0].String(), "t.yaml:3") {
			t.Errorf("%q: %v", text, problems.List())
		}
	}
	for number, want := range map[string][2]bool{
		"8000": {true, false}, "8099": {true, false}, "8100": {}, "7999": {}, "80000": {}, "80a0": {}, "": {},
		"8": {false, true}, "80": {false, true}, "809": {false, true}, "81": {}, "7": {},
	} {
		if r := (Rooms{}); r.Has(number) != want[0] || r.Begins(number) != want[1] {
			t.Errorf("%q: %t, %t", number, r.Has(number), r.Begins(number))
		}
	}
}
