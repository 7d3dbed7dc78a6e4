package call

import (
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"santral/media"
)

// The text of an event is what stands in the ledger for as long as the ledger is kept: member names
// are never given a new meaning, members may be added, and what a reader does not know it skips.
// Every telephone call writes about ten events and reads them back, so both ways are written by hand.

// MarshalJSON gives the ledger's text of the event, so that encoding/json and the ledger agree.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// AppendJSON appends the event as one JSON object (RFC 8259) and returns the longer slice. Times are
// UTC to the microsecond, text that is not UTF-8 is replaced by U+FFFD, empty members are left out.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"call":`...)
	b = appendText(b, string(e.Call))
	b = member(b, `,"leg":`, string(e.Leg))
	b = append(b, `,"kind":`...)
	b = appendText(b, string(e.Kind))
	b = append(b, `,"at":"`...)
	b = appendTime(b, e.At)
	b = append(b, '"')
	if e.From != nil {
		b = append(b, `,"from":`...)
		b = e.From.appendJSON(b)
	}
	b = member(b, `,"dialled":`, e.Dialled)
	b = member(b, `,"to":`, e.To)
	b = member(b, `,"tenant":`, e.Tenant)
	b = member(b, `,"number":`, e.Number)
	b = member(b, `,"calls":`, e.Calls)
	b = member(b, `,"because":`, e.Because)
	b = count(b, `,"rev":`, e.Rev)
	b = member(b, `,"site":`, e.Site)
	b = member(b, `,"dept":`, e.Dept)
	b = member(b, `,"shown":`, e.Shown)
	b = number(b, `,"status":`, int64(e.Status))
	if e.Cause != nil {
		b = append(b, `,"cause":`...)
		b = e.Cause.appendJSON(b)
	}
	b = member(b, `,"by":`, e.By)
	b = member(b, `,"other":`, string(e.Other))
	if e.Detail != nil {
		b = append(b, `,"detail":`...)
		b = e.Detail.appendJSON(b)
	}
	b = member(b, `,"codec":`, e.Codec)
	if e.Tape != nil {
		b = append(b, `,"tape":`...)
		b = e.Tape.appendJSON(b)
	}
	b = member(b, `,"what":`, e.What)
	if e.Addr.IsValid() {
		b = append(b, `,"addr":"`...)
		b = e.Addr.AppendTo(b)
		b = append(b, '"')
	}
	b = member(b, `,"text":`, e.Text)
	return append(b, '}')
}

func (p *Party) appendJSON(b []byte) []byte {
	at := len(b)
	b = member(b, `,"tenant":`, p.Tenant)
	b = member(b, `,"account":`, p.Account)
	b = member(b, `,"name":`, p.Name)
	b = member(b, `,"number":`, p.Number)
	if p.Source.IsValid() {
		b = append(b, `,"source":"`...)
		b = p.Source.AppendTo(b)
		b = append(b, '"')
	}
	if p.Trusted {
		b = append(b, `,"trusted":true`...)
	}
	b = member(b, `,"trunk":`, p.Trunk)
	b = member(b, `,"site":`, p.Site)
	b = member(b, `,"dept":`, p.Department)
	b = member(b, `,"said":`, p.Said)
	if p.Proved {
		b = append(b, `,"proved":true`...)
	}
	return object(b, at)
}

func (c *Cause) appendJSON(b []byte) []byte {
	b = append(b, `{"q850":`...)
	b = strconv.AppendInt(b, int64(c.Q850), 10)
	b = append(b, `,"sip":`...)
	b = strconv.AppendInt(b, int64(c.SIP), 10)
	b = append(b, `,"text":`...)
	b = appendText(b, c.Text)
	if c.Retry {
		b = append(b, `,"retry":true`...)
	}
	b = number(b, `,"after":`, int64(c.After))
	return append(b, '}')
}

func (d *LegDetail) appendJSON(b []byte) []byte {
	b = append(b, `{"direction":`...)
	b = strconv.AppendInt(b, int64(d.Direction), 10)
	b = member(b, `,"tenant":`, d.Tenant)
	b = member(b, `,"account":`, d.Account)
	b = member(b, `,"number":`, d.Number)
	b = member(b, `,"target":`, d.Target)
	b = member(b, `,"trunk":`, d.Trunk)
	b = member(b, `,"sip_call_id":`, d.SIPCallID)
	b = member(b, `,"local":`, d.Local)
	b = member(b, `,"remote":`, d.Remote)
	b = member(b, `,"transport":`, d.Transport)
	b = member(b, `,"user_agent":`, d.UserAgent)
	b = member(b, `,"session_id":`, d.SessionID)
	b = member(b, `,"media":`, d.Media)
	b = member(b, `,"sent":`, d.Sent)
	b = member(b, `,"shown":`, d.Shown)
	if len(d.Quality) > 0 {
		b = append(b, `,"quality":[`...)
		for i := range d.Quality {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendQuality(b, &d.Quality[i])
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// object turns members that were appended from at on, each with its comma, into an object.
func object(b []byte, at int) []byte {
	if len(b) == at {
		return append(b, '{', '}')
	}
	b[at] = '{'
	return append(b, '}')
}

func member(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendText(append(b, name...), value)
}

func number(b []byte, name string, value int64) []byte {
	if value == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), value, 10)
}

func count(b []byte, name string, value uint64) []byte {
	if value == 0 {
		return b
	}
	return strconv.AppendUint(append(b, name...), value, 10)
}

const hexDigits = "0123456789abcdef"

func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0 // s[plain:i] needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[plain:i]...), `\ufffd`...)
				plain = i + 1
			}
			i += size
			continue
		}
		b = append(b, s[plain:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		plain = i
	}
	return append(append(b, s[plain:]...), '"')
}

// appendTime writes "2006-01-02T15:04:05.000000Z"; years outside 0 to 9999 become the zero time.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return append(b, "0001-01-01T00:00:00.000000Z"...)
	}
	hour, minute, second := t.Clock()
	micros := t.Nanosecond() / 1000
	two := func(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
	b = two(two(b, year/100), year%100)
	b = two(append(b, '-'), int(month))
	b = two(append(b, '-'), day)
	b = two(append(b, 'T'), hour)
	b = two(append(b, ':'), minute)
	b = two(append(b, ':'), second)
	b = two(append(b, '.'), micros/10000)
	b = two(b, micros/100%100)
	b = two(b, micros%100)
	return append(b, 'Z')
}

// UnmarshalJSON reads what ParseEvent reads.
func (e *Event) UnmarshalJSON(text []byte) error {
	parsed, err := ParseEvent(string(text))
	if err == nil {
		*e = parsed
	}
	return err
}

// ParseEvent reads one event as AppendJSON wrote it; other spellings of the same JSON are read too.
// Members that it does not know are skipped. Strings of the event share the memory of text.
func ParseEvent(text string) (Event, error) {
	var e Event
	s := scan{text: text}
	s.object(func(name string) {
		switch name {
		case "call":
			e.Call = ID(s.str())
		case "leg":
			e.Leg = LegID(s.str())
		case "kind":
			e.Kind = EventKind(s.str())
		case "at":
			e.At = s.time()
		case "from":
			if s.present() {
				e.From = new(Party)
				s.party(e.From)
			}
		case "dialled":
			e.Dialled = s.str()
		case "to":
			e.To = s.str()
		case "tenant":
			e.Tenant = s.str()
		case "number":
			e.Number = s.str()
		case "calls":
			e.Calls = s.str()
		case "because":
			e.Because = s.str()
		case "rev":
			e.Rev = s.count()
		case "site":
			e.Site = s.str()
		case "dept":
			e.Dept = s.str()
		case "shown":
			e.Shown = s.str()
		case "status":
			e.Status = s.int()
		case "cause":
			if s.present() {
				e.Cause = new(Cause)
				s.cause(e.Cause)
			}
		case "by":
			e.By = s.str()
		case "other":
			e.Other = ID(s.str())
		case "detail":
			if s.present() {
				e.Detail = new(LegDetail)
				s.detail(e.Detail)
			}
		case "codec":
			e.Codec = s.str()
		case "tape":
			if s.present() {
				e.Tape = new(Recorded)
				s.tape(e.Tape)
			}
		case "what":
			e.What = s.str()
		case "addr":
			e.Addr = s.addr("addr")
		case "text":
			e.Text = s.str()
		default:
			s.skip(0)
		}
	})
	s.space()
	if s.err == nil && s.at != len(text) {
		s.fail("something follows the object")
	}
	if s.err != nil {
		return Event{}, s.err
	}
	return e, nil
}

// addr reads an address with a port; "" is none.
func (s *scan) addr(name string) netip.AddrPort {
	text := s.str()
	if text == "" {
		return netip.AddrPort{}
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		s.fail(name + " is not an address with a port")
	}
	return addr
}

func (s *scan) party(p *Party) {
	s.object(func(name string) {
		switch name {
		case "tenant":
			p.Tenant = s.str()
		case "account":
			p.Account = s.str()
		case "name":
			p.Name = s.str()
		case "number":
			p.Number = s.str()
		case "source":
			p.Source = s.addr("source")
		case "trusted":
			p.Trusted = s.bool()
		case "trunk":
			p.Trunk = s.str()
		case "site":
			p.Site = s.str()
		case "dept":
			p.Department = s.str()
		case "said":
			p.Said = s.str()
		case "proved":
			p.Proved = s.bool()
		default:
			s.skip(0)
		}
	})
}

func (s *scan) cause(c *Cause) {
	s.object(func(name string) {
		switch name {
		case "q850":
			c.Q850 = s.int()
		case "sip":
			c.SIP = s.int()
		case "text":
			c.Text = s.str()
		case "retry":
			c.Retry = s.bool()
		case "after":
			c.After = s.int()
		default:
			s.skip(0)
		}
	})
}

func (s *scan) detail(d *LegDetail) {
	s.object(func(name string) {
		switch name {
		case "direction":
			if n := s.int(); n >= int(UnknownDirection) && n <= int(Out) {
				d.Direction = Direction(n)
			}
		case "tenant":
			d.Tenant = s.str()
		case "account":
			d.Account = s.str()
		case "number":
			d.Number = s.str()
		case "target":
			d.Target = s.str()
		case "trunk":
			d.Trunk = s.str()
		case "sip_call_id":
			d.SIPCallID = s.str()
		case "local":
			d.Local = s.str()
		case "remote":
			d.Remote = s.str()
		case "transport":
			d.Transport = s.str()
		case "user_agent":
			d.UserAgent = s.str()
		case "session_id":
			d.SessionID = s.str()
		case "media":
			d.Media = s.str()
		case "sent":
			d.Sent = s.str()
		case "shown":
			d.Shown = s.str()
		case "quality":
			s.array(func() {
				d.Quality = append(d.Quality, media.Quality{})
				s.quality(&d.Quality[len(d.Quality)-1])
			})
		default:
			s.skip(0)
		}
	})
}
