package server

import (
	"context"
	"time"

	"santral/call"
	"santral/call/control"
	"santral/sip/endpoint"
	"santral/sip/event"
)

// handover is an exchange written out while its calls go on. It is plain data: an exchange that begins
// with it, on the same ports and with the same data folder, goes on with the calls.
type handover struct {
	Endpoint      endpoint.State      `json:"endpoint"`
	Calls         []*control.Handover `json:"calls"`
	Subscriptions []event.Frozen      `json:"subscriptions"`
}

// living reports whether a call was handed over.
func (h *handover) living(id call.ID) bool {
	if h == nil {
		return false
	}
	for _, c := range h.Calls {
		if c.ID == id {
			return true
		}
	}
	return false
}

// endpoint gives what the endpoint begins with.
func (h *handover) endpoint() *endpoint.State {
	if h == nil {
		return nil
	}
	return &h.Endpoint
}

// settleTime is for what was heard a moment before the exchange went deaf: it must reach its call, or it
// would be told that there is none.
const settleTime = 20 * time.Millisecond

// handOver stops hearing and writes out every call that can be: two legs with nothing under way. The
// others are still this exchange's to end. What arrives from now on is not answered, so that its sender
// repeats it and whoever takes over hears it.
func (s *server) handOver(ctx context.Context) *handover {
	s.deaf.Store(true)
	time.Sleep(settleTime)
	h := &handover{}
	for _, c := range s.control.Calls("") {
		now, err := s.control.Freeze(ctx, c.ID, s.thawer)
		if err != nil {
			s.log.Warn("a call is not handed over", "call", c.ID, "tenant", c.From.Tenant, "error", err)
			continue
		}
		h.Calls = append(h.Calls, now)
	}
	h.Subscriptions = s.events.notifier.Freeze()
	h.Endpoint = s.endpoint.Load().Freeze()
	return h
}

// takeOver goes on with the calls of the exchange before this one, before anybody is heard: a request
// of theirs would be answered that there is no such call.
func (s *server) takeOver(door call.Thawer) {
	s.thawer = door
	if s.before == nil {
		return
	}
	for _, c := range s.before.Calls {
		if err := s.control.Thaw(c, door); err != nil {
			s.log.Error("a call is not taken over", "call", c.ID, "tenant", c.From.Tenant, "error", err)
		}
	}
	for _, f := range s.before.Subscriptions {
		if err := s.events.notifier.Thaw(f); err != nil {
			s.log.Error("a subscription is not taken over", "account", f.Request.Who.Account, "error", err)
		}
	}
	s.before = nil
}
