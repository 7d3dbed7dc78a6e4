package udptl

// Repair is how a peer wants its packets protected (ITU-T T.38 Annex D, T38FaxUdpEC).
type Repair uint8

// Ways of protecting.
const (
	Redundancy Repair = iota // earlier packets are sent again: t38UDPRedundancy, and what is meant when nothing is said
	NoRepair                 // t38UDPNoEC
	Parity                   // t38UDPFEC
)

// depth is how many earlier packets go along. Three outlast a burst of as many lost packets.
const depth = 3

// Sizes of a datagram.
const (
	usualDatagram = 400 // a peer that says nothing
	leastDatagram = 200 // a peer that names less means one IFP packet by it, as gateways do that say 72
)

// How a parity is laid: four of them, each over three packets. Up to four packets lost in a row come back.
const (
	sentParities = 4
	sentSpan     = 3
)

// Sender sends a stream of packets with redundancy. The zero value sends redundancy to a peer that takes
// 400 octets.
type Sender struct {
	Repair      Repair
	MaxDatagram int // that the peer takes, T38FaxMaxDatagram; 0 where it does not say

	sent [maxSpan]kept // by sequence number
}

// kept is a copy of a packet; the room of its octets is used again.
type kept struct {
	b    []byte
	seq  uint16
	have bool
}

func (k *kept) set(seq uint16, ifp []byte) {
	k.b = append(k.b[:0], ifp...)
	k.seq, k.have = seq, true
}

// of gives the packet of a number, nil when it is not kept.
func of(ring *[maxSpan]kept, seq uint16) []byte {
	if k := &ring[seq%maxSpan]; k.have && k.seq == seq {
		return k.b
	}
	return nil
}

// Append appends the datagram of a packet to dst. Numbers rise by one with each packet, or by more
// where some are missing.
func (s *Sender) Append(dst []byte, seq uint16, ifp []byte) []byte {
	most := s.MaxDatagram
	if most <= 0 {
		most = usualDatagram
	}
	most = min(max(most, leastDatagram), MaxPacket)
	p := Packet{Seq: seq, Primary: ifp}
	size := 4 + openSize(len(ifp))
	switch s.Repair {
	case Redundancy:
		for i := range uint16(depth) {
			e := of(&s.sent, seq-1-i)
			if size += openSize(len(e)); e == nil || size > most { // a row has no empty places
				break
			}
			p.Earlier[i], p.Count = e, int(i)+1
		}
	case Parity:
		dst = s.appendParity(dst, p, most)
		s.sent[seq%maxSpan].set(seq, ifp)
		return dst
	}
	dst = p.Append(dst)
	s.sent[seq%maxSpan].set(seq, ifp)
	return dst
}

// appendParity prints p with the parities that fit.
func (s *Sender) appendParity(dst []byte, p Packet, most int) []byte {
	var room [sentParities][MaxPacket]byte
	size := 6 + openSize(len(p.Primary))
	for m := range sentParities {
		n := 0
		for k := range sentSpan {
			for i, o := range of(&s.sent, p.Seq-sentParities+uint16(m)-uint16(k*sentParities)) {
				room[m][i] ^= o
				n = max(n, i+1)
			}
		}
		p.Parity[m] = room[m][:n]
		size += openSize(n)
	}
	if p.Parities, p.Span = sentParities, sentSpan; size > most {
		p.Parities, p.Span = 0, 0
	}
	return p.Append(dst)
}
