package store

import "time"

// Binding is one place where an account can be reached: what a REGISTER left behind (RFC 3261 §10.3).
type Binding struct {
	Tenant     string
	Account    string   // the address of record's user part: the account's number
	Contact    string   // URI
	Flow       string   // the signalling path, opaque, as sip.Flow prints it
	Path       []string // proxies between, nearest to us first (RFC 3327)
	CallID     string
	CSeq       uint32
	InstanceID string // +sip.instance (RFC 5626 §4.1), "" when unsaid
	RegID      uint32 // reg-id of a flow that the phone keeps beside others (RFC 5626 §4.2), 0 for none
	UserAgent  string
	Q          int       // thousandths, 1000 when unsaid
	Expires    time.Time // when it ends, whole microseconds
	Registered time.Time // when it was first made, or said by another Call-ID, whole microseconds
	Refreshed  time.Time // when it was last said, whole microseconds; kept over a restart for a flow alone
	Event      BindingEvent
}

// BindingEvent is what happened to a binding last (RFC 3680 §4.1). It is not written down.
type BindingEvent uint8

// What happens to bindings. The last three end them.
const (
	BindingRegistered   BindingEvent = iota // made
	BindingRefreshed                        // said again by the phone
	BindingShortened                        // said again, for less time than it had
	BindingExpired                          // not said again in time
	BindingUnregistered                     // taken away by the phone
	BindingDeactivated                      // taken away by us: its connection ended, or newer ones needed the room
)

var bindingEvents = [...]string{"registered", "refreshed", "shortened", "expired", "unregistered", "deactivated"}

// String gives the event as RFC 3680 §5.1 spells it.
func (e BindingEvent) String() string { return bindingEvents[e] }

// Ended reports whether a binding to which this happened is no more.
func (e BindingEvent) Ended() bool { return e >= BindingExpired }

// BindingKey is what a binding is found by: writing one with the same key replaces it. Instance and RegID
// are set for a phone's flows alone, which may share one contact.
type BindingKey struct {
	Tenant, Account, Contact string
	Instance                 string
	RegID                    uint32
}

// Key gives the binding's key.
func (b *Binding) Key() BindingKey {
	k := BindingKey{Tenant: b.Tenant, Account: b.Account, Contact: b.Contact}
	if b.RegID != 0 {
		k.Instance, k.RegID = b.InstanceID, b.RegID
	}
	return k
}

// Bindings is the registrar's memory on disk. done is called when a crash of this process can no longer
// lose the change, or when waiting longer would hold up the phone (an alarm is then up); it runs on a
// goroutine of the store's, must not block, and may be nil.
type Bindings interface {
	Put(b *Binding, done func())
	Delete(key BindingKey, done func())
}
