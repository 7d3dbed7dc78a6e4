package session

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/udptl"
)

// A fax whose pages travel as data (ITU-T T.38) is not only passed on: what is lost between a peer and us
// is mended here and sent on whole, with redundancy for the way that lies before it.

// t38 is what a peer says of the datagrams that it takes (ITU-T T.38 Annex D.2.3).
type t38 struct {
	Repair      udptl.Repair `json:"repair"`
	MaxDatagram int          `json:"max_datagram,omitempty"`
}

// t38Of reads the attributes of an image line. Their names are written in many ways.
func t38Of(m *sdp.Media) (t t38) {
	for _, a := range m.Attrs {
		switch {
		case strings.EqualFold(a.Name, "T38FaxUdpEC"):
			switch {
			case strings.EqualFold(a.Value, "t38UDPNoEC"):
				t.Repair = udptl.NoRepair
			case strings.EqualFold(a.Value, "t38UDPFEC"):
				t.Repair = udptl.Parity
			}
		case strings.EqualFold(a.Name, "T38FaxMaxDatagram"):
			if n, err := strconv.Atoi(strings.TrimSpace(a.Value)); err == nil && n > 0 {
				t.MaxDatagram = min(n, udptl.MaxPacket)
			}
		}
	}
	return t
}

// A fax at 33.6 kbit/s, each packet with three before it, needs 17,000 octets a second in 34 datagrams.
const (
	faxPackets = 100
	faxOctets  = 20_000
)

// isT38 reports a line of a fax.
func isT38(kind, proto string) bool { return kind == "image" && strings.EqualFold(proto, "udptl") }

// fax is the way of a peer's datagrams to another peer. It is called on a reader and by its timer.
type fax struct {
	mu    sync.Mutex // a leaf but for what Send of a stream does
	in    udptl.Receiver
	out   udptl.Sender
	to    *rtp.Stream
	seq   uint16        // of the last that was sent
	b     []byte        // the last that was sent
	at    time.Duration // when
	again int           // how often it is still to be said again
	birth time.Time
	timer *time.Timer // while something waits
	give  func(udptl.Next)
}

// The last datagram before a pause has none behind it that could bring it again, and most often it says
// something that the other machine waits for. So it is sent again, as machines do that know of it.
const (
	pause     = 50 * time.Millisecond // longer than from one packet of a page to the next
	saidAgain = 2
)

func newFax() *fax {
	f := &fax{seq: 0xffff, birth: time.Now()}
	f.give = f.sendLocked
	return f
}

// Packet takes a datagram of the peer's.
func (f *fax) Packet(p []byte, _ rtp.Header) {
	f.mu.Lock()
	f.in.Take(p, time.Since(f.birth), f.give)
	f.awaitLocked()
	f.mu.Unlock()
}

func (f *fax) sendLocked(n udptl.Next) {
	f.seq += uint16(n.Skipped) + 1
	f.b = f.out.Append(f.b[:0], f.seq, n.IFP)
	f.at, f.again = time.Since(f.birth), saidAgain
	if f.to != nil {
		f.to.Send(f.b)
	}
}

// awaitLocked has what waits go when its time has come.
func (f *fax) awaitLocked() {
	at, ok := f.in.Wait()
	if f.again > 0 && (!ok || f.at+pause < at) {
		at, ok = f.at+pause, true
	}
	if !ok || f.to == nil {
		return
	}
	left := at - time.Since(f.birth)
	if f.timer == nil {
		f.timer = time.AfterFunc(left, f.overdue)
	} else {
		f.timer.Reset(left)
	}
}

func (f *fax) overdue() {
	f.mu.Lock()
	now := time.Since(f.birth)
	f.in.Overdue(now, f.give)
	if f.again > 0 && now >= f.at+pause && f.to != nil {
		f.to.Send(f.b)
		f.at, f.again = now, f.again-1
	}
	f.awaitLocked()
	f.mu.Unlock()
}

// aim makes to's peer the one that gets the datagrams, in the way that it takes them.
func (f *fax) aim(to *rtp.Stream, t t38) {
	f.mu.Lock()
	f.to, f.out.Repair, f.out.MaxDatagram = to, t.Repair, t.MaxDatagram
	f.mu.Unlock()
}

// end stops it; what it counted stays. A nil fax has nothing to stop.
func (f *fax) end() {
	if f == nil {
		return
	}
	f.mu.Lock()
	if f.to = nil; f.timer != nil {
		f.timer.Stop()
	}
	f.mu.Unlock()
}

func (f *fax) counts() udptl.Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.in.Counts
}

// qualityOf is what is known of the fax, in the place of what is known of sound; q is unchanged where there was none.
func (f *fax) qualityOf(q media.Quality) media.Quality {
	if f == nil {
		return q
	}
	c := f.counts()
	if c.Packets == 0 {
		return q
	}
	return media.Quality{Format: "t38", Packets: c.Packets, Octets: c.Octets, Lost: c.Lost, Late: c.Doubled, Sent: q.Sent}
}

// FaxState is where the fax of a line stands.
type FaxState struct {
	Due    uint16       `json:"due"` // the peer's number that is next
	Seq    uint16       `json:"seq"` // ours of the last one
	Counts udptl.Counts `json:"counts"`
}

func (f *fax) freeze() *FaxState {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	due, ok := f.in.Due()
	if !ok {
		return nil
	}
	return &FaxState{Due: due, Seq: f.seq, Counts: f.in.Counts}
}

func thawFax(st *FaxState) *fax {
	if st == nil {
		return nil
	}
	f := newFax()
	f.in.Resume(st.Due, st.Counts)
	f.seq = st.Seq
	return f
}

// faxes has two image lines mend what they pass to each other; false where they are none.
func (j *joint) faxes(i int, x, y *rtp.Stream) bool {
	if x == nil || y == nil {
		return false
	}
	a, ofA := j.a.faxOf(i, x)
	b, ofB := j.b.faxOf(i, y)
	if a == nil || b == nil {
		return false
	}
	a.aim(y, ofB)
	b.aim(x, ofA)
	x.Deliver(a)
	y.Deliver(b)
	return true
}

// faxOf gives the fax of a line that has this stream, made when it is new; nil when the line is none of a fax.
func (s *Session) faxOf(i int, stream *rtp.Stream) (*fax, t38) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.lines) {
		return nil, t38{}
	}
	l := s.lines[i]
	if l.stream != stream || !l.said || l.refused || !l.terms.Raw || !isT38(l.kind, l.proto) {
		return nil, t38{}
	}
	if l.fax == nil || l.faxOver { // each fax begins its numbers anew
		f := newFax()
		if l.fax != nil {
			f.in.Counts = l.fax.counts()
		}
		l.fax, l.faxOver = f, false
	}
	if l.t38 == nil {
		return l.fax, t38{}
	}
	return l.fax, *l.t38
}

// hearFax takes what the peer's description says of a line, for a fax or against one.
func (l *line) hearFax(m *sdp.Media) {
	l.t38 = nil
	if isT38(m.Kind, m.Proto) {
		t := t38Of(m)
		l.t38 = &t
	}
	if l.t38 == nil || m.Rejected() {
		l.fax.end()
		l.faxOver = true
	}
}

// Through sound a fax needs what a voice does not: a delay that stays as it is, and every moment of silence.

// fixedDelay is that delay: most networks hold it, and no fax notices it.
const fixedDelay = 100 * time.Millisecond

// CarryFax has the sound of the session, and of the one that it is joined with, treated as that of a fax or a modem (ITU-T
// V.152): a fixed buffer, nothing stretched and no silence suppressed. It lasts until the session ends.
func (s *Session) CarryFax() {
	s.mu.Lock()
	j := s.joint
	s.mu.Unlock()
	if j == nil {
		s.carry()
		return
	}
	j.a.carry()
	j.b.carry()
	j.route()
}

func (s *Session) carry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !s.carries && s.profile.Fax != FaxRefuse {
		s.carries = true
		s.applyModeLocked()
	}
}

// fixedLocked is the delay of the buffer, 0 for one that adapts.
func (s *Session) fixedLocked() time.Duration {
	if s.carries {
		return fixedDelay
	}
	return 0
}

// optionsLocked are how our encoder is to behave now.
func (s *Session) optionsLocked() codec.Options {
	o := s.profile.options()
	o.DTX = o.DTX && !s.carries
	return o
}

// passesFaxLocked reports whether images can go to the peer: not where its packets need a handshake or a way that ICE finds, which
// fax machines know nothing of, nor where nothing may be in the clear.
func (s *Session) passesFaxLocked() bool {
	if s.profile.Web || s.profile.Secure == SecureRequired {
		return false
	}
	for _, l := range s.lines {
		if l.path != nil {
			return false
		}
	}
	return true
}

// RefusesFax reports whether a description offers nothing but a fax that the peer is not to send as data: it is to go
// on as sound, and nobody else need be asked.
func (s *Session) RefusesFax(d *sdp.Description) bool {
	if s.profile.Fax == FaxPass || d == nil {
		return false
	}
	return OnlyFax(d)
}

// OnlyFax reports whether the lines that a description has in use are those of a fax.
func OnlyFax(d *sdp.Description) bool {
	any := false
	for i := range d.Media {
		if m := &d.Media[i]; !m.Rejected() {
			if any = isT38(m.Kind, m.Proto); !any {
				return false
			}
		}
	}
	return any
}
