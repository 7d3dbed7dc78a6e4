package route

import (
	"slices"

	"santral/base/e164"
	"santral/call"
	"santral/tenant"
)

// presents is the number that whom a call reaches outside is shown, in E.164 where the ways are told numbers so (plus), else as
// documents write it; "" for the caller's own as it is, or that of the trunk. An account presents only numbers that it
// owns: what its phone says if that is one, else the first that it is given, its own, or its tenant's.
func (q *question) presents(plus bool) string {
	a := q.account
	if a == nil {
		if q.trunk != nil && plus {
			if n := q.place.Plan.UnderstandPeer(q.from.Number, q.place.Area).E164; n != 0 {
				return n.String()
			}
		}
		return ""
	}
	if n, ok := q.said(); ok {
		q.note(presentsSaid, "number", n.String())
		switch {
		case plus:
			return n.String()
		case n.String() == a.E164:
			return ""
		}
		return q.place.Plan.Shown(n)
	}
	switch {
	case len(a.Owns) > 0:
		q.note(presentsOwn, "number", a.Owns[0])
		return q.form(a.Owns[0], plus)
	case a.E164 != "":
		if plus {
			return a.E164
		}
		return ""
	case q.desk.present.text != "" && a.Kind != tenant.Line:
		q.note(presentsTenant, "number", q.desk.present.text)
		return q.desk.present.in(plus)
	}
	return ""
}

// said is the number that the caller's phone says, if it owns that.
func (q *question) said() (e164.Number, bool) {
	if q.from.Said == "" {
		return 0, false
	}
	n := q.place.Plan.UnderstandPeer(q.from.Said, q.place.Area).E164
	if n == 0 {
		return 0, false
	}
	a := q.account
	switch {
	case a.E164 != "" && e164.Parse(a.E164) == n, a.MayAll && q.desk.Has(n), slices.ContainsFunc(a.Owns, func(own string) bool { return q.place.Plan.Understand(own, q.place.Area).E164 == n }):
		return n, true
	}
	q.note(presentsNot, "number", q.from.Said)
	return 0, false
}

// form is a number of a document in the form of the ways.
func (q *question) form(text string, plus bool) string {
	if !plus || text[0] == '+' {
		return text
	}
	if n := q.place.Plan.Understand(text, q.place.Area).E164; n != 0 {
		return n.String()
	}
	return text
}

// identity is who calls as another tenant knows it: its number in E.164, and as people there expect to read it; "" where it
// has none that others may know.
func (q *question) identity(x *desk) (n e164.Number, shown string) {
	text := q.presents(true)
	if text == "" && q.trunk != nil {
		text = q.from.Number
	}
	if n = e164.Parse(text); n != 0 {
		return n, x.Places[0].Plan.ShownAs(n, q.from.Number)
	}
	return 0, text
}

// Shown is a number as an account's people expect to read it: national within the country of its site, with + otherwise; as it is
// where it is no number of the public network.
func Shown(s *tenant.Snapshot, p call.Party, number string) string {
	x := s.Index(p.Tenant)
	if x == nil {
		return number
	}
	place := x.Place(p.Site)
	if u := place.Plan.UnderstandPeer(number, place.Area); u.E164 != 0 {
		return place.Plan.Shown(u.E164)
	}
	return number
}
