package rtp

import "encoding/binary"

// ExtendedReport is the type of an RTCP-XR packet (RFC 3611 §2).
const ExtendedReport = 207

// Types of blocks in an extended report (RFC 3611 §4).
const (
	LossRuns          = 1 // which packets were lost
	DuplicateRuns     = 2
	ReceiptTimes      = 3
	ReferenceTime     = 4 // a receiver's clock, so that it can learn its round trip
	DelaySince        = 5 // the answer to that
	StatisticsSummary = 6
	VoIPMetrics       = 7
)

// XRBlock is one block of an extended report. What a type means is read by the method that is named for it; all
// of them bear any octets.
type XRBlock struct {
	Type     uint8
	Specific uint8 // the octet whose meaning depends on the type
	body     []byte
}

// NextXR reads the first block of an extended report's blocks and gives what follows it. ok is false at the end and at
// the first block that contradicts its length.
func NextXR(p []byte) (b XRBlock, rest []byte, ok bool) {
	if len(p) < 4 {
		return XRBlock{}, nil, false
	}
	size := 4 * (int(binary.BigEndian.Uint16(p[2:])) + 1)
	if size > len(p) {
		return XRBlock{}, nil, false
	}
	return XRBlock{Type: p[0], Specific: p[1], body: p[4:size]}, p[size:], true
}

// Extended gives the blocks of an extended report for NextXR; none for a packet of another type.
func (c *Control) Extended() []byte {
	if c.Type != ExtendedReport {
		return nil
	}
	return c.body
}

// Reference reads a receiver's clock in NTP's format (RFC 3611 §4.4).
func (b *XRBlock) Reference() (ntp uint64, ok bool) {
	if b.Type != ReferenceTime || len(b.body) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b.body), true
}

// Since is one answer to a receiver's clock (RFC 3611 §4.5).
type Since struct {
	SSRC  uint32 // the receiver's
	Last  uint32 // middle 32 bits of its clock as it told it last
	Delay uint32 // since that came, in 1/65536 s
}

// Answers gives the number of answers that are really there, Answer the one with an index.
func (b *XRBlock) Answers() int {
	if b.Type != DelaySince {
		return 0
	}
	return len(b.body) / 12
}

// Answer gives answer i, from 0.
func (b *XRBlock) Answer(i int) Since {
	p := b.body[12*i:]
	return Since{binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:]), binary.BigEndian.Uint32(p[8:])}
}

// Runs counts what run-length blocks tell: how many packets were seen, and how many were not: lost ones of
// LossRuns, such as came once of DuplicateRuns (RFC 3611 §4.1, §4.2).
func (b *XRBlock) Runs() (ssrc uint32, seen, missed int, ok bool) {
	if b.Type != LossRuns && b.Type != DuplicateRuns || len(b.body) < 8 {
		return 0, 0, 0, false
	}
	for p := b.body[8:]; len(p) >= 2; p = p[2:] {
		chunk := binary.BigEndian.Uint16(p)
		switch {
		case chunk == 0: // fills up
		case chunk&0x8000 != 0: // a bit for each of 15 packets
			for bit := chunk & 0x7fff; bit != 0; bit &= bit - 1 {
				seen++
				missed--
			}
			missed += 15
		case chunk&0x4000 != 0:
			seen += int(chunk & 0x3fff)
		default:
			missed += int(chunk & 0x3fff)
		}
	}
	return binary.BigEndian.Uint32(b.body), seen, missed, true
}

// Times gives the number of receipt times in a block, and whose packets they are about (RFC 3611 §4.3).
func (b *XRBlock) Times() (ssrc uint32, n int, ok bool) {
	if b.Type != ReceiptTimes || len(b.body) < 8 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(b.body), (len(b.body) - 8) / 4, true
}

// Summary is a statistics summary (RFC 3611 §4.6). What a flag does not promise is 0.
type Summary struct {
	SSRC             uint32
	Begin, End       uint16 // sequence numbers: from one to before the other
	Lost, Duplicates uint32
	Least, Most      uint32 // interarrival jitter in units of the format's clock
	Mean, Deviation  uint32
}

// Flags of a summary's Specific octet.
const (
	hasLoss = 0x80 >> iota
	hasDuplicates
	hasJitter
)

// Summary reads a statistics summary.
func (b *XRBlock) Summary() (s Summary, ok bool) {
	if b.Type != StatisticsSummary || len(b.body) < 36 {
		return Summary{}, false
	}
	p := b.body
	s = Summary{SSRC: binary.BigEndian.Uint32(p), Begin: binary.BigEndian.Uint16(p[4:]), End: binary.BigEndian.Uint16(p[6:])}
	if b.Specific&hasLoss != 0 {
		s.Lost = binary.BigEndian.Uint32(p[8:])
	}
	if b.Specific&hasDuplicates != 0 {
		s.Duplicates = binary.BigEndian.Uint32(p[12:])
	}
	if b.Specific&hasJitter != 0 {
		s.Least, s.Most = binary.BigEndian.Uint32(p[16:]), binary.BigEndian.Uint32(p[20:])
		s.Mean, s.Deviation = binary.BigEndian.Uint32(p[24:]), binary.BigEndian.Uint32(p[28:])
	}
	return s, true
}

// Unknown stands in a VoIP report for a figure of one octet that is not known (RFC 3611 §4.7).
const Unknown = 127

// VoIP is a VoIP metrics report (RFC 3611 §4.7). Rates and densities are in 1/256, times in milliseconds, scores
// in tenths.
type VoIP struct {
	SSRC                            uint32
	Loss, Discarded                 uint8
	BurstDensity, GapDensity        uint8
	BurstTime, GapTime              uint16
	RoundTrip, EndDelay             uint16
	Signal, Noise                   int8 // dBm, Unknown
	Echo, Gmin                      uint8
	Factor, Outside                 uint8 // R, and that of a network beyond; Unknown
	Listening, Conversation         uint8 // MOS in tenths, Unknown
	Config                          uint8 // concealment and jitter buffer
	Nominal, Maximum, MaximumBuffer uint16
}

// Bits of Config (RFC 3611 §4.7.6).
const (
	Concealing = 3 << 6 // by more than silence
	Adaptive   = 3 << 4
)

// VoIP reads a VoIP metrics report.
func (b *XRBlock) VoIP() (v VoIP, ok bool) {
	if b.Type != VoIPMetrics || len(b.body) < 32 {
		return VoIP{}, false
	}
	p := b.body
	return VoIP{
		SSRC: binary.BigEndian.Uint32(p), Loss: p[4], Discarded: p[5], BurstDensity: p[6], GapDensity: p[7],
		BurstTime: binary.BigEndian.Uint16(p[8:]), GapTime: binary.BigEndian.Uint16(p[10:]),
		RoundTrip: binary.BigEndian.Uint16(p[12:]), EndDelay: binary.BigEndian.Uint16(p[14:]),
		Signal: int8(p[16]), Noise: int8(p[17]), Echo: p[18], Gmin: p[19],
		Factor: p[20], Outside: p[21], Listening: p[22], Conversation: p[23], Config: p[24],
		Nominal: binary.BigEndian.Uint16(p[26:]), Maximum: binary.BigEndian.Uint16(p[28:]), MaximumBuffer: binary.BigEndian.Uint16(p[30:]),
	}, true
}

// BeginXR appends the head of an extended report, to which blocks are appended next; EndXR writes its length in, when
// they are. Blocks come to less than 64 KiB.
func BeginXR(dst []byte, ssrc uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0x80, ExtendedReport, 0, 0), ssrc)
}

// EndXR ends the report that begins at octet begin of dst. One without blocks is taken out again.
func EndXR(dst []byte, begin int) []byte {
	if len(dst)-begin <= 8 {
		return dst[:begin]
	}
	binary.BigEndian.PutUint16(dst[begin+2:], uint16((len(dst)-begin)/4-1))
	return dst
}

func block(dst []byte, kind, specific uint8, words uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, kind, specific), words)
}

// AppendReference appends our clock, in NTP's format.
func AppendReference(dst []byte, ntp uint64) []byte {
	return binary.BigEndian.AppendUint64(block(dst, ReferenceTime, 0, 2), ntp)
}

// AppendSince appends the answer to a peer's clock.
func AppendSince(dst []byte, s Since) []byte {
	dst = binary.BigEndian.AppendUint32(block(dst, DelaySince, 0, 3), s.SSRC)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, s.Last), s.Delay)
}

// AppendSummary appends a statistics summary of losses, duplicates and jitter.
func AppendSummary(dst []byte, s Summary) []byte {
	dst = binary.BigEndian.AppendUint32(block(dst, StatisticsSummary, hasLoss|hasDuplicates|hasJitter, 9), s.SSRC)
	dst = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(dst, s.Begin), s.End)
	for _, n := range [...]uint32{s.Lost, s.Duplicates, s.Least, s.Most, s.Mean, s.Deviation, 0} {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	return dst
}

// AppendVoIP appends a VoIP metrics report.
func AppendVoIP(dst []byte, v VoIP) []byte {
	dst = binary.BigEndian.AppendUint32(block(dst, VoIPMetrics, 0, 8), v.SSRC)
	dst = append(dst, v.Loss, v.Discarded, v.BurstDensity, v.GapDensity)
	for _, n := range [...]uint16{v.BurstTime, v.GapTime, v.RoundTrip, v.EndDelay} {
		dst = binary.BigEndian.AppendUint16(dst, n)
	}
	dst = append(dst, uint8(v.Signal), uint8(v.Noise), v.Echo, v.Gmin, v.Factor, v.Outside, v.Listening, v.Conversation, v.Config, 0)
	for _, n := range [...]uint16{v.Nominal, v.Maximum, v.MaximumBuffer} {
		dst = binary.BigEndian.AppendUint16(dst, n)
	}
	return dst
}
