package server

import (
	"time"

	"santral/api/rest"
	"santral/base/jalali"
	"santral/call"
	"santral/call/control"
	"santral/media"
	"santral/media/session"
	"santral/service/cdr"
	"santral/store"
)

// liveCalls lists the calls of now for the API.
func (s *server) liveCalls() []rest.LiveCall {
	var list []rest.LiveCall
	for _, l := range s.control.Calls("") {
		list = append(list, liveCall(l))
	}
	return list
}

func liveCall(l control.Live) rest.LiveCall {
	c := rest.LiveCall{
		Call: string(l.ID), Tenant: l.From.Tenant, ToTenant: l.ToTenant, From: l.From.Number, Presented: l.Presents, Withheld: l.Withheld, Dialled: l.Dialled, To: l.To,
		State: l.State.String(), Began: l.Began, Recording: l.Recording.String(),
	}
	for _, leg := range l.Legs {
		if leg.Over {
			continue
		}
		c.Legs = append(c.Legs, rest.LiveLeg{
			Leg: string(leg.ID), Direction: leg.Detail.Direction.String(), Tenant: leg.Detail.Tenant, Account: leg.Detail.Account, Trunk: leg.Detail.Trunk, Answered: leg.Answered, Held: leg.Held,
			SIPCallID: leg.Detail.SIPCallID, SessionID: leg.Detail.SessionID, Remote: leg.Detail.Remote, Media: leg.Detail.Media, Codec: leg.Codec, Way: way(leg.Way),
			Streams: liveStreams(leg.Detail.Quality), Notices: liveNotices(leg.Notices),
		})
	}
	return c
}

func liveStreams(list []media.Quality) (streams []rest.LiveStream) {
	for i := range list {
		q := &list[i]
		s := rest.LiveStream{Stream: cdr.Stream(q)}
		if q.Samples > 0 {
			s.Now = liveSample(q.Now)
		}
		if q.Heard.Samples > 0 {
			s.HeardNow = liveSample(q.Heard.Now)
		}
		streams = append(streams, s)
	}
	return streams
}

func liveSample(s media.Sample) *rest.LiveSample {
	return &rest.LiveSample{MOS: s.MOS, Loss: s.Loss, Jitter: s.Jitter.Microseconds()}
}

func liveNotices(list []call.Notice) (notices []store.Notice) {
	for _, n := range list {
		s := store.Notice{At: n.At, What: n.What, Text: n.Text}
		if n.Addr.IsValid() {
			s.Addr = n.Addr.String()
		}
		notices = append(notices, s)
	}
	return notices
}

// legIDs gives the legs of a live call, those that are over included; none when the call is not live.
func (s *server) legIDs(id string) (ids []rest.LegID) {
	l, ok := s.control.Call(call.ID(id))
	if !ok {
		return nil
	}
	for _, leg := range l.Legs {
		ids = append(ids, rest.LegID{Tenant: leg.Detail.Tenant, Account: leg.Detail.Account, SIPCallID: leg.Detail.SIPCallID})
	}
	return ids
}

// dial begins a call that the API asks for.
func (s *server) dial(r rest.DialRequest) (string, error) {
	now := s.current.Load()
	tenant := r.Tenant
	if tenant == "" && now.Default() != nil {
		tenant = now.Default().ID
	}
	a := now.Account(tenant, r.From)
	if a == nil {
		return "", &rest.Refusal{SIP: call.NotFound.SIP, Text: call.NotFound.Text}
	}
	alert := call.Alert{Info: r.Alert}
	if r.Auto {
		alert.Answer = call.AnswerAuto
	}
	id, no := s.control.Dial(control.Request{
		From: call.Party{Tenant: a.Tenant, Account: a.Number, Name: a.Name, Number: a.Number, Said: r.Shown}, To: jalali.ASCII(r.To), Alert: alert, Ring: time.Duration(r.Ring) * time.Second,
	})
	if no != nil {
		return "", &rest.Refusal{SIP: no.SIP, Text: no.Text}
	}
	return string(id), nil
}

// pickup tells whether a party may take the place of a leg of another account: both are of one pick-up group.
func (s *server) pickup(who call.Party, account string) bool {
	now := s.current.Load()
	a, b := now.Account(who.Tenant, who.Account), now.Account(who.Tenant, account)
	return a != nil && b != nil && a.Pickup != "" && a.Pickup == b.Pickup
}

// way names how the sound of a leg goes to the other; "" while it goes to none.
func way(w session.Way) string {
	if w == session.NoWay {
		return ""
	}
	return w.String()
}
