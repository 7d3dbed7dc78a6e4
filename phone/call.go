package phone

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"santral/call"
	"santral/media"
	"santral/media/dtmf"
	"santral/media/sdp"
	"santral/media/tone"
)

// Call is one call of a phone, in whichever direction. It is over when Done is closed, and everything
// can be asked of it still.
type Call struct {
	// parameters
	phone   *Phone
	dir     call.Direction
	number  string // of the other side
	name    string // display name of the other side, inbound
	dialled string // what the caller dialled, inbound
	begun   time.Time

	// inbox
	events mailbox[Event]
	done   chan struct{}
	voice  voice

	// state
	mu       sync.Mutex // a leaf
	leg      call.Leg   // nil until begin
	early    []call.LegEvent
	state    State
	status   int // the last provisional answer's, or the refusal's
	rang     time.Time
	answered time.Time
	ended    time.Time
	cause    call.Cause
	leaving  bool // we hung up or refused
	byPeer   bool // the other side ended it
	held     bool // the other side holds us
	holding  bool // we hold the other side
	holds    int
	codec    string
	keys     []byte // received beside the sound
	tones    []byte // heard in the sound
	detail   call.LegDetail
	change   chan error // of the hold or resume under way
}

func newCall(p *Phone, dir call.Direction, number string) *Call {
	c := &Call{phone: p, dir: dir, number: number, begun: time.Now(), done: make(chan struct{}), state: Calling}
	if dir == call.In {
		c.state, c.rang = Rings, c.begun
	}
	c.events.init()
	c.voice.ear = dtmf.NewDetector(8000, c.onTone)
	return c
}

// begin gives the call its leg, and takes what the leg has told before.
func (c *Call) begin(leg call.Leg) {
	leg.Media().Attach(&c.voice, &c.voice)
	for {
		c.mu.Lock()
		early := c.early
		c.early = nil
		if len(early) == 0 {
			c.leg = leg
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		for _, e := range early {
			c.take(leg, e)
		}
	}
}

// Direction is In for a call to us and Out for one of ours.
func (c *Call) Direction() call.Direction { return c.dir }

// Number is the other side's: what we dialled, or who calls.
func (c *Call) Number() string { return c.number }

// Name is the display name that the caller shows, inbound.
func (c *Call) Name() string { return c.name }

// Dialled is what the caller dialled to reach us, inbound.
func (c *Call) Dialled() string { return c.dialled }

// State is where the call stands.
func (c *Call) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Done is closed when the call is over.
func (c *Call) Done() <-chan struct{} { return c.done }

// Next waits for the next event. After Over it fails with ErrEnded.
func (c *Call) Next(ctx context.Context) (Event, error) { return c.events.take(ctx) }

// Wait waits for an event of one of the kinds and forgets those before it. When the call ends
// instead, the error wraps ErrEnded and tells the cause.
func (c *Call) Wait(ctx context.Context, kinds ...EventKind) (Event, error) {
	for {
		e, err := c.events.take(ctx)
		switch {
		case err != nil:
			return e, err
		case slices.Contains(kinds, e.Kind):
			return e, nil
		case e.Kind == Over:
			return e, fmt.Errorf("%w: %s (SIP %d, Q.850 %d)", ErrEnded, e.Cause.Text, e.Cause.SIP, e.Cause.Q850)
		}
	}
}

// Early rings with early media: what Play says is heard before the answer. It does nothing for a
// caller that made no offer.
func (c *Call) Early() error {
	if c.dir != call.In {
		return nil
	}
	d, err := c.leg.Media().AnswerLocal()
	if err != nil {
		return fmt.Errorf("early media: %w", err)
	}
	c.leg.Progress(call.Progress{Status: 183, Early: d})
	return nil
}

// Answer answers a call to us.
func (c *Call) Answer() {
	if c.dir == call.In {
		c.leg.Answer(nil)
	}
}

// Reject refuses a call to us.
func (c *Call) Reject(why call.Cause) {
	if c.dir == call.In {
		c.leave()
		c.leg.Reject(why)
	}
}

// Hangup ends the call in whatever state it is.
func (c *Call) Hangup() {
	why := call.NormalClearing
	switch s := c.State(); {
	case c.dir == call.In && s == Rings:
		why = call.Declined
	case s != Talking:
		why = call.Cancelled
	}
	c.leave()
	c.leg.Hangup(why)
}

func (c *Call) leave() {
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
}

// Play says a source in the place of the one before; nil says silence. The channel is closed when the
// source has ended, or something else has taken its place. While we hold the other side, it waits.
func (c *Call) Play(src media.Source) <-chan struct{} { return c.voice.play(src) }

// Record gives what is heard to a sink; nil ends it.
func (c *Call) Record(sink media.Sink) { c.voice.record(sink) }

// Hold puts the other side on hold and waits until it has agreed.
func (c *Call) Hold(ctx context.Context) error { return c.hold(ctx, true) }

// Resume takes the other side off hold and waits until it has agreed.
func (c *Call) Resume(ctx context.Context) error { return c.hold(ctx, false) }

func (c *Call) hold(ctx context.Context, on bool) error {
	verb := "resume"
	if on {
		verb = "hold"
	}
	result := make(chan error, 1)
	c.mu.Lock()
	busy, talking := c.change != nil, c.state == Talking
	if !busy && talking {
		c.change = result
	}
	c.mu.Unlock()
	switch {
	case !talking:
		return fmt.Errorf("%s: %w", verb, ErrEnded)
	case busy:
		return fmt.Errorf("%s: another change is under way", verb)
	}
	m := c.leg.Media()
	m.Hold(on)
	d, err := m.OfferLocal()
	if err != nil {
		c.settle(err)
	} else {
		c.leg.Offer(d)
	}
	select {
	case err = <-result:
	case <-c.done:
		err = ErrEnded
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		m.Hold(!on)
		return fmt.Errorf("%s: %w", verb, err)
	}
	c.voice.hush(on)
	c.mu.Lock()
	c.holding = on
	if on {
		c.holds++
	}
	c.mu.Unlock()
	return nil
}

// settle ends the change under way, if there is one.
func (c *Call) settle(err error) {
	c.mu.Lock()
	result := c.change
	c.change = nil
	c.mu.Unlock()
	if result != nil {
		result <- err
	}
}

// How long a key is pressed and how long the pause after it is.
const (
	keyTime  = 100 * time.Millisecond
	keyPause = 150 * time.Millisecond
)

// SendDigits presses keys one after another and returns after the last: as telephone events, or as
// tones where the other side takes no events. A comma is a pause of half a second.
func (c *Call) SendDigits(ctx context.Context, keys string) error {
	for i := range len(keys) {
		wait := keyTime + keyPause
		if keys[i] == ',' {
			wait = 500 * time.Millisecond
		} else if _, _, ok := tone.Frequencies(keys[i]); !ok {
			return fmt.Errorf("send digits: %q is no key", keys[i])
		} else if err := c.leg.Media().SendDigit(keys[i], int(keyTime/time.Millisecond)); err != nil {
			c.voice.press(tone.Digits(keys[i:i+1], keyTime, keyPause).Play())
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-c.done:
			t.Stop()
			return fmt.Errorf("send digits: %w", ErrEnded)
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
	return nil
}

// Digits is the keys that the other side pressed so far, as events beside the sound.
func (c *Call) Digits() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.keys)
}

// Tones is the keys that were heard as tones in the sound so far.
func (c *Call) Tones() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.tones)
}

func (c *Call) onTone(h dtmf.Heard) {
	if h.Over {
		return
	}
	c.mu.Lock()
	c.tones = append(c.tones, h.Key)
	c.mu.Unlock()
	c.events.put(Event{Kind: Tone, At: time.Now(), Key: h.Key})
}

// Post takes what the leg tells (call.Inbox), on the leg's shard.
func (c *Call) Post(e call.LegEvent) {
	c.mu.Lock()
	leg := c.leg
	if leg == nil {
		c.early = append(c.early, e)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.take(leg, e)
}

func (c *Call) take(leg call.Leg, e call.LegEvent) {
	switch e.Kind {
	case call.Progressed:
		c.onProgress(e)
	case call.Answered, call.Confirmed:
		c.onTalking(leg, e)
	case call.Offered:
		leg.Accept(nil)
		c.onPeer(e.Desc, e.At)
	case call.Accepted:
		c.onPeer(e.Desc, e.At)
		c.settle(nil)
		c.events.put(Event{Kind: Changed, At: e.At})
	case call.Refused:
		c.settle(fmt.Errorf("%w: %d %s", ErrRefused, e.Cause.SIP, e.Cause.Text))
		c.events.put(Event{Kind: Unchanged, At: e.At, Cause: e.Cause})
	case call.Informed, call.Pressed:
		c.onKey(e)
	case call.MediaLost:
		c.events.put(Event{Kind: Silence, At: e.At})
	case call.Failed, call.Ended:
		c.onEnd(leg, e)
	}
}

func (c *Call) onProgress(e call.LegEvent) {
	c.mu.Lock()
	c.status = e.Status
	if e.Status == 180 || e.Status == 183 {
		c.state = Rings
		if c.rang.IsZero() {
			c.rang = e.At
		}
	}
	c.mu.Unlock()
	c.events.put(Event{Kind: Progress, At: e.At, Status: e.Status})
}

func (c *Call) onTalking(leg call.Leg, e call.LegEvent) {
	if e.Kind == call.Answered && c.phone.cfg.LateOffer {
		leg.Accept(nil)
	}
	c.mu.Lock()
	c.state, c.status, c.answered = Talking, 200, e.At
	c.mu.Unlock()
	c.events.put(Event{Kind: Talks, At: e.At})
	c.onPeer(e.Desc, e.At)
}

// onPeer looks whether the other side's description holds us.
func (c *Call) onPeer(d *sdp.Description, at time.Time) {
	if d == nil {
		return
	}
	line := d.Audio()
	c.mu.Lock()
	// An answer to our own hold says recvonly or inactive; only the lack of wanting is theirs.
	held := line >= 0 && d.Media[line].Held(d) && c.change == nil && !c.holding
	was := c.held
	c.held = held
	c.mu.Unlock()
	switch {
	case held && !was:
		c.events.put(Event{Kind: Held, At: at})
	case was && !held:
		c.events.put(Event{Kind: Resumed, At: at})
	}
}

func (c *Call) onKey(e call.LegEvent) {
	if e.Digit == 0 {
		return
	}
	c.mu.Lock()
	c.keys = append(c.keys, e.Digit)
	c.mu.Unlock()
	c.events.put(Event{Kind: Key, At: e.At, Key: e.Digit})
}

func (c *Call) onEnd(leg call.Leg, e call.LegEvent) {
	if e.Finish != nil {
		e.Finish()
	}
	c.voice.stop()
	codec := leg.Media().Codec()
	c.mu.Lock()
	c.codec = codec
	// A context that ends hangs up too, with the cause of a caller who gives up.
	gaveUp := c.dir == call.Out && e.Cause == call.Cancelled
	c.byPeer = e.Finish != nil || !c.leaving && !gaveUp
	c.state, c.ended, c.cause = Ended, e.At, e.Cause
	if e.Detail != nil {
		c.detail = *e.Detail
	}
	if c.answered.IsZero() {
		c.status = e.Cause.SIP
	}
	over := Event{Kind: Over, At: e.At, Cause: e.Cause, ByPeer: c.byPeer, Status: c.status}
	c.mu.Unlock()
	c.settle(ErrEnded)
	c.phone.remove(c)
	c.events.put(over)
	c.events.close(ErrEnded)
	close(c.done)
}
