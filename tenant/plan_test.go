package tenant

import (
	"math/rand/v2"
	"strings"
	"testing"

	"santral/base/e164"
)

func TestUnderstandIran(t *testing.T) {
	p := PlanOf("")
	for dialled, want := range map[string]Understood{
		"22000101":                            {E164: 982122000101, Calls: Local},
		"02122000101":                         {E164: 982122000101, Calls: Local},
		"+982122000101":                       {E164: 982122000101, Calls: Local},
		"00982122000101":                      {E164: 982122000101, Calls: Local},
		"۰۲۱-۲۲۰۰ ۰۱۰۱":                       {E164: 982122000101, Calls: Local},
		"٠٢١٢٢٠٠٠١٠١":                         {E164: 982122000101, Calls: Local},
		"tel:+98-21-2200-0101":                {E164: 982122000101, Calls: Local},
		"tel:22000101;phone-context=+9821":    {E164: 982122000101, Calls: Local},
		"tel:02122000101;phone-context=x.org": {E164: 982122000101, Calls: Local},
		"(021) 2200.0101":                     {E164: 982122000101, Calls: Local},
		"02632000101":                         {E164: 982632000101, Calls: National},
		"09121234567":                         {E164: 989121234567, Calls: Mobile},
		"+989121234567":                       {E164: 989121234567, Calls: Mobile},
		"091212345":                           {Calls: Mobile},
		"02122":                               {Calls: Local},
		"09099070345":                         {E164: 989099070345, Calls: Premium},
		"9099070345":                          {E164: 989099070345, Calls: Premium},
		"09412345678":                         {E164: 989412345678, Calls: National},
		"00493012345678":                      {E164: 493012345678, Calls: International},
		"+493012345678":                       {E164: 493012345678, Calls: International},
		"00":                                  {Calls: International},
		"0049":                                {Calls: International},
		"+8821612345678":                      {E164: 8821612345678, Calls: Premium},
		"110":                                 {Calls: Emergency, Short: true},
		"۱۱۵":                                 {Calls: Emergency, Short: true},
		"118":                                 {Calls: Local, Short: true},
		"1818":                                {Calls: Local, Short: true},
		"45678":                               {},
		"2122000101":                          {},
		"982122000101":                        {},
		"*43":                                 {},
		"":                                    {},
		"nobody":                              {},
		"98+21":                               {},
		"++98":                                {},
	} {
		if got := p.Understand(dialled, "21"); got != want {
			t.Errorf("%q is %+v, want %+v", dialled, got, want)
		}
	}
	if got := p.Understand("22000101", ""); got != (Understood{Calls: Local}) {
		t.Errorf("without an area: %+v", got)
	}
	for said, want := range map[string]e164.Number{
		"982122000101": 982122000101, "2122000101": 982122000101, "9121234567": 989121234567, "989121234567": 989121234567,
		"02122000101": 982122000101, "22000101": 982122000101, "4930": 0, "1818": 0,
	} {
		if got := p.UnderstandPeer(said, "21"); got.E164 != want {
			t.Errorf("of a peer %q is %+v, want %v", said, got, want)
		}
	}
}

func TestKindsAbroad(t *testing.T) {
	for _, c := range []struct {
		country, area, dialled string
		number                 e164.Number
		calls                  Calls
	}{
		{"de", "30", "030123456", 4930123456, Local},
		{"de", "30", "123456", 0, UnknownCalls}, // no local number begins so
		{"de", "30", "234567", 4930234567, Local},
		{"de", "30", "01701234567", 491701234567, Mobile},
		{"de", "30", "09001234567", 499001234567, Premium},
		{"de", "30", "08001234567", 498001234567, National},
		{"de", "30", "0982122000101", 49982122000101, National},
		{"gb", "20", "02079460000", 442079460000, Local},
		{"uk", "20", "79460000", 442079460000, Local},
		{"gb", "20", "07700900123", 447700900123, Mobile},
		{"gb", "20", "08701234567", 448701234567, Premium},
		{"gb", "", "999", 0, Emergency},
		{"fr", "1", "0142000000", 33142000000, Local},
		{"fr", "1", "0612345678", 33612345678, Mobile},
		{"fr", "1", "0891234567", 33891234567, Premium},
		{"fr", "1", "0800123456", 33800123456, National},
		{"fr", "1", "15", 0, Emergency},
		{"es", "91", "912345678", 34912345678, Local},
		{"es", "91", "612345678", 34612345678, Mobile},
		{"es", "91", "806123456", 34806123456, Premium},
		{"tr", "212", "02123456789", 902123456789, Local},
		{"tr", "212", "4441234", 904441234, National},
		{"tr", "212", "05321234567", 905321234567, Mobile},
		{"ae", "4", "3456789", 97143456789, Local},
		{"ae", "4", "0501234567", 971501234567, Mobile},
		{"ae", "4", "8001234", 9718001234, National},
		{"cn", "10", "13812345678", 8613812345678, Mobile},
		{"cn", "10", "013812345678", 8613812345678, Mobile},
		{"cn", "10", "65551234", 861065551234, Local},
		{"cn", "10", "02165551234", 862165551234, National},
		{"us", "212", "5551234", 12125551234, Local},
		{"us", "212", "12125551234", 12125551234, Local},
		{"us", "212", "4155551234", 14155551234, National},
		{"us", "212", "18005551234", 18005551234, National},
		{"us", "212", "19005551234", 19005551234, Premium},
		{"us", "212", "18765551234", 18765551234, International},
		{"us", "212", "14165551234", 14165551234, International},
		{"us", "212", "011982122000101", 982122000101, International},
		{"us", "212", "911", 0, Emergency},
		{"ca", "416", "14165551234", 14165551234, Local},
		{"ca", "416", "12125551234", 12125551234, International},
		{"itu", "", "+982122000101", 982122000101, International},
		{"itu", "", "02122000101", 0, UnknownCalls},
		{"nowhere", "", "112", 0, Emergency},
	} {
		if got := PlanOf(c.country).Understand(c.dialled, c.area); got.E164 != c.number || got.Calls != c.calls {
			t.Errorf("in %s, %s is %+v, want %v %v", c.country, c.dialled, got, c.number, c.calls)
		}
	}
}

// spellings are all ways in which a number is dialled.
func spellings(p *Plan, n e164.Number, area string) (list []string) {
	full := n.String()
	list = append(list, full, "tel:"+full, p.Abroad+full[1:], p.Shown(n), p.ShownWithin(n, area))
	if p.Code != 0 && n.Begins(p.Code) {
		list = append(list, p.Trunk+full[1+p.Code.Len():])
	}
	for _, s := range list {
		list = append(list, persian(s), s[:len(s)/2]+"-"+s[len(s)/2:], " "+s[:1]+"("+s[1:3]+") "+s[3:])
	}
	return list
}

func persian(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r - '0' + '۰'
		}
		return r
	}, s)
}

// Every spelling of a number is understood as that number, and no spelling is that of two.
func TestSpellingsRoundTrip(t *testing.T) {
	chance := rand.New(rand.NewPCG(6, 1))
	places := map[string]string{"ir": "21", "tr": "212", "ae": "4", "es": "91", "fr": "1", "gb": "20", "de": "30", "cn": "10", "us": "212", "ca": "416", "itu": ""}
	for country, area := range places {
		p := PlanOf(country)
		means := map[string]e164.Number{}
		for range 4000 {
			n := some(chance, p, area)
			for _, s := range spellings(p, n, area) {
				if strings.HasPrefix(s, " tel") || strings.HasPrefix(s, " t(") {
					continue // a scheme is no place for separators
				}
				got := p.Understand(s, area)
				if got.E164 != n {
					t.Fatalf("in %s, %q of %v is understood as %+v", country, s, n, got)
				}
				if other, known := means[s]; known && other != n {
					t.Fatalf("in %s, %q is %v and %v", country, s, n, other)
				}
				means[s] = n
			}
		}
	}
}

// some gives a number that a plan has, or one of another country.
func some(chance *rand.Rand, p *Plan, area string) e164.Number {
	for {
		var n e164.Number
		switch i := chance.IntN(8); {
		case i == 0 || p.Code == 0:
			n = e164.Number(1e10 + chance.Uint64N(98e11))
			if p.global(n.String()[1:], area).E164 != n {
				continue
			}
		case i < 3 && area != "":
			n = p.Code.And(area).And("3")
		default:
			n = p.Code.And(p.rows[chance.IntN(len(p.rows))].prefix)
		}
		for p.global(n.String()[1:], area).E164 != n || chance.IntN(3) == 0 {
			if n = n.And(string(rune('0' + chance.IntN(10)))); n == 0 {
				break
			}
		}
		if n != 0 {
			return n
		}
	}
}

// What begins in one way is the numbers of the intervals, and nothing else of the country.
func TestSpans(t *testing.T) {
	p := PlanOf("ir")
	if got := p.Span(98912); len(got) != 1 || got[0] != [2]e164.Number{989120000000, 989129999999} {
		t.Errorf("0912* is %v", got)
	}
	if got := p.Span(98212200); len(got) != 3 || got[2] != [2]e164.Number{982122000000, 982122009999} { // and short ones of services
		t.Errorf("021 2200* is %v", got)
	}
	if got := PlanOf("itu").Span(98212200); len(got) != 8 {
		t.Errorf("without a plan: %v", got)
	}
}

func FuzzUnderstand(f *testing.F) {
	for _, s := range []string{"22000101", "+982122000101", "tel:1;phone-context=+98", "۰۲۱", "+"} {
		f.Add(s, "21")
	}
	f.Fuzz(func(t *testing.T, dialled, area string) {
		for i := range plans {
			p := &plans[i]
			u := p.Understand(dialled, area)
			p.UnderstandPeer(dialled, area)
			if u.E164 == 0 {
				continue
			}
			if again := p.Understand(p.Shown(u.E164), area); again.E164 != u.E164 {
				t.Errorf("in %s, %q is %v, shown %q, and that is %v", p.Country, dialled, u.E164, p.Shown(u.E164), again.E164)
			}
		}
	})
}

func BenchmarkUnderstand(b *testing.B) {
	p := PlanOf("ir")
	b.ReportAllocs()
	for b.Loop() {
		p.Understand("09121234567", "21")
	}
}
