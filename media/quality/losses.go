package quality

// gmin is how many packets in a row must have come for a burst to be over (RFC 3611 §4.7.2).
const gmin = 16

// Losses says how the losses of a stream lay (RFC 3611 §4.7.2): single ones in a gap, or so close together that they
// are heard as one burst, which begins and ends with a loss and has fewer than 16 good packets in a row. Tell it
// of packets in their order; the zero value is ready.
type Losses struct {
	Bursts       uint64 `json:"bursts"`        // that are over
	BurstPackets uint64 `json:"burst_packets"` // of them, first to last loss
	BurstLost    uint64 `json:"burst_lost"`
	GapPackets   uint64 `json:"gap_packets"` // of the time between them
	GapLost      uint64 `json:"gap_lost"`
	Runs         uint64 `json:"runs"` // times that packets began to be lost, one or several in a row

	// The losses of which it is not known yet whether they are a burst.
	Good uint32 `json:"good"` // packets since the last of them
	Span uint64 `json:"span"` // from the first to the last
	Lost uint64 `json:"lost"` // 0 for none
}

// came takes a packet that came.
func (l *Losses) came() {
	if l.Lost == 0 {
		l.GapPackets++
		return
	}
	if l.Good++; l.Good >= gmin {
		l.close()
	}
}

// lost takes n packets in a row that did not come.
func (l *Losses) lost(n uint64) {
	if l.Lost == 0 || l.Good > 0 {
		l.Runs++
	}
	l.Span += uint64(l.Good) + n
	l.Lost += n
	l.Good = 0
}

// close decides about the last losses.
func (l *Losses) close() {
	switch {
	case l.Lost == 1:
		l.GapPackets++
		l.GapLost++
	case l.Lost > 1:
		l.Bursts++
		l.BurstPackets += l.Span
		l.BurstLost += l.Lost
	}
	l.GapPackets += uint64(l.Good)
	l.Good, l.Span, l.Lost = 0, 0, 0
}

// Ratio is BurstR of ITU-T G.107 §7.4: how long losses in a row were, as against losses by chance; 0 without any.
func (l *Losses) Ratio() float64 {
	lost := l.BurstLost + l.GapLost + l.Lost
	return burstRatio(lost, l.Runs, l.BurstPackets+l.GapPackets+l.Span+uint64(l.Good))
}

func burstRatio(lost, runs, all uint64) float64 {
	if runs == 0 || all == 0 {
		return 0
	}
	return max(1, float64(lost)/float64(runs)*(1-float64(lost)/float64(all)))
}
