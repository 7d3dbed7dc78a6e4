package tenant

import (
	"santral/base/doc"
	"slices"
)

// noun is a kind of thing that a document names in one place and speaks of in others.
type noun uint8

const (
	aSite noun = iota
	aDepartment
	aGroup
	aUser
	aBuilding
	aUnit
	aDevice
	aClass
	aSchedule
	aCalendar
	aPool
	aTrunk
	aCarrier
	aRoute
	aWebhook
	aReport
	aBrand
	anAccount
)

// nouns are each noun's word, and the list under which it is written.
var nouns = [...]struct{ word, list string }{
	aSite: {"site", "sites"}, aDepartment: {"department", "departments"}, aGroup: {"group", "groups"}, aUser: {"user", "users"},
	aBuilding: {"building", "buildings"}, aUnit: {"unit", "units"}, aDevice: {"device", "devices"}, aClass: {"class of service", "classes"},
	aSchedule: {"schedule", "schedules"}, aCalendar: {"calendar", "calendars"}, aPool: {"pool", "pools"}, aTrunk: {"trunk", "trunks"},
	aCarrier: {"carrier", "carriers"}, aRoute: {"route", "routes"}, aWebhook: {"webhook", "webhooks"}, aReport: {"report", "reports"},
	aBrand: {"brand", "brands"}, anAccount: {"account", "extensions or lines"},
}

// names are what a document names and what it speaks of: whether the second is among the first can be told once all is read.
type names struct {
	known map[named]int // the line of each
	asked []question
}

type named struct {
	noun noun
	id   string
}

type question struct {
	named
	at doc.Spot
}

// want is what a document speaks of that only the operator's document can have.
type want struct {
	named
	at doc.Spot
}

// take notes a name that has been read already, and fails where it stands twice.
func (x *names) take(n *doc.Node, kind noun, id string) {
	if id == "" {
		return
	}
	if x.known == nil {
		x.known = map[named]int{}
	}
	if line, twice := x.known[named{kind, id}]; twice {
		n.Fail("%s %s stands twice, first at line %d; give one another name", nouns[kind].word, id, line)
		return
	}
	x.known[named{kind, id}] = int(n.Spot().Line)
}

// note has a name be known, however often it stands.
func (x *names) note(kind noun, id string, n *doc.Node) {
	if x.known == nil {
		x.known = map[named]int{}
	}
	x.known[named{kind, id}] = int(n.Spot().Line)
}

// key reads the name of something new.
func (x *names) key(n *doc.Node, kind noun) string {
	id := readID(n, nouns[kind].word)
	x.take(n, kind, id)
	return id
}

// ask reads a name that must stand somewhere in the document.
func (x *names) ask(n *doc.Node, kind noun) string {
	id := n.Text()
	good := isID(id)
	switch kind {
	case anAccount:
		good = digits(id, 2, 11)
	case aUser:
		good = isUser(id)
	}
	if !good {
		n.Fail("names no %s: leave the key out, or write one of %s", nouns[kind].word, nouns[kind].list)
		return ""
	}
	x.asked = append(x.asked, question{named{kind, id}, n.Spot()})
	return id
}

// has reports whether something of a name is known.
func (x *names) has(kind noun, id string) bool {
	_, ok := x.known[named{kind, id}]
	return ok
}

// join says which names nobody has, in the document n. What may stand in the operator's document is given back where the document is a tenant's.
func (x *names) join(n *doc.Node, of string, operator bool) (wants []want) {
	for _, q := range x.asked {
		switch {
		case x.has(q.noun, q.id):
		case q.noun == aCalendar && slices.Contains(ShippedNames, q.id):
		case !operator && (q.noun == aCalendar || q.noun == aSchedule || q.noun == aBrand):
			wants = append(wants, want{q.named, q.at})
		default:
			n.FailAt(q.at, "%s has no %s %q; write it under %s:", of, nouns[q.noun].word, q.id, nouns[q.noun].list)
		}
	}
	return wants
}

// readID reads the key of an entry.
func readID(n *doc.Node, what string) string {
	id := n.Text()
	if !isID(id) {
		n.Fail("%s %q must be 1 to 40 of a–z, 0–9 and -", what, id)
	}
	return id
}
