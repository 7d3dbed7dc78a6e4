package sdp

import (
	"net/netip"
	"strconv"
	"strings"

	"santral/media"
)

// Media is one m= line with what belongs to it (RFC 8866 §5.14).
type Media struct {
	Kind    string // "audio", "video", "image", …
	Port    uint16 // 0 in a rejected line
	Ports   uint16 // number of port pairs when one was written, else 0
	Proto   string // "RTP/AVP", "udptl", …
	Formats []string
	Conn    Conn // the line's own c=; the zero value when the session's holds
	Lines   []Line
	Attrs   []Attr
}

// Direction is which way media flows, seen from the side that wrote the description
// (RFC 8866 §6.7).
type Direction uint8

// The four directions.
const (
	UnknownDirection Direction = iota
	SendRecv
	SendOnly
	RecvOnly
	Inactive
)

var directionNames = [...]string{"unknown", "sendrecv", "sendonly", "recvonly", "inactive"}

// String gives the attribute's name.
func (d Direction) String() string { return directionNames[d] }

// ParseDirection reads an attribute's name; others give UnknownDirection.
func ParseDirection(name string) Direction {
	for d := SendRecv; d <= Inactive; d++ {
		if name == directionNames[d] {
			return d
		}
	}
	return UnknownDirection
}

// Sends reports whether the writer sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the writer wants to receive.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same flow seen from the other side, which is also the answer that takes all that
// was offered (RFC 3264 §6.1).
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// And is the direction that both allow, each seen from the same side.
func (d Direction) And(e Direction) Direction {
	sends, receives := d.Sends() && e.Sends(), d.Receives() && e.Receives()
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

// Clone gives a deep copy.
func (m *Media) Clone() Media {
	c := *m
	c.Formats = append([]string(nil), m.Formats...)
	c.Lines = append([]Line(nil), m.Lines...)
	c.Attrs = append([]Attr(nil), m.Attrs...)
	return c
}

// Rejected reports a line that is refused or switched off: port 0 (RFC 3264 §6, §8.2), unless it
// shares the transport of another line (RFC 8843 §7.2.1).
func (m *Media) Rejected() bool {
	return m.Port == 0 && !m.Has("bundle-only")
}

// Reject makes the line a refused one: port 0, with its formats kept (RFC 3264 §6) and nothing else.
func (m *Media) Reject() {
	m.Port, m.Ports, m.Conn, m.Lines, m.Attrs = 0, 0, Conn{}, nil, nil
}

// RTP reports whether the line carries RTP, by its protocol.
func (m *Media) RTP() bool { return strings.Contains(m.Proto, "RTP/") }

// Attr gives the value of the line's first attribute of that name.
func (m *Media) Attr(name string) (value string, ok bool) { return find(m.Attrs, name) }

// Has reports whether the line has an attribute of that name.
func (m *Media) Has(name string) bool {
	_, ok := find(m.Attrs, name)
	return ok
}

// Addr is where the peer that wrote d wants the line's media: the line's own c= address or the
// session's, with the line's port. ok is false for a name and when there is no address at all. An
// unspecified address (the old hold, RFC 3264 §8.4) is given as it is.
func (m *Media) Addr(d *Description) (addr netip.AddrPort, ok bool) {
	c := m.Conn
	if c.IsZero() && d != nil {
		c = d.Conn
	}
	ip, ok := c.IP()
	if !ok {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip, m.Port), true
}

// Mux reports that RTP and RTCP share the port (RFC 5761 §5.1.1).
func (m *Media) Mux() bool { return m.Has("rtcp-mux") }

// RTCP is where the peer wants RTCP: the rtcp attribute (RFC 3605 §2.1), the RTP port itself when
// they are multiplexed, or the next port.
func (m *Media) RTCP(d *Description) (addr netip.AddrPort, ok bool) {
	rtp, ok := m.Addr(d)
	if !ok || m.Mux() {
		return rtp, ok
	}
	next := netip.AddrPortFrom(rtp.Addr(), rtp.Port()+1)
	value, found := m.Attr("rtcp")
	if !found {
		return next, rtp.Port() != 65535
	}
	text, rest := cutField(value)
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return next, rtp.Port() != 65535
	}
	ip := rtp.Addr()
	var c Conn
	c.Net, rest = cutField(rest)
	c.Type, rest = cutField(rest)
	c.Addr, _ = cutField(rest)
	if own, ok := c.IP(); ok {
		ip = own
	}
	return netip.AddrPortFrom(ip, uint16(port)), true
}

// Direction is the line's direction: its own attribute, else the session's, else sendrecv
// (RFC 8866 §6.7). d may be nil.
func (m *Media) Direction(d *Description) Direction {
	if dir := directionOf(m.Attrs); dir != UnknownDirection {
		return dir
	}
	if d != nil {
		if dir := directionOf(d.Attrs); dir != UnknownDirection {
			return dir
		}
	}
	return SendRecv
}

func directionOf(attrs []Attr) Direction {
	for i := range attrs {
		if dir := ParseDirection(attrs[i].Name); dir != UnknownDirection {
			return dir
		}
	}
	return UnknownDirection
}

// SetDirection states the line's direction, in the place of the one it had.
func (m *Media) SetDirection(dir Direction) {
	done := false
	keep := m.Attrs[:0:0]
	for _, a := range m.Attrs {
		if ParseDirection(a.Name) != UnknownDirection {
			if done {
				continue
			}
			done, a = true, Attr{Name: dir.String()}
		}
		keep = append(keep, a)
	}
	if !done {
		keep = append(keep, Attr{Name: dir.String()})
	}
	m.Attrs = keep
}

// Held reports that the peer that wrote d has put the line on hold, in any spelling: sendonly,
// inactive, or the unspecified address of old (RFC 3264 §8.4).
func (m *Media) Held(d *Description) bool {
	if !m.Direction(d).Receives() {
		return true
	}
	return m.Addressless(d)
}

// Addressless reports the unspecified address by which phones of old hold their peers (RFC 3264 §8.4). Where ICE is to
// find the address it means nothing yet (RFC 8839 §4.2.1.2).
func (m *Media) Addressless(d *Description) bool {
	addr, ok := m.Addr(d)
	if !ok || !addr.Addr().IsUnspecified() || m.Has("ice-ufrag") {
		return false
	}
	_, ice := d.Attr("ice-ufrag")
	return !ice
}

// Ptime is the packet time that the peer wants, in milliseconds; 0 when unsaid (RFC 8866 §6.4).
func (m *Media) Ptime() int {
	value, ok := m.Attr("ptime")
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// static is the table of payload types that need no rtpmap (RFC 3551 §6).
var static = [128]media.Format{
	0:  {Name: "PCMU", Payload: 0, Rate: 8000, Channels: 1},
	3:  {Name: "GSM", Payload: 3, Rate: 8000, Channels: 1},
	4:  {Name: "G723", Payload: 4, Rate: 8000, Channels: 1},
	5:  {Name: "DVI4", Payload: 5, Rate: 8000, Channels: 1},
	6:  {Name: "DVI4", Payload: 6, Rate: 16000, Channels: 1},
	7:  {Name: "LPC", Payload: 7, Rate: 8000, Channels: 1},
	8:  {Name: "PCMA", Payload: 8, Rate: 8000, Channels: 1},
	9:  {Name: "G722", Payload: 9, Rate: 8000, Channels: 1}, // RFC 3551 §4.5.2: the clock is 8000 Hz
	10: {Name: "L16", Payload: 10, Rate: 44100, Channels: 2},
	11: {Name: "L16", Payload: 11, Rate: 44100, Channels: 1},
	12: {Name: "QCELP", Payload: 12, Rate: 8000, Channels: 1},
	13: {Name: "CN", Payload: 13, Rate: 8000, Channels: 1},
	14: {Name: "MPA", Payload: 14, Rate: 90000, Channels: 1},
	15: {Name: "G728", Payload: 15, Rate: 8000, Channels: 1},
	16: {Name: "DVI4", Payload: 16, Rate: 11025, Channels: 1},
	17: {Name: "DVI4", Payload: 17, Rate: 22050, Channels: 1},
	18: {Name: "G729", Payload: 18, Rate: 8000, Channels: 1},
	25: {Name: "CelB", Payload: 25, Rate: 90000, Channels: 1},
	26: {Name: "JPEG", Payload: 26, Rate: 90000, Channels: 1},
	28: {Name: "nv", Payload: 28, Rate: 90000, Channels: 1},
	31: {Name: "H261", Payload: 31, Rate: 90000, Channels: 1},
	32: {Name: "MPV", Payload: 32, Rate: 90000, Channels: 1},
	33: {Name: "MP2T", Payload: 33, Rate: 90000, Channels: 1},
	34: {Name: "H263", Payload: 34, Rate: 90000, Channels: 1},
}

// FormatList gives the line's formats in the peer's order of preference, from rtpmap and fmtp or
// the static table. A format that is not a payload type, or that nothing explains, is left out.
func (m *Media) FormatList() []media.Format {
	if !m.RTP() {
		return nil
	}
	return m.appendFormats(make([]media.Format, 0, len(m.Formats)))
}

// formatRoom is room for the formats of an everyday line, and scanMost how many are looked for one by one among the
// attributes: with more of them a table is cheaper.
const (
	formatRoom = 8
	scanMost   = 12
)

// AppendFormats is FormatList into memory of the caller's.
func (m *Media) AppendFormats(dst []media.Format) []media.Format {
	if !m.RTP() {
		return dst
	}
	return m.appendFormats(dst)
}

func (m *Media) appendFormats(dst []media.Format) []media.Format {
	if len(m.Formats) > scanMost {
		return m.appendMany(dst)
	}
	var seen set
	for _, text := range m.Formats {
		pt, ok := payload(text)
		if !ok || seen.has(pt) {
			continue
		}
		seen.add(pt)
		name, params := m.explain(pt)
		dst = appendFormat(dst, pt, name, params)
	}
	return dst
}

// explain gives what the attributes say of a payload type, the first of each kind that says anything.
func (m *Media) explain(pt uint8) (name, params string) {
	for i := range m.Attrs {
		a := &m.Attrs[i]
		into := &name
		switch a.Name {
		case "rtpmap":
		case "fmtp":
			into = &params
		default:
			continue
		}
		if *into != "" {
			continue
		}
		text, rest := cutField(a.Value)
		if n, ok := payload(text); ok && n == pt {
			*into = strings.Trim(rest, " ")
		}
	}
	return name, params
}

func (m *Media) appendMany(dst []media.Format) []media.Format {
	var maps, params [128]string // the first of each payload type holds
	for i := range m.Attrs {
		a := &m.Attrs[i]
		into := &maps
		switch a.Name {
		case "rtpmap":
		case "fmtp":
			into = &params
		default:
			continue
		}
		text, rest := cutField(a.Value)
		if pt, ok := payload(text); ok && into[pt] == "" {
			into[pt] = strings.Trim(rest, " ")
		}
	}
	var seen set
	for _, text := range m.Formats {
		if pt, ok := payload(text); ok && !seen.has(pt) {
			seen.add(pt)
			dst = appendFormat(dst, pt, maps[pt], params[pt])
		}
	}
	return dst
}

// appendFormat appends a format by what is said of it; one that nothing explains is left out.
func appendFormat(dst []media.Format, pt uint8, name, params string) []media.Format {
	f, ok := rtpmap(name)
	if !ok {
		f = static[pt]
	}
	if f.Name == "" {
		return dst
	}
	f.Payload, f.Params = pt, params
	return append(dst, f)
}

func payload(text string) (uint8, bool) {
	if len(text) == 0 || len(text) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = n*10 + int(text[i]-'0')
	}
	return uint8(n), n < 128
}

// rtpmap reads "PCMA/8000" or "opus/48000/2" (RFC 8866 §6.6).
func rtpmap(text string) (media.Format, bool) {
	name, rest, ok := strings.Cut(text, "/")
	if !ok || name == "" {
		return media.Format{}, false
	}
	rate, more, many := strings.Cut(rest, "/")
	hz, err := strconv.ParseUint(rate, 10, 31)
	if err != nil || hz == 0 {
		return media.Format{}, false
	}
	channels := uint64(1)
	if many {
		if channels, err = strconv.ParseUint(more, 10, 8); err != nil || channels == 0 {
			channels = 1
		}
	}
	return media.Format{Name: name, Rate: int(hz), Channels: int(channels)}, true
}

// Rtpmap prints the value of the rtpmap attribute for a format.
func Rtpmap(f media.Format) string {
	number := itoa(int(f.Payload))
	switch {
	case f.Channels > 1:
		return number + " " + f.Name + "/" + strconv.Itoa(f.Rate) + "/" + strconv.Itoa(f.Channels)
	case f.Rate == 8000:
		return number + " " + f.Name + "/8000"
	}
	return number + " " + f.Name + "/" + strconv.Itoa(f.Rate)
}
