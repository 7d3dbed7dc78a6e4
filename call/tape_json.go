package call

import (
	"math"
	"time"
)

// The text of a recording is what encoding/json makes of it by its tags, with its times to the microsecond:
// durations are nanoseconds.

func (r *Recorded) appendJSON(b []byte) []byte {
	b = append(b, `{"name":`...)
	b = appendText(b, r.Name)
	b = append(b, `,"kind":`...)
	b = appendText(b, string(r.Kind))
	b = append(b, `,"began":"`...)
	b = appendTime(b, r.Began)
	b = append(b, '"')
	b = number(b, `,"long":`, int64(r.Long))
	b = number(b, `,"octets":`, r.Octets)
	b = member(b, `,"sha256":`, r.SHA256)
	b = member(b, `,"media":`, r.Media)
	b = yes(b, `,"sealed":true`, r.Sealed)
	if len(r.Segments) > 0 {
		b = append(b, `,"segments":[`...)
		for i := range r.Segments {
			if i > 0 {
				b = append(b, ',')
			}
			s, at := &r.Segments[i], len(b)
			b = number(b, `,"at":`, int64(s.At))
			b = member(b, `,"what":`, s.What)
			b = member(b, `,"left":`, s.Left)
			b = member(b, `,"right":`, s.Right)
			b = object(b, at)
		}
		b = append(b, ']')
	}
	b = number(b, `,"lost":`, int64(r.Lost))
	b = yes(b, `,"torn":true`, r.Torn)
	if len(r.After) > 0 {
		b = append(b, `,"after":[`...)
		for i, name := range r.After {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, name)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func yes(b []byte, text string, is bool) []byte {
	if !is {
		return b
	}
	return append(b, text...)
}

func (s *scan) tape(r *Recorded) {
	s.object(func(name string) {
		switch name {
		case "name":
			r.Name = s.str()
		case "kind":
			r.Kind = TapeKind(s.str())
		case "began":
			r.Began = s.time()
		case "long":
			r.Long = time.Duration(s.int64())
		case "octets":
			r.Octets = s.int64()
		case "sha256":
			r.SHA256 = s.str()
		case "media":
			r.Media = s.str()
		case "sealed":
			r.Sealed = s.bool()
		case "segments":
			s.array(func() { r.Segments = append(r.Segments, s.segment()) })
		case "lost":
			r.Lost = time.Duration(s.int64())
		case "torn":
			r.Torn = s.bool()
		case "after":
			s.array(func() { r.After = append(r.After, s.str()) })
		default:
			s.skip(0)
		}
	})
}

func (s *scan) segment() (g Segment) {
	s.object(func(name string) {
		switch name {
		case "at":
			g.At = time.Duration(s.int64())
		case "what":
			g.What = s.str()
		case "left":
			g.Left = s.str()
		case "right":
			g.Right = s.str()
		default:
			s.skip(0)
		}
	})
	return g
}

func (s *scan) int64() int64 {
	n, negative := s.number()
	if n > math.MaxInt64 && !(negative && n == -math.MinInt64) {
		s.fail("number too large")
		return 0
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}
