package session

import (
	"strings"
	"time"

	"santral/media"
	"santral/media/quality"
	"santral/media/rtp"
	"santral/media/sdp"
)

// extensions are the extended reports that a peer asks for in its description (RFC 3611 §5.1).
type extensions uint8

const (
	wantsVoIP extensions = 1 << iota
	wantsRoundTrip
)

// extensionsOf reads a line's a=rtcp-xr, or the session's.
func extensionsOf(d *sdp.Description, m *sdp.Media) (x extensions) {
	attrs := m.Attrs
	if !hasAttr(attrs, "rtcp-xr") {
		attrs = d.Attrs
	}
	for _, a := range attrs {
		if a.Name != "rtcp-xr" {
			continue
		}
		for word := range strings.FieldsSeq(a.Value) {
			switch name, _, _ := strings.Cut(word, "="); name {
			case "voip-metrics":
				x |= wantsVoIP
			case "rcvr-rtt":
				x |= wantsRoundTrip
			}
		}
	}
	return x
}

func hasAttr(attrs []sdp.Attr, name string) bool {
	for _, a := range attrs {
		if a.Name == name {
			return true
		}
	}
	return false
}

// appendExtended appends our extended report for the peer, where it asked for one or told us its clock. It is called
// under the stream's lock, at the pool's clock and at our wall clock in NTP's format.
func (m *meter) appendExtended(dst []byte, ssrc uint32, roundTrip, now time.Duration, ntp uint64) []byte {
	if m.xr == nil && m.Wants == 0 {
		return dst
	}
	begin, e := len(dst), m.more()
	dst = rtp.BeginXR(dst, ssrc)
	if t := e.theirs; t.middle != 0 {
		since := min(max(0, now-t.at), 18*time.Hour)
		dst = rtp.AppendSince(dst, rtp.Since{SSRC: t.ssrc, Last: t.middle, Delay: uint32(uint64(since) << 16 / uint64(time.Second))})
	}
	if m.Wants&wantsRoundTrip != 0 {
		e.ours = reference{ssrc, uint32(ntp >> 16), now}
		dst = rtp.AppendReference(dst, ntp)
	}
	if m.Wants&wantsVoIP != 0 && m.Receiver.Packets > 0 {
		dst = rtp.AppendVoIP(dst, m.voip(roundTrip))
	}
	return rtp.EndXR(dst, begin)
}

// voip is what a VoIP metrics block says of the peer's stream (RFC 3611 §4.7).
func (m *meter) voip(roundTrip time.Duration) rtp.VoIP {
	r := &m.Receiver
	l, played := r.Losses(), m.more().played
	q := media.Quality{
		Format: nameOf(m.Payload, m.formats[1], m.formats[0]), Packets: r.Packets, Octets: m.Octets, Lost: r.Lost(), Spoken: r.SpokenTime(), Jitter: r.JitterTime(), RoundTrip: roundTrip,
		Discarded: played.discarded, Buffer: played.delay, BurstRatio: l.Ratio(),
	}
	packet := q.Spoken / time.Duration(q.Packets)
	all := q.Packets + q.Lost
	deaf := quality.PathOf(&q)
	deaf.Delay = 0
	v := rtp.VoIP{
		SSRC: m.SSRC, Loss: share(q.Lost, all), Discarded: share(q.Discarded, all), BurstDensity: share(l.BurstLost, l.BurstPackets), GapDensity: share(l.GapLost, l.GapPackets),
		GapTime: millis(packet * time.Duration(l.GapPackets/(l.Bursts+1))), RoundTrip: millis(roundTrip), EndDelay: millis(q.Buffer + rtp.FrameTime),
		Signal: rtp.Unknown, Noise: rtp.Unknown, Echo: rtp.Unknown, Gmin: 16,
		Factor: quality.Factor(quality.PathOf(&q)), Outside: rtp.Unknown, Listening: tenths(quality.Score(deaf)), Conversation: tenths(quality.Score(quality.PathOf(&q))),
		Config: rtp.Concealing | rtp.Adaptive, Nominal: millis(q.Buffer), Maximum: millis(q.Buffer), MaximumBuffer: millis(q.Buffer),
	}
	if l.Bursts > 0 {
		v.BurstTime = millis(packet * time.Duration(l.BurstPackets/l.Bursts))
	}
	return v
}

func share(part, all uint64) uint8 {
	if all == 0 {
		return 0
	}
	return uint8(min(255, part*256/all))
}

func millis(d time.Duration) uint16 { return uint16(min(max(0, d/time.Millisecond), 1<<16-1)) }

func tenths(score float64) uint8 { return uint8(score*10 + 0.5) }
