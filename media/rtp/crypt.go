package rtp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// Opener undoes what protects the packets of a peer (RFC 3711 §3.3, RFC 7714). Methods work in place: what
// they give shares p's memory, and what p held is lost when they fail. They are called under the stream's lock,
// and allocate nothing in the long run.
type Opener interface {
	Open(p []byte) ([]byte, error)        // a whole RTP packet
	OpenControl(p []byte) ([]byte, error) // a whole compound RTCP packet
}

// Sealer protects the packets that a peer is sent. Methods append to dst, which shares no memory with p, and
// give the longer slice. Calls follow one another.
type Sealer interface {
	Seal(dst, p []byte) ([]byte, error)
	SealControl(dst, p []byte) ([]byte, error)
}

// What an Opener finds wrong with a packet.
var (
	ErrForged = errors.New("the packet was not made with the key that was agreed on") // or was changed on the way
	ErrReplay = errors.New("the packet was seen before, or is too old to tell")       // RFC 3711 §3.3.2
)

// Heir is what an Opener or a Sealer may be besides: one that learns from the machine that it replaces. Inherit
// reports that before has the same key, and is to go on in its place.
type Heir interface {
	Inherit(before any) bool
}

// Freezer is what an Opener or a Sealer may be besides: one that can be written out. What it gives is a secret.
type Freezer interface {
	Freeze() CryptState
}

// Machines makes again what Freezers wrote out.
type Machines interface {
	Opener(CryptState) (Opener, error)
	Sealer(CryptState) (Sealer, error)
}

// ReplayWindow is how many packets back an Opener remembers which of them it has seen (RFC 3711 §3.3.2).
const ReplayWindow = 128

// CryptState is an Opener or a Sealer written out: plain data that can be kept as JSON, and a secret.
type CryptState struct {
	Suite   string        `json:"suite"` // its name in session descriptions (RFC 4568 §6.2)
	Tag     int           `json:"tag"`
	Master  []byte        `json:"master"` // key and salt
	MKI     []byte        `json:"mki,omitempty"`
	Sources []SourceState `json:"sources,omitempty"`
}

// SourceState is what is remembered of one source: the highest index of its packets, roll-over counter and sequence
// number together, and which of those below were seen; and the same of its SRTCP packets.
type SourceState struct {
	SSRC         uint32                    `json:"ssrc"`
	Begun        bool                      `json:"begun"`
	Top          uint64                    `json:"top"`
	Seen         [ReplayWindow / 64]uint64 `json:"seen"`
	ControlBegun bool                      `json:"control_begun"`
	ControlTop   uint64                    `json:"control_top"`
	ControlSeen  [ReplayWindow / 64]uint64 `json:"control_seen"`
}

// Shut opens nothing and seals nothing. A stream is secured with it while its keys are not known yet, so that
// nothing passes in the clear.
var Shut shut

type shut struct{}

func (shut) Open([]byte) ([]byte, error)               { return nil, errShut }
func (shut) OpenControl([]byte) ([]byte, error)        { return nil, errShut }
func (shut) Seal(dst, _ []byte) ([]byte, error)        { return dst, errShut }
func (shut) SealControl(dst, _ []byte) ([]byte, error) { return dst, errShut }

var errShut = errors.New("there is no key yet")

// How keys change.
const (
	overlap   = 2 * time.Second       // packets with the key before may still be on their way
	tryCost   = 20 * time.Millisecond // of a packet from elsewhere that does not open: fifty a second are tried …
	tryBurst  = time.Second           // … and these at once
	wrongRow  = 20                    // packets in a row that don't open …
	wrongTime = time.Second           // … in so long without one that does, are no accident
	doubled   = 5 * time.Millisecond  // a packet that comes twice within so long was doubled by the network
	wary      = 30 * time.Second      // after somebody has copied packets, how long a new source waits for silence
)

// opening is how a stream's packets are opened. It is under the stream's lock.
type opening struct {
	in, before Opener // in: nil for packets in the clear; before: until the last change of keys
	until      int64  // before is tried so long …
	used       bool   // … and until in has opened a packet: who offers another key uses it only when that is answered
	copy       []byte // of a packet, while before may have to be tried
	due        int64  // when the bucket of tries from elsewhere will be empty
	row        int    // packets that did not open since one did
	good       int64  // when one did, or the key came
	told       bool   // of the wrong key
}

// sealing is how packets to the peer are sealed. Its lock is held while they are sealed, not while they are sent.
type sealing struct {
	out Sealer
	mu  sync.Mutex
}

// room for a packet that is sealed; a longer one costs an allocation.
const sealRoom = 2048

// rooms are buffers for packets that are sealed.
var rooms = sync.Pool{New: func() any { b := make([]byte, 0, sealRoom); return &b }}

// Secure has packets from the peer opened by in and those to it sealed by out, from the next one on; nil for
// both is plain RTP, [Shut] for both lets nothing pass. What can't be opened is dropped, and counted by its
// verdict. A source whose packets open is the peer, wherever it is: its address is followed at once.
//
// It may be called again, with other machines when keys change: then packets with the key before are still opened
// for two seconds, and until one with the new key has come. Machines that are a [Heir] of the same key change nothing, so that a later description which
// says the same again does no harm.
func (s *Stream) Secure(in Opener, out Sealer) {
	s = s.carrier()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.pool.now()
	if in != nil && s.opening == nil {
		s.opening = new(opening)
	}
	o := s.opening
	switch { // of two that it may inherit from, the later one counts
	case in == nil:
		if o.opens() { // the same keys may come back
			o.in, o.before, o.until = nil, o.in, 0
		}
	case inherits(in, o.before):
		o.in, o.before = o.before, o.in
		o.changed(now)
	case inherits(in, o.in):
	default:
		if o.in != nil {
			o.before = o.in
		}
		o.in = in
		o.changed(now)
	}
	was := s.sealing.Load()
	switch {
	case out == nil:
		if was != nil { // the same keys may come back
			s.sealing.Store(nil)
			s.sealed = was
		}
	case s.sealed.goesOn(out):
		s.sealing.Store(s.sealed)
		s.sealed = was
	case was.goesOn(out):
	default:
		s.sealing.Store(&sealing{out: out})
		if was != nil {
			s.sealed = was
		}
	}
}

// goesOn reports whether l goes on in place of out. A nil l does not.
func (l *sealing) goesOn(out Sealer) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return inherits(out, l.out)
}

// opens reports whether packets are opened at all.
func (o *opening) opens() bool { return o != nil && o.in != nil }

func (o *opening) changed(now int64) {
	o.until, o.used, o.row, o.good, o.told = now+int64(overlap), false, 0, now, false
}

// inherits reports whether before goes on in place of m.
func inherits(m, before any) bool {
	if m == before {
		return true
	}
	h, ok := m.(Heir)
	return ok && before != nil && h.Inherit(before)
}

// open opens a packet of the peer's.
func (o *opening) open(b []byte, control bool, now int64) (out []byte, err error) {
	again := o.before != nil && (now < o.until || !o.used)
	if again {
		o.copy = append(o.copy[:0], b...)
	}
	out, err = openBy(o.in, b, control)
	o.used = o.used || err == nil
	if err != nil && again {
		b = b[:copy(b, o.copy)]
		var late error
		if out, late = openBy(o.before, b, control); late == nil {
			err = nil
		}
	}
	return out, err
}

func openBy(m Opener, b []byte, control bool) ([]byte, error) {
	if control {
		return m.OpenControl(b)
	}
	return m.Open(b)
}

// openLocked is Rule.Step for a stream that is secured: a packet passes, and teaches where the peer is, only when it
// opens. The alarm is to be told when no lock is held.
func (s *Stream) openLocked(r *Rule, b []byte, src Addr, now int64) (out []byte, v Verdict, a Alarm) {
	defer func() { r.Counts[v]++ }()
	if r.Opened == 0 {
		return nil, Unarmed, NoAlarm
	}
	kind := Classify(b)
	if kind != r.Carries && (kind != RTCP || !r.Mux) {
		return nil, Malformed, NoAlarm
	}
	o := s.opening
	pinned := src == r.Source && r.Rank != NoRank
	if !pinned && (r.barred(src, now) || o.due-now > int64(tryBurst)) {
		return nil, Stranger, NoAlarm
	}
	out, err := o.open(b, kind == RTCP, now)
	switch {
	case err == nil:
	case errors.Is(err, errShut):
		return nil, Unarmed, NoAlarm
	default:
		if !pinned {
			o.due = max(o.due, now) + int64(tryCost)
		}
		if errors.Is(err, ErrReplay) {
			if r.outrun(b, src, now) {
				s.aimLocked()
			}
			return nil, Replayed, NoAlarm
		}
		if rank := r.rank(src); rank < Near && !pinned {
			return nil, Stranger, NoAlarm
		}
		o.row++
		if o.row >= wrongRow && now-o.good >= int64(wrongTime) && !o.told {
			o.told, a = true, WrongKey
		}
		return nil, Forged, a
	}
	o.row, o.good, o.told = 0, now, false
	if kind == RTCP && !ValidControl(out) {
		return nil, Malformed, NoAlarm
	}
	v = r.prove(out, src, now, kind == RTP)
	return out, v, NoAlarm
}

// prove takes a packet that opened: its source is the peer. A late packet from where the peer was before does not
// turn back who has moved on.
func (r *Rule) prove(p []byte, src Addr, now int64, sound bool) Verdict {
	late := false
	if sound {
		ssrc, seq := binary.BigEndian.Uint32(p[8:]), binary.BigEndian.Uint16(p[2:])
		late = ssrc == r.SSRC && int16(seq-r.Seq) <= 0 && r.Rank != NoRank
		if !late {
			r.SSRC, r.Seq = ssrc, seq
		}
	}
	v := Passed
	if r.Rank == NoRank || src != r.Source && !late && (sound || r.Carries == RTCP) && !r.copied(now) {
		r.move(src)
		v = Learned
	}
	if r.Heard = now; src == r.Source {
		r.Itself = now
	}
	if !r.guard(p, now) {
		return TooFast
	}
	return v
}

// move makes src, which has proved to be the peer, the source.
func (r *Rule) move(src Addr) {
	r.Prior = Addr{}
	if r.Rank != NoRank {
		r.Prior = r.Source
	}
	r.Source = src
	if r.Rank = Proven; src == r.Signalled {
		r.Rank = Signalled
	}
}

// outrun takes a packet that was seen before. When it is the very last one, from the peer or from where the peer was
// until that packet came from elsewhere, somebody on the way has sent a copy of it that was faster: the peer is where
// it was, and who comes with its packets is believed only when it is silent there. It reports a change of the source.
func (r *Rule) outrun(p []byte, src Addr, now int64) bool {
	if r.Carries != RTP || r.Rank == NoRank || src != r.Prior && src != r.Source || Classify(p) != RTP ||
		binary.BigEndian.Uint32(p[8:]) != r.SSRC || binary.BigEndian.Uint16(p[2:]) != r.Seq {
		return false
	}
	back := src != r.Source
	if !back && now-r.Itself < int64(doubled) {
		return false // the network has doubled it
	}
	if back {
		r.move(src)
		r.Prior = Addr{}
	}
	r.Itself, r.Copied = now, now
	return back
}

// copied reports whether packets from elsewhere than the source may be copies of its own.
func (r *Rule) copied(now int64) bool {
	return r.Copied != 0 && now-r.Copied < int64(wary) && now-r.Itself < int64(nearSoon)
}

// Prove says that the peer has shown in another way, by a handshake or by a check of connectivity, that it is at
// this address: packets from there are welcome, and packets for the peer go there.
func (s *Stream) Prove(at netip.AddrPort) {
	s = s.carrier()
	s.mu.Lock()
	if s.rtp.Opened != 0 {
		s.rtp.move(AddrFrom(at))
		s.rtp.Heard = s.pool.now()
		s.nearControl()
		s.aimLocked()
	}
	s.mu.Unlock()
}

// freezeCrypt writes machines out; nil for those that can't be.
func freezeCrypt(m any) *CryptState {
	f, ok := m.(Freezer)
	if !ok {
		return nil
	}
	st := f.Freeze()
	return &st
}
