package tenant

import (
	"slices"
	"strings"

	"santral/base/doc"
)

// Refusals are the words of a target that refuses: each a cause that a caller is told.
var Refusals = []string{"busy", "gone", "declined"}

// aim is a target that was read: a bare number is known for an account, a room or a group once all of them are.
type aim struct {
	target Target
	at     doc.Spot
	done   func(Target)
}

// target reads a target and gives it to done, at last with what a bare number is.
func (r *reading) target(n *doc.Node, done func(Target)) {
	text := n.Text()
	kind, name, spelt := strings.Cut(text, ":")
	t := Target{Name: name}
	switch {
	case !spelt && digits(text, 2, 15):
		t = Target{Kind: ToAccount, Name: text}
	case kind == "group" && isID(name):
		t.Kind = ToGroup
		r.names.asked = append(r.names.asked, question{named{aGroup, name}, n.Spot()})
	case kind == "trunk" && isID(name):
		t.Kind = ToTrunk
		r.names.asked = append(r.names.asked, question{named{aTrunk, name}, n.Spot()})
	case kind == "refuse" && slices.Contains(Refusals, name):
		t.Kind = ToRefusalFor
	default:
		n.Fail("%q is no target: write a number of this tenant such as 101, group:NAME, trunk:NAME, or refuse: with one of %s (\"refuse:busy\")", text, strings.Join(Refusals, ", "))
		return
	}
	r.aims = append(r.aims, aim{t, n.Spot(), done})
	done(t)
}

// aimed settles what bare numbers are.
func (r *reading) aimed() {
	for _, a := range r.aims {
		t := a.target
		if t.Kind != ToAccount {
			continue
		}
		group, grouped := r.groupNumbers[t.Name]
		switch {
		case r.numbers[t.Name]:
			continue
		case grouped:
			t = Target{Kind: ToGroup, Name: group}
		case r.tenant.Rooms.Has(t.Name):
			t.Kind = ToRoom
		default:
			r.doc.FailAt(a.at, "%s is no account, group or room of this tenant; calls would end there", t.Name)
			continue
		}
		a.done(t)
	}
}

// String gives the target as documents write it; "" for none.
func (t Target) String() string {
	switch t.Kind {
	case ToAccount, ToRoom:
		return t.Name
	case ToGroup:
		return "group:" + t.Name
	case ToTrunk:
		return "trunk:" + t.Name
	case ToRefusalFor:
		return "refuse:" + t.Name
	}
	return ""
}
