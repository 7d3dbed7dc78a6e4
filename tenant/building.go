package tenant

import "time"

// Building is a house of a complex: its blocks hold units.
type Building struct {
	ID     string // [a-z0-9-], the key of the list
	Name   string
	Site   string   // whose address it has; "" for the tenant's first
	Blocks []string // names of its blocks, such as "A"; none for a house of one
}

// Unit is a flat, an office or a shop: what has lines, and people in it.
type Unit struct {
	ID        string // [a-z0-9-] such as "a-2-12", the key of the list
	Building  string
	Block     string // one of the building's; "" for none
	Floor     string
	Door      string   // the number on its door
	Accounts  []string // numbers of its lines and extensions
	Residents []Resident
}

// Resident is somebody who lives in a unit. Moving in and moving out are one change each: the displayed name of the unit's
// accounts, the user who may sign in for it and the credential change with the people.
type Resident struct {
	Name   string
	Mobile string
	Mail   string
	Since  time.Time // date, at midnight UTC; zero for unknown
}

// Device is a telephone, an adapter, a gateway or a fibre modem: what carries accounts over one connection.
type Device struct {
	ID         string // [a-z0-9-], the key of the list; its MAC address without separators where it has one
	Name       string
	Model      string   // make and model, as provisioning knows it; "" for a softphone
	Accounts   []string // numbers, port by port or key by key
	Site       string
	User       string // whose it is; "" for nobody's
	Note       string
	Department string
}
