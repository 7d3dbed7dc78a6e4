package call

import (
	"math"

	"santral/media"
)

// appendQuality writes times in microseconds, scores in thousandths and shares in millionths.
func appendQuality(b []byte, q *media.Quality) []byte {
	at := len(b)
	b = member(b, `,"format":`, q.Format)
	b = count(b, `,"packets":`, q.Packets)
	b = count(b, `,"octets":`, q.Octets)
	b = count(b, `,"lost":`, q.Lost)
	b = count(b, `,"late":`, q.Late)
	b = number(b, `,"jitter_us":`, q.Jitter.Microseconds())
	b = number(b, `,"round_trip_us":`, q.RoundTrip.Microseconds())
	b = fraction(b, `,"mos_milli":`, q.MOS, 1000)
	b = count(b, `,"sent":`, q.Sent)

	b = count(b, `,"discarded":`, q.Discarded)
	b = number(b, `,"concealed_us":`, q.Concealed.Microseconds())
	b = number(b, `,"spoken_us":`, q.Spoken.Microseconds())
	b = number(b, `,"buffer_us":`, q.Buffer.Microseconds())
	b = number(b, `,"delay_us":`, q.Delay.Microseconds())
	b = fraction(b, `,"mos_lq_milli":`, q.Listening, 1000)
	b = count(b, `,"bursts":`, q.Bursts)
	b = count(b, `,"burst_packets":`, q.BurstPackets)
	b = count(b, `,"burst_lost":`, q.BurstLost)
	b = fraction(b, `,"burst_ratio_milli":`, q.BurstRatio, 1000)
	b = appendCourse(b, &q.Course)
	if h := &q.Heard; h.Reports > 0 {
		b = append(b, `,"heard":`...)
		inner := len(b)
		b = count(b, `,"reports":`, h.Reports)
		b = count(b, `,"packets":`, h.Packets)
		b = count(b, `,"lost":`, h.Lost)
		b = fraction(b, `,"discarded_ppm":`, h.Discarded, 1e6)
		b = number(b, `,"jitter_us":`, h.Jitter.Microseconds())
		b = number(b, `,"delay_us":`, h.Delay.Microseconds())
		b = fraction(b, `,"mos_milli":`, h.MOS, 1000)
		b = fraction(b, `,"mos_said_milli":`, h.Said, 1000)
		b = appendCourse(b, &h.Course)
		b = object(b, inner)
	}
	return object(b, at)
}

// appendCourse writes the worst five seconds and the average; the last of them say nothing of a stream that is over.
func appendCourse(b []byte, c *media.Course) []byte {
	if c.Samples == 0 {
		return b
	}
	b = count(b, `,"samples":`, uint64(c.Samples))
	b = fraction(b, `,"mos_average_milli":`, c.Average, 1000)
	b = fraction(b, `,"mos_worst_milli":`, c.Worst.MOS, 1000)
	b = fraction(b, `,"loss_worst_ppm":`, c.Worst.Loss, 1e6)
	return number(b, `,"jitter_worst_us":`, c.Worst.Jitter.Microseconds())
}

// fraction writes a small number that is not negative in whole parts of one.
func fraction(b []byte, name string, value, parts float64) []byte {
	if !(value > 0 && value < 1e6) {
		return b
	}
	return number(b, name, int64(math.Round(value*parts)))
}

func (s *scan) quality(q *media.Quality) {
	s.object(func(name string) {
		switch name {
		case "format":
			q.Format = s.str()
		case "packets":
			q.Packets = s.count()
		case "octets":
			q.Octets = s.count()
		case "lost":
			q.Lost = s.count()
		case "late":
			q.Late = s.count()
		case "jitter_us":
			q.Jitter = s.micros()
		case "round_trip_us":
			q.RoundTrip = s.micros()
		case "mos_milli":
			q.MOS = s.fraction(1000)
		case "sent":
			q.Sent = s.count()
		case "discarded":
			q.Discarded = s.count()
		case "concealed_us":
			q.Concealed = s.micros()
		case "spoken_us":
			q.Spoken = s.micros()
		case "buffer_us":
			q.Buffer = s.micros()
		case "delay_us":
			q.Delay = s.micros()
		case "mos_lq_milli":
			q.Listening = s.fraction(1000)
		case "bursts":
			q.Bursts = s.count()
		case "burst_packets":
			q.BurstPackets = s.count()
		case "burst_lost":
			q.BurstLost = s.count()
		case "burst_ratio_milli":
			q.BurstRatio = s.fraction(1000)
		case "heard":
			s.heard(&q.Heard)
		default:
			s.course(name, &q.Course)
		}
	})
}

func (s *scan) heard(h *media.Heard) {
	if !s.present() {
		return
	}
	s.object(func(name string) {
		switch name {
		case "reports":
			h.Reports = s.count()
		case "packets":
			h.Packets = s.count()
		case "lost":
			h.Lost = s.count()
		case "discarded_ppm":
			h.Discarded = s.fraction(1e6)
		case "jitter_us":
			h.Jitter = s.micros()
		case "delay_us":
			h.Delay = s.micros()
		case "mos_milli":
			h.MOS = s.fraction(1000)
		case "mos_said_milli":
			h.Said = s.fraction(1000)
		default:
			s.course(name, &h.Course)
		}
	})
}

func (s *scan) course(name string, c *media.Course) {
	switch name {
	case "samples":
		c.Samples = uint32(min(s.count(), math.MaxUint32))
	case "mos_average_milli":
		c.Average = s.fraction(1000)
	case "mos_worst_milli":
		c.Worst.MOS = s.fraction(1000)
	case "loss_worst_ppm":
		c.Worst.Loss = s.fraction(1e6)
	case "jitter_worst_us":
		c.Worst.Jitter = s.micros()
	default:
		s.skip(0)
	}
}

func (s *scan) fraction(parts float64) float64 { return float64(s.count()) / parts }
