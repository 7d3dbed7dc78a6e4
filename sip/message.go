// Package sip holds the words of SIP (RFC 3261): messages, URIs, addresses, header values, and the
// parser and printer between them and their text.
//
// What lives here is immutable data and pure functions. A parsed [Message] is an index over one
// immutable string: every view that it gives is a substring, so nothing is copied and nothing
// needs to be returned to a pool before it may be kept. Sockets, transactions, dialogs and timers
// live in the rooms below; media lives in another wing and never meets this one.
package sip

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
// on one line stays one Header, and [Message.All] splits it.
type Header struct {
	Kind  Kind
	Name  string // as received; for a built message the canonical spelling
	Value string // unfolded and trimmed, otherwise as received
}

// Message is one SIP request or response (RFC 3261 §7). Method is empty in a response, Status is 0
// in a request. All strings of a parsed message share the memory of the text it was parsed from.
//
// A Message is not safe for concurrent change. By convention nobody changes a message that came
// from the wire after the transport has stamped its top Via.
type Message struct {
	Method     Method
	RequestURI string // as received; parse it with ParseURI
	Status     int
	Reason     string
	Headers    []Header
	Body       string

	inline [24]Header // first home of Headers, so that an everyday message needs no allocation
}

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.Method != "" }
