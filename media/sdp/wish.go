package sdp

import (
	"strings"

	"santral/media"
)

// Wish is how the peer of one leg is to be spoken with: what of the other side's description it is offered, what is
// added to that, and what of its own offer is taken. It says nothing of addresses, ports and keys.
type Wish struct {
	// Codecs are the encodings that may be spoken, best first, by name. nil is whatever the other side has, in its
	// order, and G.711 as a fall-back.
	Codecs []string
	// Speak are the encodings of sound that can be made out of one another here, best first, with the payload
	// numbers and parameters of our own offers.
	Speak []media.Format

	Ptime    int  // milliseconds of sound in a packet that we ask for; 0 for the other side's wish
	NoEvents bool // keys do not travel as telephone events
	Noise    bool // comfort noise is offered and taken (RFC 3389)
	Red      bool // redundant sound is offered and taken (RFC 2198)
	Lossy    bool // a bad link: Opus comes first, slowly and with forward error correction (RFC 7587 §6.1)
	NoVideo  bool // pictures are refused
	NoFax    bool // T.38 is refused
	Browser  bool // the peer is a browser: it gets header extensions, feedback and what else only browsers know

	// Of offers alone.
	Alone    bool   // nothing is added to the formats: they are ours already
	Proto    string // of lines of sound, "RTP/AVP"
	Pictures string // of other lines of RTP; "" is Proto
	Lines    []Past // what was said on each line before, in order

	// Of answers alone.
	Refused uint64 // the lines of the peer's offer that can't be had, a bit each: line 0 is bit 0
}

// Past is what we said to a peer on one line before.
type Past struct {
	Kind    string
	Last    string         // protocol of the line
	Proto   string         // of RTP, when the line had it; it stays as it was
	MID     string         // its identification tag, "" for none yet
	Formats []media.Format // each payload number that we gave a meaning, which it keeps (RFC 3264 §8.3.2)
}

// past gives what was said on line i.
func (w *Wish) past(i int) Past {
	if i < len(w.Lines) {
		return w.Lines[i]
	}
	return Past{}
}

// proto is the protocol of a line of RTP in an offer.
func (w *Wish) proto(i int, kind string) string {
	if p := w.past(i); p.Proto != "" {
		return p.Proto
	}
	if kind != "audio" && w.Pictures != "" {
		return w.Pictures
	}
	if w.Proto == "" {
		return "RTP/AVP"
	}
	return w.Proto
}

// refuses reports a line that the peer is not to have, whatever it carries.
func (w *Wish) refuses(m *Media) bool {
	return w.NoVideo && m.Kind == "video" || w.NoFax && m.Kind == "image" || !relayable(m.Proto) || w.Browser && !RTP(m.Proto)
}

// relayable reports whether the packets of a protocol can be passed on: RTP whatever protects it, since each leg
// has keys of its own, and plain datagrams. TCP is none of ours, nor is DTLS that carries anything else.
func relayable(proto string) bool {
	return RTP(proto) || strings.EqualFold(proto, "UDPTL") || strings.EqualFold(proto, "UDP") || strings.EqualFold(proto, "UDP/BFCP")
}

// RTP reports whether a protocol is RTP over UDP, in the clear or not (RFC 3551, RFC 4585, RFC 3711, RFC 5124, RFC 5764).
func RTP(proto string) bool {
	return strings.HasPrefix(proto, "RTP/") || strings.HasPrefix(proto, "UDP/TLS/RTP/")
}

// allows reports whether an encoding may be spoken at all.
func (w *Wish) allows(f *media.Format) bool { return w.Codecs == nil || named(w.Codecs, f.Name) }

func named(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// spoken finds the first of the encodings in list that can be made out of others here.
func (w *Wish) spoken(list []media.Format) bool {
	for i := range list {
		if w.speaks(&list[i]) {
			return true
		}
	}
	return false
}

func (w *Wish) speaks(f *media.Format) bool {
	for i := range w.Speak {
		if Same(w.Speak[i], *f) {
			return true
		}
	}
	return false
}

// IsRed reports redundant sound, which is no codec by itself (RFC 2198 §5).
func IsRed(f media.Format) bool { return isNamed(&f, "red") }

// isCodec reports an encoding of sound that stands by itself.
func isCodec(f *media.Format) bool { return !IsEvents(*f) && !IsNoise(*f) && !IsRed(*f) }

// isRepair reports formats of a line of pictures that only repair others (RFC 4588, RFC 5109, RFC 8627, RFC 2198).
func isRepair(f *media.Format) bool {
	return strings.EqualFold(f.Name, "rtx") || strings.EqualFold(f.Name, "red") || strings.EqualFold(f.Name, "ulpfec") || strings.EqualFold(f.Name, "flexfec-03")
}

// Restrict takes out of a description of the peer's what it may not have: codecs that are not allowed, lines that are
// refused. A line of sound without any allowed codec stays as it is, to be refused when it is answered.
func (w *Wish) Restrict(d *Description) {
	for i := range d.Media {
		m := &d.Media[i]
		switch {
		case m.Port == 0 && m.Rejected():
		case w.NoVideo && m.Kind == "video", w.NoFax && m.Kind == "image":
			mid, named := m.Attr("mid")
			m.Reject()
			if named {
				m.Attrs = []Attr{{Name: "mid", Value: mid}}
			}
		case m.Kind == "audio" && w.Codecs != nil && RTP(m.Proto):
			w.restrict(m)
		}
	}
}

func (w *Wish) restrict(m *Media) {
	list := m.FormatList()
	var drop set
	left := false
	for i := range list {
		switch f := &list[i]; {
		case !isCodec(f):
		case w.allows(f):
			left = true
		default:
			drop.add(f.Payload)
		}
	}
	if !left || drop == (set{}) {
		return
	}
	keep := make([]string, 0, len(m.Formats))
	for _, text := range m.Formats {
		if n, ok := payload(text); !ok || !drop.has(n) {
			keep = append(keep, text)
		}
	}
	m.Formats = keep
}

// Path reports attributes that speak of one path between two hosts, and are never passed from one leg to another:
// ICE (RFC 8839 §5), DTLS (RFC 8122 §5, RFC 4145 §4), keys (RFC 4568 §4), bundles (RFC 9143 §7), one port for RTP
// and RTCP (RFC 5761 §5), preconditions (RFC 3312 §4), whose reservations are each leg's own, and addresses.
func Path(name string) bool {
	switch name {
	case "candidate", "remote-candidates", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-options",
		"ice-lite", "ice-mismatch", "ice-pacing", "fingerprint", "setup", "tls-id", "connection", "identity",
		"crypto", "key-mgmt", "rtcp", "rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "bundle-only", "group", "mid",
		"msid-semantic", "curr", "des", "conf", "acap", "pcfg", "acfg", "tcap", "csup", "creq":
		return true
	}
	return false
}

// browsers reports attributes that only browsers understand.
func browsers(name string) bool {
	switch name {
	case "msid", "ssrc", "ssrc-group", "extmap", "extmap-allow-mixed", "rid", "simulcast", "rtcp-fb":
		return true
	}
	return false
}
