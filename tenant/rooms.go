package tenant

import (
	"strings"

	"santral/base/doc"
)

// Rooms are a tenant's conference rooms that are there for whoever dials their number. The zero value is DefaultRooms.
type Rooms struct {
	First, Last string // their numbers, of one length; "" for DefaultRooms
	None        bool   // there are none
	Members     int    // most in one room; 0 for DefaultRoomMembers
	Most        int    // rooms in use at once; 0 for DefaultMostRooms
}

// What holds of rooms where a document does not say, and the most that it may say.
const (
	firstRoom          = "8000"
	lastRoom           = "8099"
	DefaultRooms       = firstRoom + "-" + lastRoom
	DefaultRoomMembers = 200
	DefaultMostRooms   = 50
	MaxRoomMembers     = 1000
	MaxRooms           = 10000
)

// readRooms reads a range of numbers, none, or both and limits.
func readRooms(n *doc.Node) (r Rooms) {
	if !n.IsMap() {
		r.numbers(n)
		return r
	}
	n.Map(doc.Fields{
		"numbers": r.numbers,
		"members": func(n *doc.Node) { r.Members = n.Int(2, MaxRoomMembers) },
		"most":    func(n *doc.Node) { r.Most = n.Int(1, MaxRooms) },
	})
	return r
}

func (r *Rooms) numbers(n *doc.Node) {
	if n.Text() == "none" {
		r.None = true
		return
	}
	first, last, ranged := strings.Cut(n.Text(), "-")
	if !ranged {
		last = first
	}
	if !digits(first, 2, 11) || len(first) != len(last) || last < first {
		n.Fail("%q must be numbers of 2 to 11 digits such as %s, or none", n.Text(), DefaultRooms)
		return
	}
	r.First, r.Last = first, last
}

func (r Rooms) between() (first, last string) {
	if r.First == "" {
		return firstRoom, lastRoom
	}
	return r.First, r.Last
}

// Has reports whether a number is a room's.
func (r Rooms) Has(number string) bool {
	first, last := r.between()
	return !r.None && len(number) == len(first) && number >= first && number <= last && strings.Trim(number, "0123456789") == ""
}

// Begins reports whether digits are the beginning of a longer number of a room.
func (r Rooms) Begins(digits string) bool {
	first, last := r.between()
	n := len(digits)
	return !r.None && n > 0 && n < len(first) && digits >= first[:n] && digits <= last[:n] && strings.Trim(digits, "0123456789") == ""
}

// Limits are the most members of a room, and the most rooms in use at once.
func (r Rooms) Limits() (members, rooms int) {
	members, rooms = r.Members, r.Most
	if members == 0 {
		members = DefaultRoomMembers
	}
	if rooms == 0 {
		rooms = DefaultMostRooms
	}
	return members, rooms
}
