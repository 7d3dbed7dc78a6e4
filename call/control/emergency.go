package control

import (
	"slices"

	"santral/call"
)

// help is what an emergency call by a trunk tells of itself; nil for any other.
func (c *ongoing) help(t *call.Target) *call.Emergency {
	switch e := c.dest.Emergency; {
	case e == nil || t.Trunk == "":
		return nil
	case c.placeless:
		return &call.Emergency{}
	default:
		return e
	}
}

// tooMuch are refusals by which a carrier may mean that it can't read where the caller is: what it is told besides, and the
// body of several parts that it stands in (RFC 5621 §3.1, RFC 6442 §4.3).
var tooMuch = []int{400, 406, 415, 420, 424, 488, 501, 513}

// withoutPlace calls a place of a trunk again that may have refused an emergency for its location alone: help without an
// address is better than none.
func (c *ongoing) withoutPlace(m *member, cause call.Cause) bool {
	e := c.dest.Emergency
	if e == nil || e.Location == "" || c.placeless || m.trunk == "" || c.way == nil || !slices.Contains(tooMuch, cause.SIP) {
		return false
	}
	c.placeless = true
	c.tryPlace(*c.way)
	return true
}
