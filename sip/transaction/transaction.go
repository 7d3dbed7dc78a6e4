// Package transaction holds the four transaction machines of SIP (RFC 3261 §17 with RFC 6026,
// RFC 4320 and RFC 4321) and the keys by which a message finds its transaction.
//
// What lives here is pure: [Machine.Step] takes what happened and the time and gives back the next
// machine and what is to be done. Messages, sockets, timers and tables live in sip/endpoint, which
// performs the actions and owns every machine.
package transaction

import (
	"strconv"
	"strings"
	"time"
)

// Timers are the durations of RFC 3261 §17.1.1.1 and table 4. All others follow from them.
type Timers struct {
	T1     time.Duration // estimate of a round trip; the first retransmission
	T2     time.Duration // greatest interval between retransmissions of anything but an INVITE
	T4     time.Duration // how long a message may stay in the network
	D      time.Duration // how long a client keeps acknowledging a refused INVITE over UDP, at least 32 s
	Trying time.Duration // how long an INVITE may go without any answer before we send 100 (RFC 3261 §17.2.1)
}

// DefaultTimers are the values that RFC 3261 recommends.
var DefaultTimers = Timers{
	T1:     500 * time.Millisecond,
	T2:     4 * time.Second,
	T4:     5 * time.Second,
	D:      32 * time.Second,
	Trying: 200 * time.Millisecond,
}

// Fill gives t with every zero replaced by its default.
func (t Timers) Fill() Timers {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&t.T1, DefaultTimers.T1)
	set(&t.T2, DefaultTimers.T2)
	set(&t.T4, DefaultTimers.T4)
	set(&t.D, 64*t.T1)
	set(&t.Trying, DefaultTimers.Trying)
	return t
}

// Timeout is 64·T1, the length of timers B, F, H, J, L and M.
func (t *Timers) Timeout() time.Duration { return 64 * t.T1 }

// untilT2 is the time that a client's Timer E takes to be reset to T2, before which no 100 may be
// sent to a request other than INVITE, and after which one must be (RFC 4320 §4.1).
func (t *Timers) untilT2() time.Duration {
	sum := time.Duration(0)
	for e := t.T1; ; e = min(2*e, t.T2) {
		if e >= t.T2 {
			return sum
		}
		sum += e
	}
}

// Kind is one of the four machines.
type Kind uint8

// The machines.
const (
	UnknownKind Kind = iota
	InviteClient
	InviteServer
	Client // any method but INVITE and ACK
	Server
)

var kindNames = [...]string{"unknown", "INVITE client", "INVITE server", "client", "server"}

// String names the machine.
func (k Kind) String() string { return name(kindNames[:], uint8(k)) }

// State is where a machine stands, in the words of the RFC's figures.
type State uint8

// The states of figures 5 to 8 of RFC 3261 and of RFC 6026 §8.
const (
	UnknownState State = iota
	Calling
	Trying
	Proceeding
	Completed
	Confirmed
	Accepted
	Terminated
)

var stateNames = [...]string{"unknown", "Calling", "Trying", "Proceeding", "Completed", "Confirmed", "Accepted", "Terminated"}

// String names the state as the figures do.
func (s State) String() string { return name(stateNames[:], uint8(s)) }

// Input is what happens to a machine.
type Input uint8

// What can happen. At a client Provisional, Success and Failure are responses from the wire, at a
// server they are the user's.
const (
	UnknownInput Input = iota
	Provisional        // 1xx
	Success            // 2xx
	Failure            // 3xx to 6xx
	Again              // server: the request came once more
	Ack                // INVITE server: an ACK of this transaction came
	Cancelled          // INVITE client: the user gave up and a CANCEL is on its way
	Expired            // server: the user could not answer in time, 408
	Unsent             // the transport could not send our last message
	Due                // the time of Next has come
)

var inputNames = [...]string{"unknown", "1xx", "2xx", "3xx-6xx", "request again", "ACK", "cancelled", "expired", "unsent", "due"}

// String names the input for logs.
func (i Input) String() string { return name(inputNames[:], uint8(i)) }

// ResponseInput gives the input that a status code is, UnknownInput for what is no status code.
func ResponseInput(status int) Input {
	switch {
	case status >= 100 && status < 200:
		return Provisional
	case status >= 200 && status < 300:
		return Success
	case status >= 300 && status < 700:
		return Failure
	}
	return UnknownInput
}

// Action is a set of things to be done after a step.
type Action uint16

// What can be there to be done, in the order in which it is done.
const (
	SendRequest   Action = 1 << iota // client: send the request, the first time or again
	SendAck                          // INVITE client: send the ACK for a refusal (RFC 3261 §17.1.1.3)
	SendResponse                     // server: send the last response, the new one or again
	SendTrying                       // server: make a 100 and send it; it is then the last response
	Deliver                          // client: give the response to the user; server: give it the ACK to its 2xx
	FailTimeout                      // tell the user that no answer (server: no ACK) came
	FailTransport                    // tell the user that it could not be sent
)

var actionNames = [...]string{"send request", "send ACK", "send response", "send 100", "deliver", "fail: timeout", "fail: transport"}

// Has reports whether every action of b is in a.
func (a Action) Has(b Action) bool { return a&b == b }

// String lists the actions, "nothing" for none.
func (a Action) String() string {
	var list []string
	for i, s := range actionNames {
		if a&(1<<i) != 0 {
			list = append(list, s)
		}
	}
	if list == nil {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func name(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return strconv.Itoa(int(i))
}
