package tenant

import (
	"strings"

	"santral/base/e164"
)

// Plan is how the numbers of a country are made up and dialled. Plans are data (plan_data.go); they tell what kind a number
// is of by how it begins, not whether anybody has it.
type Plan struct {
	Country   string      // one of CountryNames
	Code      e164.Number // country code, 98; 0 where only numbers with theirs are known
	Trunk     string      // dialled before a national number, "0"; "" for nothing
	Abroad    string      // dialled before a country code, "00"
	Emergency []string    // numbers of emergency services

	rows   []planRow // by how the national number begins; the longest that fits counts
	short  []planRow // dialled as they are, and no numbers of the public network
	local  lengths   // of numbers that are dialled without their area; none where they never are
	begins string    // digits that those begin with
}

// planRow is national numbers that begin in one way.
type planRow struct {
	prefix string
	calls  Calls
	of     lengths
	area   bool // they have an area code, so that calls within it are local
	bare   bool // they are dialled without Trunk too
}

// lengths is a set of counts of digits.
type lengths uint16

func digitsOf(counts ...int) (l lengths) {
	for _, n := range counts {
		l |= 1 << n
	}
	return l
}

func from(least, most int) (l lengths) {
	for n := least; n <= most; n++ {
		l |= 1 << n
	}
	return l
}

func (l lengths) has(n int) bool { return n < 16 && l&(1<<n) != 0 }

// Understood is what somebody means by what was dialled.
type Understood struct {
	E164  e164.Number // 0 where it is no number of the public network, or not whole
	Calls Calls       // what kind it is of, as far as its beginning tells; UnknownCalls when nothing does
	Short bool        // a service's short number, such as 118: known in the country alone
}

// PlanOf gives the plan of a country; of a name that has none, that of ITU-T E.164 alone, in which numbers stand with their
// country code. "" is Iran. It is never nil.
func PlanOf(country string) *Plan {
	switch country {
	case "":
		country = DefaultCountry
	case "uk":
		country = "gb"
	}
	for i := range plans {
		if plans[i].Country == country {
			return &plans[i]
		}
	}
	return PlanOf("itu")
}

// DefaultCountry is where tenants are when neither they nor the operator say.
const DefaultCountry = "ir"

// Understand tells what is meant by what a person or a telephone dialled who is where area (without Trunk, "21"; "" for
// unknown) need not be dialled: with + and country code, with Abroad, with Trunk, within the area, or a short number.
// Separators (RFC 3966 §5.1.1), Persian and Arabic digits and the scheme of tel: are understood. Of two numbers no spelling
// is the same.
func (p *Plan) Understand(dialled, area string) Understood {
	d := Dialled(dialled)
	if d == "" || strings.ContainsAny(d, "*#") {
		return Understood{}
	}
	if d[0] == '+' {
		return p.global(d[1:], area)
	}
	for _, n := range p.Emergency {
		if d == n {
			return Understood{Calls: Emergency, Short: true}
		}
	}
	if rest, ok := strings.CutPrefix(d, p.Abroad); ok && p.Abroad != "" {
		return p.global(rest, area)
	}
	if r := find(p.short, d); r != nil && r.of.has(len(d)) {
		return Understood{Calls: r.calls, Short: true}
	}
	if r := find(p.rows, d); r != nil && r.bare && r.of.has(len(d)) {
		return p.national(d, area)
	}
	if p.local.has(len(d)) && strings.IndexByte(p.begins, d[0]) >= 0 {
		return p.within(d, area)
	}
	if rest, ok := strings.CutPrefix(d, p.Trunk); ok && p.Trunk != "" {
		return p.national(rest, area)
	}
	return Understood{}
}

// UnderstandPeer is Understand for what another exchange says: it may also leave out the +, or Trunk, where nothing else is
// meant by that.
func (p *Plan) UnderstandPeer(said, area string) Understood {
	u := p.Understand(said, area)
	if u.E164 != 0 || u.Short || p.Code == 0 {
		return u
	}
	d := Dialled(said)
	if d == "" || d[0] == '+' || d[0] == '0' {
		return u
	}
	if n := e164.Digits(d); n.Begins(p.Code) {
		if v := p.global(d, area); v.E164 != 0 {
			return v
		}
	}
	if v := p.national(d, area); v.E164 != 0 {
		return v
	}
	return u
}

// global is a number whose country code is there.
func (p *Plan) global(digits, area string) Understood {
	n := e164.Digits(digits)
	if p.Code != 0 {
		var code [4]byte
		own := p.Code.Append(code[:0])[1:]
		if len(digits) >= len(own) && digits[:len(own)] == string(own) {
			return p.national(digits[len(own):], area)
		}
	}
	u := Understood{Calls: International}
	for _, dear := range dearCodes {
		if strings.HasPrefix(digits, dear) {
			u.Calls = Premium
		}
	}
	if n.Len() >= leastDigits {
		u.E164 = n
	}
	return u
}

// leastDigits is how many a number of any country has at least, its country code included.
const leastDigits = 7

// national is a number of the country, without Trunk.
func (p *Plan) national(digits, area string) Understood {
	r := find(p.rows, digits)
	if r == nil {
		return Understood{Calls: National}
	}
	u := Understood{Calls: r.calls}
	if r.of.has(len(digits)) {
		u.E164 = p.Code.And(digits)
	}
	if r.area && area != "" && strings.HasPrefix(digits, area) {
		u.Calls = Local
	}
	return u
}

// within is a number that is dialled without its area.
func (p *Plan) within(digits, area string) Understood {
	u := Understood{Calls: Local}
	if area == "" {
		return u
	}
	var whole [2 * e164.MaxDigits]byte
	if len(area)+len(digits) > len(whole) {
		return u
	}
	n := copy(whole[:], area)
	n += copy(whole[n:], digits)
	if r := find(p.rows, string(whole[:n])); r != nil && r.area && r.of.has(n) {
		if there := p.Code.And(area); there != 0 {
			u.E164 = there.And(digits)
		}
	}
	return u
}

// find gives the row of the longest prefix that fits, or nil.
func find(rows []planRow, digits string) (best *planRow) {
	for i := range rows {
		r := &rows[i]
		if strings.HasPrefix(digits, r.prefix) && (best == nil || len(r.prefix) > len(best.prefix)) {
			best = r
		}
	}
	return best
}

// Shown gives a number as people of the country expect it: without country code where it is of the country, with Trunk where
// that is dialled; with + and country code otherwise. It is understood again as the same number.
func (p *Plan) Shown(n e164.Number) string {
	var text [2 * e164.MaxDigits]byte
	return string(p.shown(n, text[:0]))
}

// ShownAs is Shown, which is as it is where it is the same as a text already.
func (p *Plan) ShownAs(n e164.Number, already string) string {
	var text [2 * e164.MaxDigits]byte
	shown := p.shown(n, text[:0])
	if string(shown) == already {
		return already
	}
	return string(shown)
}

func (p *Plan) shown(n e164.Number, to []byte) []byte {
	if p.Code == 0 || !n.Begins(p.Code) {
		return n.Append(to)
	}
	var whole [e164.MaxDigits + 1]byte
	full := n.Append(whole[:0])
	digits := full[1+p.Code.Len():]
	r := find(p.rows, string(digits))
	switch {
	case r == nil || !r.of.has(len(digits)) || r.calls == International:
		return append(to, full...)
	case !r.bare:
		to = append(to, p.Trunk...)
	}
	return append(to, digits...)
}

// ShownWithin is Shown where an area code is left out within its area.
func (p *Plan) ShownWithin(n e164.Number, area string) string {
	full := p.Shown(n)
	digits, national := strings.CutPrefix(full, p.Trunk)
	local, here := strings.CutPrefix(digits, area)
	if !national || !here || area == "" || p.Understand(local, area).E164 != n {
		return full
	}
	return local
}

// Span gives the numbers that begin in one way, as the intervals of each length that the plan has for them.
func (p *Plan) Span(begin e164.Number) (spans [][2]e164.Number) {
	of := from(max(leastDigits, begin.Len()), e164.MaxDigits)
	if p.Code != 0 && begin.Begins(p.Code) && begin != p.Code {
		code := p.Code.Len()
		if r := find(p.rows, begin.String()[1+code:]); r != nil {
			of = r.of << code
		}
	}
	for n := begin.Len(); n <= e164.MaxDigits; n++ {
		if first, last := begin.Span(n); of.has(n) && first != 0 {
			spans = append(spans, [2]e164.Number{first, last})
		}
	}
	return spans
}

// Dialled gives what was dialled without visual separators (RFC 3966 §5.1.1) and the scheme of a tel: URI, and with Persian
// and Arabic digits as ASCII; empty when it holds anything that no telephone can dial. What is plain already is given as it is.
func Dialled(text string) string {
	plain := true
	for i := 0; i < len(text); i++ {
		if !dialable(rune(text[i])) {
			plain = false
			break
		}
	}
	if plain {
		if strings.LastIndexByte(text, '+') > 0 {
			return ""
		}
		return text
	}
	context := ""
	if len(text) > 4 && strings.EqualFold(text[:4], "tel:") {
		text, context = telephone(text[4:])
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case dialable(r):
			b.WriteRune(r)
		case r >= '۰' && r <= '۹':
			b.WriteRune(r - '۰' + '0')
		case r >= '٠' && r <= '٩':
			b.WriteRune(r - '٠' + '0')
		case strings.ContainsRune("-.() ", r):
		default:
			return ""
		}
	}
	if d := context + b.String(); strings.LastIndexByte(d, '+') <= 0 {
		return d
	}
	return ""
}

// telephone takes a tel: URI apart: its digits, and those of its context, which a number without + is of (RFC 3966 §5.1.5).
func telephone(uri string) (digits, context string) {
	digits, params, _ := strings.Cut(uri, ";")
	for params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		if v, ok := strings.CutPrefix(p, "phone-context="); ok && len(v) <= maxContext && strings.HasPrefix(v, "+") && !strings.HasPrefix(digits, "+") {
			context = "+" + strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return r
				}
				return -1
			}, v)
		}
	}
	return digits, context
}

const maxContext = 32 // octets of one that can be a number's beginning

func dialable(r rune) bool { return r >= '0' && r <= '9' || r == '*' || r == '#' || r == '+' }
