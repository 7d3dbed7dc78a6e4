package listen

import (
	"time"

	"santral/media"
)

// Verdict says who has answered a call.
type Verdict uint8

// Verdicts.
const (
	Undecided Verdict = iota
	Person
	Automat // an answering machine or a voicemail
	Nobody  // nothing was said for so long that whoever has answered waits, or is not there
)

// String names the verdict.
func (v Verdict) String() string {
	return [...]string{"undecided", "person", "machine", "nobody"}[v]
}

// Reason is why a verdict was given.
type Reason uint8

// Reasons.
const (
	NoReason     Reason = iota
	ShortWord           // a word or two, and then somebody waits: a person says hello
	Greeting            // a sentence, and then somebody waits: a person's greeting
	LongGreeting        // somebody speaks on and on: a recording
	HeardBeep           // the tone after which a machine records
	Silence             // nothing was said
)

// String tells the reason.
func (r Reason) String() string {
	return [...]string{"no reason", "a short word and then silence", "a greeting and then silence", "a long greeting", "a beep", "silence"}[r]
}

// Judgment is a verdict with what it was made of.
type Judgment struct {
	Verdict  Verdict
	Reason   Reason
	At       time.Duration // of the sound that was heard, when it was decided
	Before   time.Duration // of silence before the first word
	Greeting time.Duration // from the first word to the end of the last
	Spoken   time.Duration // of it, without pauses
	Words    int           // pieces of speech with a pause between them
	Beep     bool          // a beep has been heard, before the verdict or after it
}

// Machine tells whether a person or a machine has answered, from what is heard after the answer: a person says a word or
// a sentence and waits, a recording goes on, and at its end there is a beep. It decides once; after that it still hears
// beeps, so that somebody can wait for the one after which a message may be left. It belongs to one stream, is used by one
// goroutine at a time and allocates nothing.
type Machine struct {
	speech *Speech
	beep   *Beep
	rate   int

	now     time.Duration
	j       Judgment
	decided bool
	began   time.Duration // of the first word
	ended   time.Duration // of the last one
	word    time.Duration // of the word that is heard
	speaks  bool
}

var _ media.Sink = (*Machine)(nil)

// What tells a person from a machine. A person's greeting of a company takes two or three seconds, a recording seldom less
// than four; in a recording pauses between sentences are half a second, and who waits for an answer waits longer.
const (
	leastWord    = 160 * time.Millisecond // what is shorter is a click, or the noise of a line that opens
	shortWord    = 1300 * time.Millisecond
	longest      = 3600 * time.Millisecond // of a person's greeting
	waitsShort   = 750 * time.Millisecond  // after a short word, with what Speech holds on after it
	waitsLong    = 1000 * time.Millisecond
	nobodySpeaks = 5 * time.Second
	hangsOn      = hangMost * 10 * time.Millisecond
)

// NewMachine makes one for a stream of sound at rate, in Hz, that begins with the answer.
func NewMachine(rate int) *Machine {
	return &Machine{speech: New(rate), beep: NewBeep(rate), rate: rate}
}

// Rate is the rate that it was made for (media.Rated).
func (m *Machine) Rate() int { return m.rate }

// Write takes the next frame (media.Sink).
func (m *Machine) Write(f media.Frame) { m.Hear(f) }

// Hear takes the next frame, 20 ms or so, and gives the judgment as it stands, and whether it is made.
func (m *Machine) Hear(f media.Frame) (j Judgment, decided bool) {
	m.now += time.Duration(len(f)) * time.Second / time.Duration(m.rate)
	beep := m.beep.Hear(f)
	m.j.Beep = m.j.Beep || beep
	if m.decided {
		return m.j, true
	}
	speaks, _ := m.speech.Hear(f)
	m.follow(speaks)
	pause := m.now - m.ended
	switch said := m.ended - m.began; {
	case beep:
		m.decide(Automat, HeardBeep)
	case m.j.Words == 0 && !speaks:
		if m.now >= nobodySpeaks {
			m.decide(Nobody, Silence)
		}
	case m.speaks && m.now-m.began > longest+hangsOn && m.j.Words > 0:
		m.decide(Automat, LongGreeting)
	case m.speaks:
	case said <= shortWord && pause >= waitsShort:
		m.decide(Person, ShortWord)
	case pause >= waitsLong:
		m.decide(Person, Greeting)
	}
	return m.j, m.decided
}

// Judgment is how it stands.
func (m *Machine) Judgment() (j Judgment, decided bool) { return m.j, m.decided }

// follow keeps account of words.
func (m *Machine) follow(speaks bool) {
	if speaks {
		if !m.speaks {
			m.speaks, m.word = true, m.now
			if m.j.Words == 0 {
				m.began = m.now
			}
		}
		if m.j.Words == 0 && m.now-m.began > time.Second { // a word that takes long is one before its end
			m.j.Words = 1
		}
		return
	}
	if !m.speaks {
		return
	}
	m.speaks = false
	if long := m.now - m.word - hangsOn; long >= leastWord || m.j.Words > 0 {
		if m.j.Words == 0 {
			m.j.Before = m.began
		}
		m.j.Words++
		m.j.Spoken += max(long, 0)
		m.ended = m.now - hangsOn
		m.j.Greeting = m.ended - m.began
	}
}

func (m *Machine) decide(v Verdict, why Reason) {
	m.decided = true
	m.j.Verdict, m.j.Reason, m.j.At = v, why, m.now
	if m.speaks {
		m.j.Greeting, m.j.Before = m.now-m.began, m.began
		m.j.Spoken += m.now - m.word
	}
}
