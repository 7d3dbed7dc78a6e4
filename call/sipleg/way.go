package sipleg

import (
	"santral/call"
	"santral/sip/endpoint"
)

// Way reads where a target is, for requests that are no calls: the Request-URI, and where it goes first. The
// routes of its path are the caller's to add.
func Way(t call.Target) (uri string, to endpoint.Next, err error) { return way(t, call.Tel{}) }
