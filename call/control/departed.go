package control

import (
	"time"

	"santral/call"
	"santral/media/sdp"
	"santral/media/session"
)

// departed stands in the place of a leg that was over when its call was written out, or that could not be
// made again: it has no media and does nothing.
type departed struct{ id call.LegID }

var _ call.Leg = departed{}

// ID is the name that the leg had.
func (d departed) ID() call.LegID { return d.id }

// Media is none.
func (departed) Media() *session.Session { return nil }

// Detail is empty: what was known is in the ledger.
func (departed) Detail() call.LegDetail { return call.LegDetail{} }

// Progress does nothing.
func (departed) Progress(call.Progress) {}

// Answer does nothing.
func (departed) Answer(*sdp.Description) {}

// Reject does nothing.
func (departed) Reject(call.Cause) {}

// Offer does nothing.
func (departed) Offer(*sdp.Description) {}

// Accept does nothing.
func (departed) Accept(*sdp.Description) {}

// Refuse does nothing.
func (departed) Refuse(call.Cause) {}

// Hangup does nothing.
func (departed) Hangup(call.Cause) {}

// SendKey does nothing.
func (departed) SendKey(byte, time.Duration) {}

// Inform does nothing.
func (departed) Inform(call.Info) {}

// Connected does nothing.
func (departed) Connected(call.Party, call.Traits) {}
