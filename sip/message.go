// Package sip holds the words of SIP (RFC 3261): messages, URIs, addresses, header values, and the
// parser and printer between them and their text.
//
// What lives here is immutable data and pure functions. A parsed [Message] is an index over one
// immutable string: every view that it gives is a substring, so nothing is copied and nothing
// needs to be returned to a pool before it may be kept. Sockets, transactions, dialogs and timers
// live in the rooms below; media lives in another wing and never meets this one.
package sip

import (
	"iter"
	"strings"
)

// Method is a request method as written on the wire; methods are case-sensitive (RFC 3261 §7.1).
type Method string

// The methods that Santral knows by name.
const (
	INVITE    Method = "INVITE"
	ACK       Method = "ACK"
	BYE       Method = "BYE"
	CANCEL    Method = "CANCEL"
	OPTIONS   Method = "OPTIONS"
	REGISTER  Method = "REGISTER"
	PRACK     Method = "PRACK"
	UPDATE    Method = "UPDATE"
	INFO      Method = "INFO"
	SUBSCRIBE Method = "SUBSCRIBE"
	NOTIFY    Method = "NOTIFY"
	REFER     Method = "REFER"
	MESSAGE   Method = "MESSAGE"
	PUBLISH   Method = "PUBLISH"
)

// Header is one header field line. Known fields carry their Kind; a comma-separated list that came
// on one line stays one Header, and [Message.Values] splits it.
type Header struct {
	Kind  Kind
	Name  string // as received; for a built message the canonical spelling
	Value string // unfolded and trimmed, otherwise as received
}

// Message is one SIP request or response (RFC 3261 §7). Method is empty in a response, Status is 0
// in a request. All strings of a parsed message share the memory of the text it was parsed from.
//
// A Message is not safe for concurrent change and is copied only by Clone. By convention nobody
// changes a message that came from the wire after the transport has stamped its top Via.
type Message struct {
	Method     Method
	RequestURI string // as received; parse it with URI
	Status     int
	Reason     string
	Headers    []Header
	Body       string

	inline [24]Header // first home of Headers, so that an everyday message needs no allocation
}

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.Method != "" }

// Reset empties m for use anew; it keeps a grown header list.
func (m *Message) Reset() {
	m.Method, m.RequestURI, m.Status, m.Reason, m.Body = "", "", 0, "", ""
	if m.Headers == nil {
		m.Headers = m.inline[:0]
	} else {
		m.Headers = m.Headers[:0]
	}
}

// Clone gives a message of its own that can be changed; strings stay shared.
func (m *Message) Clone() *Message {
	c := &Message{Method: m.Method, RequestURI: m.RequestURI, Status: m.Status, Reason: m.Reason, Body: m.Body}
	c.Headers = append(c.inline[:0], m.Headers...)
	return c
}

// URI parses the Request-URI.
func (m *Message) URI() (URI, error) { return ParseURI(m.RequestURI) }

// index finds the first line of a kind, or -1.
func (m *Message) index(k Kind) int {
	for i := range m.Headers {
		if m.Headers[i].Kind == k {
			return i
		}
	}
	return -1
}

// Get gives the whole value of the first line of that kind, "" when there is none. For a list use
// Values.
func (m *Message) Get(k Kind) string {
	for i := range m.Headers {
		if m.Headers[i].Kind == k {
			return m.Headers[i].Value
		}
	}
	return ""
}

// Has reports whether there is a line of that kind, be it empty.
func (m *Message) Has(k Kind) bool { return m.index(k) >= 0 }

// Values walks all values of a kind in their order: each element of a comma-separated list, or each
// line of a field that is no list.
func (m *Message) Values(k Kind) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range m.Headers {
			h := &m.Headers[i]
			if h.Kind != k {
				continue
			}
			if !listKinds[k] {
				if !yield(h.Value) {
					return
				}
				continue
			}
			for s := h.Value; ; {
				v, rest, ok := cutValue(s)
				if !ok {
					break
				}
				if !yield(v) {
					return
				}
				s = rest
			}
		}
	}
}

// GetName is Get for a field by its name of any case, known to Santral or not.
func (m *Message) GetName(name string) string {
	if k := KindOf(name); k != UnknownKind {
		return m.Get(k)
	}
	for i := range m.Headers {
		if h := &m.Headers[i]; h.Kind == UnknownKind && equalFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// Set replaces every line of that kind by one, at the place of the first, or adds it at the end.
// Here and in Add, Prepend and AddName, control characters in value become spaces, so that a value
// can never end its line.
func (m *Message) Set(k Kind, value string) {
	i := m.index(k)
	if i < 0 {
		m.Add(k, value)
		return
	}
	m.Headers[i] = Header{k, kindNames[k], clean(value)}
	m.delFrom(k, i+1)
}

// Add appends a line.
func (m *Message) Add(k Kind, value string) {
	if k == UnknownKind || k >= kinds {
		return
	}
	m.grow()
	m.Headers = append(m.Headers, Header{k, kindNames[k], clean(value)})
}

// Prepend puts a line before the first of its kind, or at the top when there is none, as Via,
// Route and Record-Route need it.
func (m *Message) Prepend(k Kind, value string) {
	if k == UnknownKind || k >= kinds {
		return
	}
	i := max(m.index(k), 0)
	m.grow()
	m.Headers = append(m.Headers, Header{})
	copy(m.Headers[i+1:], m.Headers[i:])
	m.Headers[i] = Header{k, kindNames[k], clean(value)}
}

// AddName appends a line of a field that Santral may not know. A name that is no token is refused:
// nothing is added and false comes back.
func (m *Message) AddName(name, value string) bool {
	if !isToken(name) {
		return false
	}
	m.grow()
	m.Headers = append(m.Headers, Header{KindOf(name), name, clean(value)})
	return true
}

// Del removes every line of that kind.
func (m *Message) Del(k Kind) { m.delFrom(k, 0) }

// DelName removes every line of that name.
func (m *Message) DelName(name string) {
	if k := KindOf(name); k != UnknownKind {
		m.Del(k)
		return
	}
	out := m.Headers[:0]
	for _, h := range m.Headers {
		if h.Kind != UnknownKind || !equalFold(h.Name, name) {
			out = append(out, h)
		}
	}
	m.Headers = out
}

func (m *Message) delFrom(k Kind, i int) {
	for ; i < len(m.Headers); i++ {
		if m.Headers[i].Kind == k {
			break
		}
	}
	out := m.Headers[:i]
	for ; i < len(m.Headers); i++ {
		if m.Headers[i].Kind != k {
			out = append(out, m.Headers[i])
		}
	}
	m.Headers = out
}

func (m *Message) grow() {
	if m.Headers == nil {
		m.Headers = m.inline[:0]
	}
}

// SetBody sets the body and its Content-Type; an empty body removes both.
func (m *Message) SetBody(contentType, body string) {
	m.Body = body
	if body == "" {
		m.Del(ContentType)
		return
	}
	m.Set(ContentType, contentType)
}

// setTopValue replaces the first value of a list, leaving the rest of its line.
func (m *Message) setTopValue(k Kind, value string) {
	i := m.index(k)
	if i < 0 {
		m.Prepend(k, value)
		return
	}
	h := &m.Headers[i]
	if _, rest, ok := cutValue(h.Value); ok {
		if rest = trim(rest); rest != "" {
			value += ", " + rest
		}
	}
	h.Value = clean(value)
}

// SetTopVia replaces the topmost Via value.
func (m *Message) SetTopVia(v Via) { m.setTopValue(ViaKind, v.String()) }

// DropTop removes the first value of a list field: the topmost Via, the first Route.
func (m *Message) DropTop(k Kind) {
	i := m.index(k)
	if i < 0 {
		return
	}
	_, rest, _ := cutValue(m.Headers[i].Value)
	if rest = trim(rest); rest != "" {
		m.Headers[i].Value = rest
		return
	}
	m.Headers = append(m.Headers[:i], m.Headers[i+1:]...)
}

// CallID gives the Call-ID.
func (m *Message) CallID() string { return m.Get(CallID) }

// CSeq reads the CSeq.
func (m *Message) CSeq() (CSeq, error) { return ParseCSeq(m.Get(CSeqKind)) }

// From reads the From address.
func (m *Message) From() (Address, error) { return ParseAddress(m.Get(From)) }

// To reads the To address.
func (m *Message) To() (Address, error) { return ParseAddress(m.Get(To)) }

// FromTag gives the From tag, "" when there is none.
func (m *Message) FromTag() string { return addressTag(m.Get(From)) }

// ToTag gives the To tag, "" when there is none.
func (m *Message) ToTag() string { return addressTag(m.Get(To)) }

// addressTag finds the tag without parsing the URI.
func addressTag(s string) string {
	s = afterAddress(s)
	v, _ := Params(s).raw("tag")
	return v
}

// afterAddress gives the header parameters of an address.
func afterAddress(s string) string {
	if s != "" && s[0] == '"' {
		n := quotedEnd(s)
		if n < 0 {
			return ""
		}
		s = s[n:]
	}
	open, semi := strings.IndexByte(s, '<'), strings.IndexByte(s, ';')
	if open >= 0 && (semi < 0 || open < semi) {
		if semi = strings.IndexByte(s, '>'); semi < 0 {
			return ""
		}
		return s[semi+1:]
	}
	if semi < 0 {
		return ""
	}
	return s[semi:]
}

// SetToTag adds a tag to the To of a response; when it has one already nothing changes, since the
// tag belongs to who set it first (RFC 3261 §8.2.6.2).
func (m *Message) SetToTag(tag string) { m.addTag(To, tag) }

// SetFromTag adds a tag to the From of a request that has none.
func (m *Message) SetFromTag(tag string) { m.addTag(From, tag) }

func (m *Message) addTag(k Kind, tag string) {
	i := m.index(k)
	if i < 0 || !isToken(tag) {
		return
	}
	if h := &m.Headers[i]; addressTag(h.Value) == "" {
		h.Value += ";tag=" + tag
	}
}

// Via reads the topmost Via.
func (m *Message) Via() (Via, error) {
	top, _, _ := cutValue(m.Get(ViaKind))
	return ParseVia(top)
}

// Vias walks all Via values, topmost first, up to the first that cannot be read.
func (m *Message) Vias() iter.Seq[Via] {
	return func(yield func(Via) bool) {
		for s := range m.Values(ViaKind) {
			v, err := ParseVia(s)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// Addresses walks the values of a list of addresses (Contact, Route, Record-Route, Path …).
func (m *Message) Addresses(k Kind) iter.Seq2[Address, error] {
	return func(yield func(Address, error) bool) {
		for s := range m.Values(k) {
			if !yield(ParseAddress(s)) {
				return
			}
		}
	}
}

// Contacts walks the Contact values; "*" is an Address for which IsStar is true.
func (m *Message) Contacts() iter.Seq2[Address, error] { return m.Addresses(Contact) }

// MaxForwards reads Max-Forwards; ok is false when there is none.
func (m *Message) MaxForwards() (hops int, ok bool) { return m.number(MaxForwards, 255) }

// Expires reads Expires in seconds. A malformed value counts as missing (RFC 3261 §20.10), one
// above 2^32-1 as 2^32-1.
func (m *Message) Expires() (seconds int, ok bool) { return parseSeconds(m.Get(Expires)) }

// ContentLength reads Content-Length as it stood in the message; printing never uses it.
func (m *Message) ContentLength() (octets int, ok bool) { return m.number(ContentLength, 1<<31-1) }

func (m *Message) number(k Kind, max uint64) (int, bool) {
	n, ok := parseUint(m.Get(k), max)
	return int(n), ok
}

// parseSeconds reads delta-seconds; more than 2^32-1 counts as that.
func parseSeconds(s string) (int, bool) {
	if s == "" || !all(s, classDigit) {
		return 0, false
	}
	n, ok := parseUint(s, 1<<32-1)
	if !ok {
		return 1<<32 - 1, true
	}
	return int(n), true
}

// Expires gives the expires parameter of a Contact in seconds, as Message.Expires does.
func (a Address) Expires() (seconds int, ok bool) {
	v, _ := a.Params.raw("expires")
	return parseSeconds(v)
}

// HasToken reports whether a list of tokens holds token, without regard to case: Supported: timer.
// Parameters of an element are not looked at.
func (m *Message) HasToken(k Kind, token string) bool {
	for i := range m.Headers {
		if m.Headers[i].Kind != k {
			continue
		}
		for s := m.Headers[i].Value; ; {
			v, rest, ok := cutValue(s)
			if !ok {
				break
			}
			s = rest
			if semi := strings.IndexByte(v, ';'); semi >= 0 {
				v = trim(v[:semi])
			}
			if equalFold(v, token) {
				return true
			}
		}
	}
	return false
}

// MediaType gives type and subtype of Content-Type in lower case, "application/sdp", without its
// parameters; "" when there is none.
func (m *Message) MediaType() string {
	s, _, _ := strings.Cut(m.Get(ContentType), ";")
	return lowerASCII(trim(s))
}
