package sip

import "errors"

// Limits bound what Parse accepts, so that no message can cost more than its length deserves.
type Limits struct {
	Message int // octets of a whole message
	Headers int // header field lines
	Line    int // octets of one header field line, folds included
	URI     int // octets of a Request-URI
	Body    int // octets of a body
}

// DefaultLimits are what Parse uses: everything that a UDP datagram can hold, and far more header
// fields than the longest message of RFC 4475.
var DefaultLimits = Limits{Message: 64 << 10, Headers: 256, Line: 8 << 10, URI: 4 << 10, Body: 64 << 10}

// ParseError says why a message was refused and which answer it deserves.
type ParseError struct {
	Status int    // the answer that a request deserves; 0 for what must be dropped: responses and junk
	Text   string // fit for a reason phrase, holds nothing of the message
}

// Error gives the text.
func (e *ParseError) Error() string { return "sip message: " + e.Text }

// ParseStatusOf gives the status that an error of Parse deserves: 0 for nil, for errors of other
// kinds and for messages that get no answer.
func ParseStatusOf(err error) int {
	var p *ParseError
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}
