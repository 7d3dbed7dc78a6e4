package call

// FromStatus gives the cause that a final refusal with a SIP status means when nothing says more:
// its Q.850 code by RFC 3398 §8.2.6.1, where 488 and 606 are taken as incompatible media (88) and a
// status of no row by its class. Statuses below 300 give NormalClearing.
func FromStatus(status int) Cause {
	switch status {
	case NotFound.SIP:
		return NotFound
	case TooManyHops.SIP:
		return TooManyHops
	case Loop.SIP:
		return Loop
	case BadNumber.SIP:
		return BadNumber
	case Busy.SIP:
		return Busy
	case Cancelled.SIP:
		return Cancelled
	case NotAcceptable.SIP:
		return NotAcceptable
	case RequestPending.SIP:
		return RequestPending
	case Failure.SIP:
		return Failure
	case Declined.SIP:
		return Declined
	}
	for i := range refusals {
		if r := &refusals[i]; r.SIP == status {
			return *r
		}
	}
	switch {
	case status < 300:
		return NormalClearing
	case status < 400:
		return Cause{Q850: 23, SIP: status, Text: "redirection to new destination", Retry: true}
	case status < 500:
		return Cause{Q850: 127, SIP: status, Text: "interworking, unspecified"}
	case status < 600:
		return Cause{Q850: 41, SIP: status, Text: "temporary failure", Retry: true}
	}
	return Cause{Q850: 21, SIP: status, Text: "call rejected"}
}

// refusals are the rows of RFC 3398 §8.2.6.1 that no cause of our own covers.
var refusals = [...]Cause{
	{Q850: 41, SIP: 400, Text: "temporary failure"},
	{Q850: 21, SIP: 401, Text: "call rejected"},
	{Q850: 21, SIP: 402, Text: "call rejected"},
	{Q850: 21, SIP: 403, Text: "call rejected"},
	{Q850: 63, SIP: 405, Text: "service or option unavailable"},
	{Q850: 79, SIP: 406, Text: "service or option not implemented"},
	{Q850: 21, SIP: 407, Text: "call rejected"},
	{Q850: 102, SIP: 408, Text: "recovery on timer expiry", Retry: true},
	{Q850: 22, SIP: 410, Text: "number changed"},
	{Q850: 79, SIP: 415, Text: "service or option not implemented"},
	{Q850: 18, SIP: 480, Text: "no user responding", Retry: true},
	{Q850: 41, SIP: 481, Text: "temporary failure", Retry: true},
	{Q850: 1, SIP: 485, Text: "unallocated number"},
	{Q850: 79, SIP: 501, Text: "service or option not implemented"},
	{Q850: 38, SIP: 502, Text: "network out of order", Retry: true},
	{Q850: 41, SIP: 503, Text: "temporary failure", Retry: true},
	{Q850: 102, SIP: 504, Text: "recovery on timer expiry", Retry: true},
	{Q850: 127, SIP: 505, Text: "interworking, unspecified"},
	{Q850: 127, SIP: 513, Text: "interworking, unspecified"},
	{Q850: 17, SIP: 600, Text: "user busy"},
	{Q850: 1, SIP: 604, Text: "unallocated number"},
	{Q850: 88, SIP: 606, Text: "incompatible media"},
}
