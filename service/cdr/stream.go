package cdr

import (
	"santral/media"
	"santral/store"
)

// Stream is what a record keeps of a stream.
func Stream(q *media.Quality) store.Stream {
	s := store.Stream{
		Format: q.Format, Packets: q.Packets, Octets: q.Octets, Lost: q.Lost, Late: q.Late, Sent: q.Sent,
		Jitter: q.Jitter.Microseconds(), RoundTrip: q.RoundTrip.Microseconds(), MOS: q.MOS,
		Measured: store.Measured{
			Discarded: q.Discarded, Concealed: q.Concealed.Microseconds(), Delay: q.Delay.Microseconds(), Listening: q.Listening,
			Bursts: q.Bursts, BurstLost: q.BurstLost, BurstSpan: q.BurstPackets, BurstRatio: q.BurstRatio, Course: course(&q.Course),
		},
	}
	if h := &q.Heard; h.Reports > 0 {
		s.Heard = &store.Heard{
			Reports: h.Reports, Packets: h.Packets, Lost: h.Lost, Discarded: h.Discarded, Jitter: h.Jitter.Microseconds(), Delay: h.Delay.Microseconds(),
			MOS: h.MOS, Said: h.Said, Course: course(&h.Course),
		}
	}
	return s
}

func course(c *media.Course) store.Course {
	return store.Course{Samples: c.Samples, Average: c.Average, Worst: c.Worst.MOS, WorstLoss: c.Worst.Loss, WorstJitter: c.Worst.Jitter.Microseconds()}
}
