package control

import "santral/call"

// rank orders the refusals of the legs of a fork; the least is told to the caller. It is the spirit
// of RFC 3261 §16.7 step 6: a global refusal first, then what a person or a device decided, then what
// the network did not achieve.
func rank(c call.Cause) int {
	switch {
	case c.SIP >= 600:
		return 0
	case fromHouse(c):
		return 6
	case c.SIP == 486:
		return 1
	case c.SIP == 480:
		return 2
	case c.SIP == 415 || c.SIP == 484 || c.SIP == 488:
		return 3 // something that the caller can mend
	case c.SIP >= 400 && c.SIP < 500:
		return 4
	case c.SIP >= 300 && c.SIP < 400:
		return 5
	}
	return 7
}

// outOfOrder is the Q.850 code of a device to which nothing could be sent.
const outOfOrder = 27

// fromHouse reports a refusal that no person and no device chose: nobody was reached.
func fromHouse(c call.Cause) bool {
	return c.SIP == 408 || c.SIP >= 500 && c.SIP < 600 || c.Q850 == outOfOrder
}

// forCaller turns a callee's refusal into what the caller is told. Refusals that concern only the hop
// between us and the callee (credentials, extensions, session timers, redirection) do not cross, and a
// callee's 503 does not mean that we have no capacity (RFC 3261 §16.7).
func forCaller(c call.Cause) call.Cause {
	if status := call.StatusOf(c.Q850); c.SIP >= 500 && c.SIP < 600 && status < 500 && c.Q850 != 0 {
		c.SIP = status // the network's own word for it is the callee's: unallocated, busy, rejected (RFC 6432 §3)
		return c
	}
	switch c.SIP {
	case 401, 407:
		return call.Forbidden
	case 420, 421, 422, 423, 481, 487, 491, 493, 494, 503:
		f := call.Failure
		if c.Q850 != 0 {
			f.Q850, f.Text = c.Q850, c.Text
		}
		return f
	}
	if c.SIP < 400 {
		f := call.NotRegistered
		if c.Q850 != 0 && c.SIP >= 300 {
			f.Q850, f.Text = c.Q850, c.Text
		}
		return f
	}
	if c.Q850 == 0 {
		f := call.FromStatus(c.SIP)
		f.After = c.After
		if c.Text != "" {
			f.Text = c.Text
		}
		return f
	}
	return c
}

// asRefusal gives a cause that can refuse a leg which has not been answered: one that belongs to an
// established call is told as "not available" with its own code.
func asRefusal(c call.Cause) call.Cause {
	if c.SIP < 300 {
		c.SIP = call.NoAnswer.SIP
	}
	return c
}
