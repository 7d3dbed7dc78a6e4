package endpoint

import (
	"time"

	"santral/sip"
	"santral/sip/transaction"
)

// State is what an endpoint can hand to another one on the same ports: the secret of its keys and the
// server transactions that still absorb copies, so that a copy of a request that the old one answered
// is not a new call to the new one. Usages are their owners' to write out and to Attach again; what
// still waits for an answer on either side ends with the endpoint that it belongs to.
type State struct {
	Hasher  transaction.Hasher `json:"hasher"`
	Servers []ServedState      `json:"servers"`
}

// ServedState is one answered server transaction. The machine's times count from when it was written.
type ServedState struct {
	CallID  string              `json:"call_id"`
	Key     transaction.Key     `json:"key"`
	Machine transaction.Machine `json:"machine"`
	Flow    string              `json:"flow"`
	Tag     string              `json:"tag"`
	Last    []byte              `json:"last,omitempty"`
}

// Freeze writes out the endpoint's state. It waits for every shard; the endpoint goes on.
func (e *Endpoint) Freeze() State {
	state := State{Hasher: e.hash}
	for _, s := range e.shards {
		done := make(chan []ServedState, 1)
		if !s.Do(func() { done <- s.freeze() }) {
			continue
		}
		state.Servers = append(state.Servers, <-done...)
	}
	return state
}

func (s *Shard) freeze() (list []ServedState) {
	for _, r := range s.servers {
		if r.tx != nil || r.flow.Transport.Stream() {
			continue
		}
		m := r.m
		m.Until = from(m.Until, s.now)
		m.Repeat = from(m.Repeat, s.now)
		list = append(list, ServedState{CallID: r.callID, Key: r.key, Machine: m, Flow: r.flow.String(), Tag: r.tag, Last: r.last})
	}
	return list
}

// from is what is left of a time of the shard's clock, never 0 for one that is set.
func from(at, now time.Duration) time.Duration {
	if at == 0 {
		return 0
	}
	return max(at-now, tick)
}

// thaw takes up what another endpoint wrote. It runs before the shards do.
func (e *Endpoint) thaw(state *State) {
	for i := range state.Servers {
		f := &state.Servers[i]
		flow, err := sip.ParseFlow(f.Flow)
		if err != nil {
			continue
		}
		s := e.Shard(f.CallID)
		r := &served{shard: s, key: f.Key, m: f.Machine, flow: flow, callID: f.CallID, tag: f.Tag, last: f.Last}
		r.node.owner = r
		s.servers[r.key] = r
		s.count.Servers.Add(1)
		r.settle()
	}
}

// SentState is a request that was sent without a transaction, written out.
type SentState struct {
	CallID string `json:"call_id"`
	Flow   string `json:"flow"`
	Text   []byte `json:"text"`
}

// State writes out what Resend sends; ok is false before that is known.
func (t *Sent) State() (st SentState, ok bool) {
	return SentState{CallID: t.callID, Flow: t.flow.String(), Text: t.text}, t.text != nil
}

// Sent makes it again, without sending anything. It must be called on the shard of its Call-ID.
func (s *Shard) Sent(st SentState) (*Sent, error) {
	flow, err := sip.ParseFlow(st.Flow)
	if err != nil {
		return nil, err
	}
	return &Sent{shard: s, callID: st.CallID, flow: flow, text: st.Text}, nil
}
