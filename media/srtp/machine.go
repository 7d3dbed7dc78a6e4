package srtp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	pionrtcp "github.com/pion/rtcp"
	pionrtp "github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"

	"santral/media/rtp"
)

const (
	controlHeader = 8         // octets of an RTCP packet that are never encrypted (RFC 3711 §3.4)
	lastControl   = 1<<31 - 1 // of SRTCP indices (RFC 3711 §3.4)
)

// profiles are the transforms of the suites.
var profiles = [suites]pion.ProtectionProfile{
	AES128GCM: pion.ProtectionProfileAeadAes128Gcm, AES256GCM: pion.ProtectionProfileAeadAes256Gcm,
	AES128CM80: pion.ProtectionProfileAes128CmHmacSha1_80, AES128CM32: pion.ProtectionProfileAes128CmHmacSha1_32,
	AES256CM80: pion.ProtectionProfileAes256CmHmacSha1_80, AES256CM32: pion.ProtectionProfileAes256CmHmacSha1_32,
}

// tags are the octets that a packet grows by, of RTP and of RTCP with its index, an MKI not counted.
var tags = [suites][2]int{{}, {16, 20}, {16, 20}, {10, 14}, {4, 14}, {10, 14}, {4, 14}}

// transform is the cipher of one key. The library does the arithmetic of packets; which index a packet has, and
// whether it may have it, is decided here: the library's memory of sources has no bound and can't be written out.
type transform struct {
	key    Key
	ctx    *pion.Context
	made   int // sources that ctx remembers
	most   int // of these, before ctx is made anew
	header pionrtp.Header
	report pionrtcp.Header
}

func newTransform(k Key, most int) (transform, error) {
	if k.Suite == UnknownSuite || k.Suite >= suites {
		return transform{}, errors.New("srtp: a key of no suite")
	}
	if key, salt := k.Suite.Sizes(); len(k.Master) != key+salt || len(k.MKI) > 128 {
		return transform{}, fmt.Errorf("srtp: the key does not fit the suite %s", k.Suite)
	}
	k.Master, k.MKI = slices.Clone(k.Master), slices.Clone(k.MKI)
	t := transform{key: k, most: most}
	return t, t.renew()
}

func (t *transform) renew() error {
	size, _ := t.key.Suite.Sizes()
	opts := []pion.ContextOption{pion.SRTPNoReplayProtection(), pion.SRTCPNoReplayProtection()}
	if len(t.key.MKI) > 0 {
		opts = append(opts, pion.MasterKeyIndicator(t.key.MKI))
	}
	ctx, err := pion.CreateContext(t.key.Master[:size], t.key.Master[size:], profiles[t.key.Suite], opts...)
	if err != nil {
		return fmt.Errorf("srtp: %w", err)
	}
	t.ctx, t.made = ctx, 0
	return nil
}

// at has the library take the next packet of a source for one of this roll-over counter. A source that it does
// not know has 0, and is not made known by a packet that may be forged.
func (t *transform) at(ssrc, roc uint32) {
	if _, known := t.ctx.ROC(ssrc); known || roc != 0 {
		if !known {
			t.made++
		}
		t.ctx.SetROC(ssrc, roc)
	}
}

// room keeps the library's memory of sources bounded. It remembers a new one after each authentic packet.
func (t *transform) room() error {
	if t.made++; t.made <= t.most {
		return nil
	}
	return t.renew()
}

// Opener undoes what the peer's packets are protected with. It implements rtp.Opener, and is used by one
// goroutine at a time.
type Opener struct {
	transform
	table   table
	before  []source // of the key before this one
	scratch []byte
}

// NewOpener makes the machine that opens the packets of a peer that seals with k.
func NewOpener(k Key) (*Opener, error) {
	t, err := newTransform(k, 4*opened)
	if err != nil {
		return nil, err
	}
	return &Opener{transform: t}, nil
}

// Key is the key that packets are opened with.
func (o *Opener) Key() Key { return o.key }

// Open opens an RTP packet in place (RFC 3711 §3.3). A packet that does not open is destroyed.
func (o *Opener) Open(p []byte) ([]byte, error) {
	if len(p) < rtp.HeaderSize+tags[o.key.Suite][0]+len(o.key.MKI) || p[0]>>6 != 2 {
		return nil, rtp.ErrForged
	}
	ssrc, seq := binary.BigEndian.Uint32(p[8:]), binary.BigEndian.Uint16(p[2:])
	if s := o.table.find(ssrc); s != nil && s.rtp.begun {
		index, ok := s.rtp.guess(seq)
		if !ok || !s.rtp.fresh(index) {
			return nil, rtp.ErrReplay
		}
		out, err := o.decrypt(p, ssrc, uint32(index>>16))
		if err != nil {
			return nil, err
		}
		s.rtp.mark(index)
		o.table.touch(s)
		return out, nil
	}
	return o.first(p, ssrc, seq)
}

// first opens the first packet of a source: its roll-over counter is 0 (RFC 3711 §3.3.1), or, of a source that
// was heard with the key before, where that stood.
func (o *Opener) first(p []byte, ssrc uint32, seq uint16) ([]byte, error) {
	for i := range o.before {
		if o.before[i].ssrc != ssrc || !o.before[i].rtp.begun {
			continue
		}
		if index, ok := o.before[i].rtp.guess(seq); ok && index>>16 != 0 {
			o.scratch = append(o.scratch[:0], p...)
			if out, err := o.decrypt(p, ssrc, uint32(index>>16)); err == nil {
				return out, o.remember(ssrc, index)
			}
			copy(p, o.scratch)
		}
	}
	out, err := o.decrypt(p, ssrc, 0)
	if err != nil {
		return nil, err
	}
	return out, o.remember(ssrc, uint64(seq))
}

func (o *Opener) remember(ssrc uint32, index uint64) error {
	s := o.table.find(ssrc)
	if s == nil {
		s = o.table.add(ssrc, opened)
	}
	s.rtp.mark(index)
	o.table.touch(s)
	return o.room()
}

func (o *Opener) decrypt(p []byte, ssrc, roc uint32) ([]byte, error) {
	o.at(ssrc, roc)
	out, err := o.ctx.DecryptRTP(p, p, &o.header)
	if err != nil {
		return nil, rtp.ErrForged
	}
	return out, nil
}

// OpenControl opens a compound RTCP packet in place (RFC 3711 §3.4). A packet that does not open is destroyed.
func (o *Opener) OpenControl(p []byte) ([]byte, error) {
	grown := tags[o.key.Suite][1] + len(o.key.MKI)
	if len(p) < controlHeader+grown || p[0]>>6 != 2 {
		return nil, rtp.ErrForged
	}
	at := len(p) - grown // the index stands before MKI and tag, or, with GCM, behind the tag
	if o.key.Suite == AES128GCM || o.key.Suite == AES256GCM {
		at += 16
	}
	index := uint64(binary.BigEndian.Uint32(p[at:]) & lastControl)
	ssrc := binary.BigEndian.Uint32(p[4:])
	s := o.table.find(ssrc)
	if s != nil && !s.control.fresh(index) {
		return nil, rtp.ErrReplay
	}
	out, err := o.ctx.DecryptRTCP(p, p, &o.report)
	if err != nil {
		return nil, rtp.ErrForged
	}
	if s == nil {
		s = o.table.add(ssrc, opened)
	}
	first := !s.control.begun
	s.control.mark(index)
	o.table.touch(s)
	if first {
		return out, o.room()
	}
	return out, nil
}

// Inherit is rtp.Heir: it reports whether before opens with the same key, and is to go on. Otherwise the new
// machine learns from it where the peer's roll-over counters stand.
func (o *Opener) Inherit(before any) bool {
	b, ok := before.(*Opener)
	switch {
	case !ok:
		return false
	case b == o || b.key.same(o.key):
		return true
	}
	o.before = slices.Clone(b.table.list)
	return false
}

// Freeze writes the machine out, its key in the clear: what it gives is a secret.
func (o *Opener) Freeze() rtp.CryptState { return o.key.freeze(&o.table) }

// Sealer protects the packets that the peer is sent. It implements rtp.Sealer, and is used by one goroutine at a
// time.
type Sealer struct {
	transform
	table  table
	before []source // of the key before this one
}

// NewSealer makes the machine that seals packets with k.
func NewSealer(k Key) (*Sealer, error) {
	t, err := newTransform(k, 2*sealed+1)
	if err != nil {
		return nil, err
	}
	return &Sealer{transform: t}, nil
}

// Key is the key that packets are sealed with.
func (s *Sealer) Key() Key { return s.key }

// Seal appends the sealed RTP packet to dst (RFC 3711 §3.3). It fails with rtp.ErrReplay when the packet's index
// was sealed before, and so when two packets would share a key stream (RFC 3711 §9.1).
func (s *Sealer) Seal(dst, p []byte) ([]byte, error) {
	if len(p) < rtp.HeaderSize || p[0]>>6 != 2 {
		return dst, errShort
	}
	ssrc, seq := binary.BigEndian.Uint32(p[8:]), binary.BigEndian.Uint16(p[2:])
	src, err := s.source(ssrc)
	if err != nil {
		return dst, err
	}
	index, ok := uint64(seq), true
	if src.rtp.begun || src.rtp.top != 0 {
		index, ok = src.rtp.guess(seq)
	}
	if !ok || !src.rtp.fresh(index) {
		return dst, rtp.ErrReplay
	}
	dst = slices.Grow(dst, len(p)+tags[s.key.Suite][0]+len(s.key.MKI))
	s.ctx.SetROC(ssrc, uint32(index>>16))
	out, err := s.ctx.EncryptRTP(dst[len(dst):], p, &s.header)
	if err != nil {
		return dst, fmt.Errorf("seal: %w", err)
	}
	src.rtp.mark(index)
	return dst[:len(dst)+len(out)], nil
}

// SealControl appends the sealed compound RTCP packet to dst (RFC 3711 §3.4).
func (s *Sealer) SealControl(dst, p []byte) ([]byte, error) {
	if len(p) < controlHeader || p[0]>>6 != 2 {
		return dst, errShort
	}
	ssrc := binary.BigEndian.Uint32(p[4:])
	src, err := s.source(ssrc)
	if err != nil {
		return dst, err
	}
	if src.control.top >= lastControl {
		return dst, errSpent
	}
	dst = slices.Grow(dst, len(p)+tags[s.key.Suite][1]+len(s.key.MKI))
	s.ctx.SetIndex(ssrc, uint32(src.control.top)) // the library adds one
	out, err := s.ctx.EncryptRTCP(dst[len(dst):], p, &s.report)
	if err != nil {
		return dst, fmt.Errorf("seal: %w", err)
	}
	src.control.begun = true
	src.control.top++
	return dst[:len(dst)+len(out)], nil
}

// source gives what is remembered of a source that we send. A new one goes on from the key before.
func (s *Sealer) source(ssrc uint32) (*source, error) {
	if src := s.table.find(ssrc); src != nil {
		return src, nil
	}
	if len(s.table.list) >= sealed {
		return nil, errSources
	}
	src := s.table.add(ssrc, sealed)
	for i := range s.before {
		if b := &s.before[i]; b.ssrc == ssrc {
			src.rtp.top, src.control.top = b.rtp.top, b.control.top
		}
	}
	return src, nil
}

// Inherit is rtp.Heir: it reports whether before seals with the same key, and is to go on, because a key's indices
// are used once. Otherwise roll-over counters and SRTCP indices go on from where it stands (RFC 3711 §3.3.1).
func (s *Sealer) Inherit(before any) bool {
	b, ok := before.(*Sealer)
	switch {
	case !ok:
		return false
	case b == s || b.key.same(s.key):
		return true
	}
	s.before = slices.Clone(b.table.list)
	return false
}

// Freeze writes the machine out, its key in the clear: what it gives is a secret.
func (s *Sealer) Freeze() rtp.CryptState { return s.key.freeze(&s.table) }
