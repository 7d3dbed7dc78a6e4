package transaction

import "time"

// Machine is one transaction's state. It is a value: Step returns the next one. Times are measured
// from an epoch of the owner's choosing, which must lie before every time that it gives.
type Machine struct {
	Kind     Kind
	State    State
	Reliable bool          // a stream carries it: nothing is repeated and nothing lingers
	Answered bool          // server: some response was sent
	Interval time.Duration // the running retransmission interval
	Repeat   time.Duration // when to repeat (timers A, E, G, or the 100 that is owed); 0 for never
	Until    time.Duration // when the state ends (timers B, D, F, H, I, J, K, L, M); 0 for never
}

// NewInviteClient begins RFC 3261 §17.1.1 in Calling; the request is to be sent now.
func NewInviteClient(t *Timers, reliable bool, now time.Duration) (Machine, Action) {
	m := Machine{Kind: InviteClient, State: Calling, Reliable: reliable, Until: now + t.Timeout()} // Timer B
	m.repeatAfter(t.T1, now)                                                                       // Timer A
	return m, SendRequest
}

// NewClient begins RFC 3261 §17.1.2 in Trying; the request is to be sent now.
func NewClient(t *Timers, reliable bool, now time.Duration) (Machine, Action) {
	m := Machine{Kind: Client, State: Trying, Reliable: reliable, Until: now + t.Timeout()} // Timer F
	m.repeatAfter(t.T1, now)                                                                // Timer E
	return m, SendRequest
}

// NewInviteServer begins RFC 3261 §17.2.1 in Proceeding. The 100 waits for Timers.Trying, so that it
// is never sent when the user is quicker.
func NewInviteServer(t *Timers, reliable bool, now time.Duration) Machine {
	return Machine{Kind: InviteServer, State: Proceeding, Reliable: reliable, Repeat: now + t.Trying}
}

// NewServer begins RFC 3261 §17.2.2 in Trying. A user that has not answered after 64·T1 needs not:
// the client has given up (RFC 4320 §4.2).
func NewServer(t *Timers, reliable bool, now time.Duration) Machine {
	return Machine{Kind: Server, State: Trying, Reliable: reliable, Repeat: now + t.untilT2(), Until: now + t.Timeout()}
}

// Next is when the machine wants to be stepped with Due; ok is false when it waits for messages only.
func (m *Machine) Next() (at time.Duration, ok bool) {
	switch {
	case m.State == Terminated:
		return 0, false
	case m.Repeat != 0 && (m.Until == 0 || m.Repeat < m.Until):
		return m.Repeat, true
	}
	return m.Until, m.Until != 0
}

// Step gives the machine after in has happened at now, and what is to be done about it. A Due that
// comes before its time does nothing.
func (m Machine) Step(t *Timers, in Input, now time.Duration) (Machine, Action) {
	var a Action
	switch m.Kind {
	case InviteClient:
		switch m.State {
		case Calling, Proceeding:
			a = m.inviteCalling(t, in, now)
		case Completed:
			a = m.inviteRefused(in, now)
		case Accepted:
			a = m.inviteTaken(in, now)
		}
	case Client:
		switch m.State {
		case Trying, Proceeding:
			a = m.clientTrying(t, in, now)
		case Completed:
			a = m.linger(in, now)
		}
	case InviteServer:
		switch m.State {
		case Proceeding:
			a = m.inviteProceeding(t, in, now)
		case Completed:
			a = m.inviteCompleted(t, in, now)
		case Confirmed:
			a = m.linger(in, now)
		case Accepted:
			a = m.inviteAccepted(in, now)
		}
	case Server:
		switch m.State {
		case Trying, Proceeding:
			a = m.serverTrying(t, in, now)
		case Completed:
			a = m.serverCompleted(in, now)
		}
	}
	return m, a
}

// repeatAfter starts a retransmission timer where the transport needs one.
func (m *Machine) repeatAfter(d, now time.Duration) {
	m.Repeat, m.Interval = 0, 0
	if !m.Reliable {
		m.Repeat, m.Interval = now+d, d
	}
}

// enter changes the state and sets the time at which it ends; a state that ends at once is
// Terminated.
func (m *Machine) enter(s State, stay, now time.Duration) {
	m.State, m.Repeat, m.Interval, m.Until = s, 0, 0, 0
	if stay > 0 {
		m.Until = now + stay
	}
}

func (m *Machine) end() { m.enter(Terminated, 0, 0) }

// lingers is how long a finished state absorbs what is still in the network: not at all on a stream.
func (m *Machine) lingers(s State, d, now time.Duration) {
	if m.Reliable {
		m.end()
		return
	}
	m.enter(s, d, now)
}

func (m *Machine) over(now time.Duration) bool { return m.Until != 0 && now >= m.Until }
func (m *Machine) due(now time.Duration) bool  { return m.Repeat != 0 && now >= m.Repeat }

// linger absorbs until its time is over: Timers I and K.
func (m *Machine) linger(in Input, now time.Duration) Action {
	if in == Due && m.over(now) {
		m.end()
	}
	return 0
}

// inviteCalling is Calling and Proceeding of RFC 3261 figure 5 as RFC 6026 §8.4 changed it.
func (m *Machine) inviteCalling(t *Timers, in Input, now time.Duration) Action {
	switch in {
	case Provisional:
		m.Repeat = 0
		if m.State == Calling {
			m.enter(Proceeding, 0, now)
		}
		return Deliver
	case Success:
		m.enter(Accepted, t.Timeout(), now) // Timer M (RFC 6026 §7.2): the same on a stream
		return Deliver
	case Failure:
		m.lingers(Completed, t.D, now)
		return SendAck | Deliver
	case Cancelled:
		// RFC 3261 §9.1: 64·T1 after the CANCEL the request counts as cancelled.
		m.Until = now + t.Timeout()
	case Unsent:
		m.end()
		return FailTransport
	case Due:
		switch {
		case m.over(now):
			m.end()
			return FailTimeout
		case m.due(now):
			m.repeatAfter(2*m.Interval, now) // Timer A doubles without a limit
			return SendRequest
		}
	}
	return 0
}

// inviteRefused is Completed of figure 5: every copy of the refusal is acknowledged again.
func (m *Machine) inviteRefused(in Input, now time.Duration) Action {
	if in == Failure {
		return SendAck
	}
	return m.linger(in, now)
}

// inviteTaken is Accepted of RFC 6026 §7.2: every 2xx, copies and those of other branches, is the
// user's, who acknowledges it.
func (m *Machine) inviteTaken(in Input, now time.Duration) Action {
	if in == Success {
		return Deliver
	}
	return m.linger(in, now)
}

// clientTrying is Trying and Proceeding of figure 6.
func (m *Machine) clientTrying(t *Timers, in Input, now time.Duration) Action {
	switch in {
	case Provisional:
		m.State = Proceeding
		return Deliver
	case Success, Failure:
		m.lingers(Completed, t.T4, now) // Timer K
		return Deliver
	case Unsent:
		m.end()
		return FailTransport
	case Due:
		switch {
		case m.over(now):
			m.end()
			return FailTimeout
		case m.due(now):
			next := min(2*m.Interval, t.T2)
			if m.State == Proceeding {
				next = t.T2
			}
			m.repeatAfter(next, now)
			return SendRequest
		}
	}
	return 0
}

// inviteProceeding is Proceeding of figure 7 as RFC 6026 §8.5 changed it.
func (m *Machine) inviteProceeding(t *Timers, in Input, now time.Duration) Action {
	switch in {
	case Provisional:
		m.Answered, m.Repeat = true, 0
		return SendResponse
	case Success:
		m.Answered = true
		m.enter(Accepted, t.Timeout(), now) // Timer L: the same on a stream
		return SendResponse
	case Failure:
		m.Answered = true
		m.enter(Completed, t.Timeout(), now) // Timer H: the same on a stream
		m.repeatAfter(t.T1, now)             // Timer G
		return SendResponse
	case Again:
		if m.Answered {
			return SendResponse
		}
		return m.trying()
	case Unsent:
		return FailTransport
	case Due:
		if m.due(now) {
			return m.trying()
		}
	}
	return 0
}

func (m *Machine) trying() Action {
	m.Answered, m.Repeat = true, 0
	return SendTrying
}

// inviteCompleted is Completed of figure 7: the refusal is repeated until its ACK comes.
func (m *Machine) inviteCompleted(t *Timers, in Input, now time.Duration) Action {
	switch in {
	case Again:
		return SendResponse
	case Ack:
		m.lingers(Confirmed, t.T4, now) // Timer I
	case Unsent:
		return FailTransport // and the copies that are still to come may get through
	case Due:
		switch {
		case m.over(now):
			m.end()
			return FailTimeout
		case m.due(now):
			m.repeatAfter(min(2*m.Interval, t.T2), now)
			return SendResponse
		}
	}
	return 0
}

// inviteAccepted is Accepted of RFC 6026 §7.1: copies of the INVITE are absorbed, the user repeats
// its 2xx itself, and an ACK is the user's.
func (m *Machine) inviteAccepted(in Input, now time.Duration) Action {
	switch in {
	case Success:
		return SendResponse
	case Ack:
		return Deliver
	case Unsent:
		return FailTransport
	}
	return m.linger(in, now)
}

// serverTrying is Trying and Proceeding of figure 8 within the bounds of RFC 4320 §4: no
// provisional answer of the user's, a 100 when it is time, and silence instead of 408.
func (m *Machine) serverTrying(t *Timers, in Input, now time.Duration) Action {
	switch in {
	case Success, Failure:
		m.Answered = true
		m.lingers(Completed, t.Timeout(), now) // Timer J
		return SendResponse
	case Expired:
		m.end()
	case Again:
		if m.Answered {
			return SendResponse
		}
	case Unsent:
		m.end()
		return FailTransport
	case Due:
		switch {
		case m.over(now):
			m.end()
			return FailTimeout
		case m.due(now):
			m.State = Proceeding
			return m.trying()
		}
	}
	return 0
}

// serverCompleted is Completed of figure 8: every copy of the request gets the same answer.
func (m *Machine) serverCompleted(in Input, now time.Duration) Action {
	switch in {
	case Again:
		return SendResponse
	case Unsent:
		m.end()
		return FailTransport
	}
	return m.linger(in, now)
}
