package session

import (
	"fmt"
	"net/netip"
	"time"

	"santral/media"
	"santral/media/dtmf"
	"santral/media/rtp"
	"santral/media/sdp"
)

// State is a session written out: it can be kept as JSON and read back by Thaw, in this process or
// another that has the same ports.
type State struct {
	Peer    netip.Addr    `json:"peer"`
	Profile Profile       `json:"profile"`
	Like    netip.Addr    `json:"like"`
	ID      uint64        `json:"id"`
	Version uint64        `json:"version"`
	Body    uint64        `json:"body"`
	Dir     sdp.Direction `json:"dir"`
	Lines   []LineState   `json:"lines"`
	Chosen  *sdp.Chosen   `json:"chosen,omitempty"`
	Carries bool          `json:"carries,omitempty"` // a fax or a modem
	Voice   *VoiceState   `json:"voice,omitempty"`
	Hearing *dtmf.Hearing `json:"hearing,omitempty"`
	Speaker uint32        `json:"speaker,omitempty"` // source number that Hearing belongs to
}

// LineState is one media line written out.
type LineState struct {
	Kind    string           `json:"kind"`
	Proto   string           `json:"proto"`
	Stream  *rtp.StreamState `json:"stream,omitempty"`
	Path    *PathState       `json:"path,omitempty"`
	Said    bool             `json:"said"`
	Refused bool             `json:"refused"`
	Dir     sdp.Direction    `json:"dir"`
	Held    bool             `json:"held"`
	Terms   rtp.Terms        `json:"terms"`
	Remote  []media.Format   `json:"remote"`
	Local   []media.Format   `json:"local"`
	Agreed  []media.Format   `json:"agreed"`
	Mux     bool             `json:"mux"`
	Ptime   int              `json:"ptime"`
	Wish    int              `json:"wish"`
	Longest int              `json:"longest"`
	Meter   meter            `json:"meter"`
	T38     *t38             `json:"t38,omitempty"`
	Fax     *FaxState        `json:"fax,omitempty"`
	Wire    wire             `json:"wire"`
	Keys    *secrets         `json:"keys,omitempty"`
	Spoken  string           `json:"spoken"`
	MID     string           `json:"mid,omitempty"`
	Past    []media.Format   `json:"past"`
}

// VoiceState is where our own stream stands.
type VoiceState struct {
	SSRC      uint32     `json:"ssrc"`
	Timestamp uint32     `json:"timestamp"`
	Seq       uint16     `json:"seq"`
	Packets   uint32     `json:"packets"`
	Octets    uint32     `json:"octets"`
	Name      string     `json:"name"`
	Rate      int        `json:"rate"`           // clock of Timestamp
	Keys      []KeyState `json:"keys,omitempty"` // that wait to be sent
}

// KeyState is a key on its way to the peer.
type KeyState struct {
	Key  byte          `json:"key"`
	Long time.Duration `json:"long"`
}

// Freeze writes the session out without changing it. What is joined or attached is not part of it.
func (s *Session) Freeze() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{Peer: s.peer, Profile: s.profile, Like: s.like, ID: s.id, Version: s.version, Body: s.body, Dir: s.dir, Carries: s.carries}
	if s.chooseLocked() {
		c := *s.chosen
		st.Chosen = &c
	}
	for i, l := range s.lines {
		ls := LineState{
			Kind: l.kind, Proto: l.proto, Said: l.said, Refused: l.refused, Dir: l.dir, Held: l.held, Terms: l.terms,
			Remote: l.remote, Local: l.local, Agreed: l.agreed, Mux: l.localMux, Ptime: int(l.ptime), Wish: int(l.wish), Longest: int(l.longest),
			T38: l.t38, Fax: l.fax.freeze(), Wire: l.wire, Keys: l.keys.clone(), Spoken: l.spoken, MID: l.mid, Past: l.past,
		}
		if l.stream != nil {
			stream := l.stream.Freeze()
			ls.Stream = &stream
			ls.Path = s.freezePathLocked(i)
			l.stream.Locked(func() { ls.Meter = l.meter.clone() })
		} else {
			ls.Meter = l.meter.clone()
		}
		st.Lines = append(st.Lines, ls)
	}
	if v := s.voice; v != nil {
		v.mu.Lock()
		st.Voice = &VoiceState{SSRC: v.ssrc, Timestamp: v.timestamp, Seq: v.seq, Packets: v.packets, Octets: v.octets, Name: v.name, Rate: v.rate}
		waiting := v.keys.list
		if v.keys.began { // the peer has heard of it
			waiting = waiting[1:]
		}
		for _, k := range waiting {
			st.Voice.Keys = append(st.Voice.Keys, KeyState{k.key, k.long})
		}
		v.mu.Unlock()
	}
	if e := s.ears; e != nil {
		e.mu.Lock()
		hearing := e.hearing
		st.Hearing, st.Speaker = &hearing, e.ssrc
		e.mu.Unlock()
	}
	return st
}

// saidSince is how many packets of our own whoever wrote a session out may have sent since. They are left out where
// packets are encrypted: two of one number must not share a key stream (RFC 3711 §9.1).
const saidSince = 16

// Thaw makes the session that Freeze wrote out, on the same ports of cfg.Pool: latches, counts,
// descriptions' versions and our own stream's numbers go on. Joins are not kept (join again), nor are
// the functions given to OnDigit and OnDead. It fails when a port is taken.
func Thaw(cfg *Config, st State) (*Session, error) {
	s := &Session{cfg: cfg, peer: st.Peer, profile: st.Profile, like: st.Like, id: st.ID, version: st.Version, body: st.Body, dir: st.Dir, carries: st.Carries}
	if st.Chosen != nil {
		c := *st.Chosen
		s.chosen = &c
	}
	secured := false
	for i, ls := range st.Lines {
		l := &line{
			kind: ls.Kind, proto: ls.Proto, said: ls.Said, refused: ls.Refused, dir: ls.Dir, held: ls.Held, terms: ls.Terms,
			remote: ls.Remote, local: ls.Local, agreed: ls.Agreed, localMux: ls.Mux, ptime: uint16(ls.Ptime), wish: uint16(ls.Wish), longest: uint16(ls.Longest), meter: ls.Meter.clone(),
			t38: ls.T38, fax: thawFax(ls.Fax), wire: ls.Wire, keys: ls.Keys.clone(), spoken: ls.Spoken, mid: ls.MID, past: ls.Past,
		}
		if ls.Stream != nil && ls.Stream.Secured { // the machines come with the stream
			k := l.secrets()
			k.in, k.out, _ = k.agreed()
		}
		s.lines = append(s.lines, l)
		if ls.Stream == nil {
			continue
		}
		if err := s.thawStream(l, i, *ls.Stream, ls.Path); err != nil {
			s.Close()
			return nil, fmt.Errorf("thaw media: %w", err)
		}
		l.meter.learn(l.remote, l.local)
		l.stream.SetMeter(&l.meter)
		s.heed(l)
		secured = secured || ls.Stream.Secured
	}
	if v := st.Voice; v != nil {
		s.voice = &voice{
			pool: cfg.Pool, random: cfg.Random, name: v.Name, rate: v.Rate,
			ssrc: v.SSRC, timestamp: v.Timestamp, seq: v.Seq, packets: v.Packets, octets: v.Octets,
		}
		if secured {
			s.voice.seq += saidSince
		}
		for _, k := range v.Keys {
			s.voice.keys.list = append(s.voice.keys.list, key{k.Key, k.Long})
		}
	}
	if st.Hearing != nil {
		s.ears = &ears{f: func(Digit) {}, hearing: *st.Hearing, ssrc: st.Speaker}
	}
	s.ears.await()
	s.mu.Lock()
	s.applyModeLocked()
	s.mu.Unlock()
	return s, nil
}
