package call

import (
	"context"
	"time"

	"santral/media"
	"santral/media/mixer"
)

// Story is a service's part in a call. It returns the cause to end the call with.
type Story interface {
	Serve(ctx context.Context, c Control) Cause
}

// Control is what a story does with its call: straight, blocking, cancellable code. Every verb that takes a
// context returns its error when that ends first, and ErrEnded when the caller has gone or the call goes on
// without the story. What a verb could not do for a reason that has a Cause is a *Refusal.
//
// A story may be told on in a second instance of the exchange, which took the call over: it is begun there
// from its beginning, finds with Saved what it saved last, and the verb that was under way goes on from where
// it was when it is called again as the first of its kind (a Play at its place, a Collect with the digits that it
// had, a Record in the same recording).
type Control interface {
	ID() ID
	Caller() Party
	Dialled() string
	Number() string    // as the plan understood what was dialled
	Of() string        // which of the things that the service has is meant (Destination.Of)
	Tenant() string    // whose the service is; the caller may be another's
	Language() string  // that the caller hears: "en", "fa"
	Detail() LegDetail // of the caller's leg as it stands now: addresses, codec, quality

	// Save keeps the state of the story, as JSON, over a take-over of the call. Saved reads it into state, and is
	// false for a story that begins.
	Save(state any)
	Saved(state any) bool

	// Of the caller's leg.
	Answer(ctx context.Context) error
	Ringing(ctx context.Context) error
	Show(ctx context.Context, text string) error // on the caller's phone, as the name of whom it speaks with, where it can be told
	Hangup(c Cause)

	// Sound. While the caller is in a room it is for the caller alone, over what is said there.
	//
	// Play has the caller hear s until it ends, or until one of keys is pressed, which it gives and nobody
	// collects; other keys wait for Collect. A key of them that was pressed before cuts it off at once.
	Play(ctx context.Context, s media.Source, keys string) (key byte, err error)
	Say(ctx context.Context, keys string, what ...media.Phrase) (key byte, err error) // Play of phrases in the caller's language
	Tones(ctx context.Context, keys string) error                                     // keys as two-tone signals (ITU-T Q.23), a blank is a silence; until the last is over
	SendDigits(ctx context.Context, keys string) error                                // to the caller's phone, in the way in which it takes keys; until the last is sent
	Echo(ctx context.Context) error                                                   // what is heard is said, until the caller hangs up or the context ends
	Collect(ctx context.Context, ask Collecting) (Collected, error)
	Record(ctx context.Context, r Recording) (Recorded, error) // it ends when the caller hangs up, too: what was said by then comes with ErrEnded. With nothing said it has no Name

	// Others. At most one other leg is there besides the caller's.
	//
	// Dial rings others and returns when one of them has answered, and confirmed it where that is asked; it
	// waits in silence then. Join has the two talk until one goes: true when it was the other, and the story
	// goes on with the caller. When its context ends first the other waits with music.
	Dial(ctx context.Context, w Wish) (Party, error)
	Join(ctx context.Context) (otherLeft bool, err error)
	Hold(ctx context.Context) error                             // the other waits with music, until Join, Drop or Move
	Drop(ctx context.Context, c Cause) error                    // ends the other's leg
	Move(ctx context.Context, c Cause) error                    // the story goes on with the other as its caller; the caller's leg ends with c
	Transfer(ctx context.Context, to string) error              // the call goes on to another number as if the caller had dialled it, without the story
	Go(ctx context.Context, to Destination) error               // likewise to a place that the story knows
	Proceed(ctx context.Context) error                          // the caller has proved itself: the call goes on to what it dialled, without the story
	Park(ctx context.Context, name string) error                // the caller waits aside with music of that name ("" for the tenant's), until somebody takes it: then ErrEnded
	Take(ctx context.Context, id ID) error                      // connects the caller with the one that is parked in a call of the same tenant, without the story
	Attend(ctx context.Context, id ID, how Attendance) error    // the caller is with a call of the same tenant that two talk in, until that ends
	Meet(r *mixer.Room, o mixer.Options) (*mixer.Member, error) // seats the caller in a room
	Leave()                                                     // takes it out of there
}

// AnyKey is every key that a Collect or a Play may hear of.
const AnyKey = "0123456789*#ABCD"

// Refusal is why something that a story wanted was refused.
type Refusal struct{ Cause }

// Error gives the cause's text.
func (r *Refusal) Error() string { return r.Text }

// Collecting is what a story asks of its caller's keys. It ends with the first of its conditions. Keys that were
// pressed before count, unless Fresh. A hook-flash is no key.
type Collecting struct {
	Prompt   []media.Phrase // said meanwhile; the first key cuts it off, and First counts from its end
	Most     int            // keys; 0 for no limit, with Ends, Patterns or Between
	First    time.Duration  // how long to wait for the first key; 0: as long as it takes
	Between  time.Duration  // how long for each after it; 0: as long as it takes
	Ends     string         // keys that end it, and are not of the digits
	Patterns []string       // number patterns ("2xx", "0[1-8]xxxxxxxx", "9."): it ends when one is met that no more keys could lengthen, or when none can be met any longer
	Fresh    bool           // keys that were pressed before don't count
}

// Collected is what the caller pressed.
type Collected struct {
	Digits string
	End    byte       // the key of Ends that ended it, 0 for none
	Why    CollectEnd // what ended it
}

// CollectEnd is why a Collect is over.
type CollectEnd uint8

// How it ends.
const (
	UnknownCollectEnd CollectEnd = iota
	CollectFull                  // Most keys were pressed
	CollectKey                   // a key of Ends
	CollectMatch                 // a pattern is met
	CollectMismatch              // no pattern can be met
	CollectTimeout               // no key came in time
)

// String names it.
func (e CollectEnd) String() string {
	return [...]string{"unknown", "full", "key", "match", "mismatch", "timeout"}[e]
}

// Wish is whom a story wants to have rung.
type Wish struct {
	To      []string      // numbers, as the caller would dial them
	Members []Party       // instead of To: accounts of the service's tenant, whoever calls
	InTurn  bool          // one after another; otherwise all at once
	Each    time.Duration // how long each rings; 0 for the house's ring time
	Whole   time.Duration // how long it all may take; 0 for no limit
	From    *Party        // who is shown as calling; nil for the caller
	Alert   Alert
	Confirm *Confirm     // whoever answers must press a key before it counts as an answer; nil for no such thing
	Hears   media.Source // what the caller hears meanwhile; nil for ringing as in its country. One that is not answered hears its own phone ring
}

// Confirm is what is asked of who answers, so that a mailbox of a mobile network does not count.
type Confirm struct {
	Prompt []media.Phrase
	Key    byte          // that is pressed to take the call; another declines
	Within time.Duration // of the answer
}

// Attendance is how somebody is with the call of two others.
type Attendance struct {
	Mode AttendMode
	To   string // AttendWhisper: the account that hears what is said; "" for the one whom the caller of that call reached
}

// AttendMode is a way of being with a call.
type AttendMode uint8

// Ways: to hear both; to be heard by one of them as well; to be heard by both.
const (
	UnknownAttendMode AttendMode = iota
	AttendListen
	AttendWhisper
	AttendBarge
)

// String names the way.
func (m AttendMode) String() string { return [...]string{"unknown", "listen", "whisper", "barge"}[m] }

// Speech puts phrases into sound. It is asked from stories and may read files.
type Speech interface {
	// Language is what a party hears: of its account, or its tenant.
	Language(who Party) string
	// Say gives the sound of phrases in a language of a tenant; the error names what there is no sound for.
	Say(tenant, language string, what ...media.Phrase) (media.Source, error)
}

// Music is what those hear who wait.
type Music interface {
	// Music gives a reading of a stream by its name ("" for the tenant's own), which goes on whoever hears it; nil
	// for silence. It never blocks.
	Music(tenant, name string) media.Source
}

// HoldMusic is what a Music may be besides: it knows what those hear whom a party's phone holds.
type HoldMusic interface {
	// OnHold gives the sound for whom a party holds: its line's music, or its tenant's. nil leaves the sound as it is:
	// silence, or what the phone that holds plays itself. It never blocks.
	OnHold(holder Party) media.Source
}
