package tenant

// Collection is a list of a document whose entries are known by a key: what the API serves as a resource.
type Collection struct {
	List string // key of the document, and name of the resource
	Key  string // of an entry
	Else string // that names an entry which does not say its Key; "" for none
	Only Where
}

// Where says in which documents a list stands.
type Where uint8

// Places of a list.
const (
	InBoth Where = iota
	InTenants
	InOperator
)

// Collections are the lists of documents.
var Collections = []Collection{
	{"sites", "site", "", InTenants},
	{"departments", "department", "", InTenants},
	{"groups", "group", "", InTenants},
	{"users", "user", "", InBoth},
	{"buildings", "building", "", InTenants},
	{"units", "unit", "", InTenants},
	{"extensions", "number", "", InTenants},
	{"lines", "number", "", InTenants},
	{"devices", "device", "", InTenants},
	{"numbers", "number", "", InTenants},
	{"classes", "class", "", InTenants},
	{"schedules", "schedule", "", InBoth},
	{"calendars", "calendar", "", InBoth},
	{"pools", "pool", "", InBoth},
	{"trunks", "name", "", InTenants},
	{"routes", "name", "prefix", InBoth},
	{"lists", "name", "", InTenants},
	{"music", "name", "", InTenants},
	{"webhooks", "webhook", "", InBoth},
	{"reports", "report", "", InTenants},
	{"brands", "brand", "", InOperator},
	{"carriers", "name", "", InOperator},
	{"blocks", "number", "", InOperator},
}
