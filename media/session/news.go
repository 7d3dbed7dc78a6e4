package session

import "net/netip"

// News is what a session tells of its streams besides digits. Which fields hold depends on Kind.
type News struct {
	Kind NewsKind
	Line int            // index of the media line
	Addr netip.AddrPort // OneWay: where our packets for the peer went
	Text string         // Candidates: a fragment for the peer (RFC 8840 §4); otherwise what a person would want to know besides, "" for nothing
}

// NewsKind says what there is to tell.
type NewsKind uint8

// What a session can tell. Each is told once when it begins.
const (
	UnknownNews  NewsKind = iota
	Dead                  // nothing came for DeadAfter, while the peer is to send
	OneWay                // packets go to the peer and none come, though it is to send
	TwoWay                // after OneWay: they come now
	WrongKey              // the peer's packets don't open by the key that was agreed on
	Flood                 // the peer sends several times as much as was negotiated; what is above that is dropped
	FaxCalling            // the calling tone of a fax (CNG, ITU-T T.30 §4.1)
	FaxAnswering          // the answering tone of a fax or a modem (CED, ITU-T V.25)
	PathLost              // the transport that ICE found no longer carries; a restart is due (RFC 8445 §2.4)
	PathFound             // ICE found a transport, the first or another
	Candidates            // more candidates for the peer (RFC 8838)
	KeyFrame              // the peer is to send a whole picture and takes no feedback: it must be asked in signalling (RFC 5168)
)

// String names the kind for records and logs.
func (k NewsKind) String() string {
	return [...]string{"unknown", "dead", "one way", "two way", "wrong key", "flood", "fax calling", "fax answering", "path lost", "path found", "candidates", "key frame"}[k]
}

// OnNews has f told of what happens to the streams. f is called on media loops, timers and other
// goroutines, one at a time, and must not block, nor call the session; nil ends it.
func (s *Session) OnNews(f func(News)) {
	s.mu.Lock()
	s.onNews = f
	s.mu.Unlock()
}

// tell tells of news. No lock of the session is held then.
func (s *Session) tell(n News) {
	s.mu.Lock()
	f := s.onNews
	s.mu.Unlock()
	if f == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	f(n)
}
