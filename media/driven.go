package media

import "time"

// Some sources and sinks take turns of their own on the media clock, such as a room in which many speak. Who attaches
// a peer to one is led by it: the peer's sound is drawn, and what it hears is said, within one and the same turn, so that
// nothing waits for another's turn. One that is a Leader or a Drawer is a Source or a Sink all the same, for whoever knows
// nothing of turns.

// Mixed is sound of which several may hear the same. Whoever makes it gives it new sound on each turn; what speakers
// make of it for all of them (one encoding) is kept with it.
type Mixed struct {
	Sound Frame  // of this turn, each as long as the other
	Rate  int    // Hz; it does not change
	Turn  uint64 // counts turns from 1, one up each time
	Made  any    // of those who say it, and nobody else's; nil at first
}

// Voice speaks to one peer. Its methods are called by one turn at a time, and do not block.
type Voice interface {
	// Take tells what will be said on this turn, of which nothing has been said by anybody yet. It may be another
	// Mixed than on the turn before: the sound goes on without a break.
	Take(m *Mixed)
	// Say says it. now is the media clock's.
	Say(m *Mixed, now time.Duration)
	// Alone has the voice read its Source on turns of its own again.
	Alone()
}

// Leader is a Source that has voices speak on its own turns.
type Leader interface {
	Source
	// Lead has v take part in every turn from the next on, in place of another. It is false when there are no
	// turns to come: v is on its own then.
	Lead(v Voice) bool
	// Dismiss ends that, where it is v who takes part. A turn that is under way may still be v's.
	Dismiss(v Voice)
}

// Ear hears one peer.
type Ear interface {
	// Hear fills f with what the peer says next, at the rate of the Drawer. It is false when nothing more will come.
	// It does not block.
	Hear(f Frame) bool
	// Alone has the ear write to its Sink on turns of its own again.
	Alone()
}

// Drawer is a Sink that takes what ears hear on its own turns.
type Drawer interface {
	Sink
	// Draw has e asked on every turn from the next on, in place of another. It is false when there are no turns
	// to come: e is on its own then.
	Draw(e Ear) bool
	// Drop ends that, where it is e who is asked. A turn that is under way may still ask it.
	Drop(e Ear)
}

// Copier is an Encoder that can go on where another of its kind stands.
type Copier interface {
	// CopyFrom takes over the state of e; false where e is of another kind, and then nothing has changed.
	CopyFrom(e Encoder) bool
}
