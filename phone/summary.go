package phone

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"santral/call"
)

// Summary is what a run came to; it prints as one JSON object. Times are UTC; those of things that
// did not happen are left out, and so are the figures of a call that there was none of.
type Summary struct {
	Reached    State      `json:"reached"`    // the furthest state: started, registered, calling, ringing, talking
	Registered bool       `json:"registered"` // the server granted our registration
	Began      time.Time  `json:"began"`
	Ended      time.Time  `json:"ended"`
	Call       *CallFacts `json:"call,omitempty"`
	Error      string     `json:"error,omitempty"` // why the run failed
}

// CallFacts is what is known of a call, and at its end all that there was.
type CallFacts struct {
	Direction call.Direction `json:"-"`
	Way       string         `json:"direction"` // "in" or "out"
	Number    string         `json:"number"`    // of the other side
	Name      string         `json:"name,omitempty"`
	SIPCallID string         `json:"sip_call_id,omitempty"`
	State     State          `json:"state"`

	Status int    `json:"status"` // final SIP status of the INVITE; until then the last provisional one
	Cause  string `json:"cause,omitempty"`
	Q850   int    `json:"q850,omitempty"`
	By     string `json:"ended_by,omitempty"` // "us" or "peer"

	Began    time.Time  `json:"began"`
	Rang     *time.Time `json:"rang,omitempty"`
	Answered *time.Time `json:"answered,omitempty"`
	Over     *time.Time `json:"over,omitempty"`
	TalkMS   int64      `json:"talk_ms"`

	Codec       string  `json:"codec,omitempty"`
	Sent        uint64  `json:"sent"`
	Received    uint64  `json:"received"`
	Lost        uint64  `json:"lost"`
	Late        uint64  `json:"late"`
	JitterMS    float64 `json:"jitter_ms"`
	RoundTripMS float64 `json:"round_trip_ms"`
	MOS         float64 `json:"mos"`

	Digits string `json:"digits,omitempty"` // keys received beside the sound
	Tones  string `json:"tones,omitempty"`  // keys heard in the sound
	Holds  int    `json:"holds,omitempty"`  // how often we held

	Remote    string `json:"remote,omitempty"` // signalling address of the other side
	Media     string `json:"media,omitempty"`  // its media address
	Transport string `json:"transport,omitempty"`
	UserAgent string `json:"user_agent,omitempty"` // its software
}

// Facts is what is known of the call now.
func (c *Call) Facts() CallFacts {
	c.mu.Lock()
	leg, detail, codec := c.leg, c.detail, c.codec
	over := c.state == Ended
	c.mu.Unlock()
	if !over && leg != nil {
		detail, codec = leg.Detail(), leg.Media().Codec()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := CallFacts{
		Direction: c.dir, Way: c.dir.String(), Number: c.number, Name: c.name, SIPCallID: detail.SIPCallID, State: c.state,
		Status: c.status, Cause: c.cause.Text, Q850: c.cause.Q850,
		Began: c.begun.UTC(), Rang: moment(c.rang), Answered: moment(c.answered), Over: moment(c.ended),
		Codec: codec, Digits: string(c.keys), Tones: string(c.tones), Holds: c.holds,
		Remote: detail.Remote, Media: detail.Media, Transport: detail.Transport, UserAgent: detail.UserAgent,
	}
	if c.state == Ended {
		f.By = "us"
		if c.byPeer {
			f.By = "peer"
		}
	}
	if !c.answered.IsZero() {
		until := c.ended
		if until.IsZero() {
			until = time.Now()
		}
		f.TalkMS = until.Sub(c.answered).Milliseconds()
	}
	for _, q := range detail.Quality {
		if q.Packets == 0 && q.Sent == 0 {
			continue
		}
		f.Sent, f.Received, f.Lost, f.Late, f.MOS = q.Sent, q.Packets, q.Lost, q.Late, q.MOS
		f.JitterMS, f.RoundTripMS = milliseconds(q.Jitter), milliseconds(q.RoundTrip)
		break
	}
	return f
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Round(time.Microsecond)
	return &t
}

// milliseconds to the hundredth.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(10*time.Microsecond)) / 100
}

// JSON is the summary on one line, without a line end.
func (s Summary) JSON() []byte {
	text, err := json.Marshal(s)
	if err != nil { // of plain values only
		return []byte("{}")
	}
	return text
}

// Exit statuses of the phone command.
const (
	ExitDone         = 0 // everything that was asked for was done
	ExitUsage        = 1 // the options or files are unusable, or the phone cannot start
	ExitUnregistered = 2 // the server did not register us
	ExitNoCall       = 3 // the call was refused or not answered, or nobody called
	ExitCallBroke    = 4 // the call was lost, or something in it (hold, digits, recording) failed
)

// Exit is the exit status for a run that ended with err.
func (s Summary) Exit(err error) int {
	switch {
	case err == nil:
		return ExitDone
	case s.Reached < Started:
		return ExitUsage
	case errors.Is(err, ErrUnregistered):
		return ExitUnregistered
	case s.Reached == Talking:
		return ExitCallBroke
	}
	return ExitNoCall
}
