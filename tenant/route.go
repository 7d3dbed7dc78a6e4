package tenant

import "time"

// Route says which trunks carry numbers: the one whose prefix is the longest that fits, among equal ones that of the lowest
// Priority whose conditions hold.
type Route struct {
	Name     string        // unique in its document; the prefix when unsaid
	Prefix   string        // as it is dialled, or with + of the number in E.164; "" for all, "+" for all of the public network
	Calls    []Calls       // only calls of these kinds; none for every kind
	Schedule string        // only while it is open; "" for always
	Closed   bool          // only while it is closed
	Priority int           // lower is asked first
	Ways     []RouteWay    // in the order of their own priorities
	Strip    int           // leading digits that are taken off
	Prepend  string        // digits that are put in front afterwards
	Patience time.Duration // how long a trunk may leave an attempt without ringing before the next is tried
	Causes   []int         // SIP statuses after which the next trunk is tried, besides those that say that a trunk is in trouble
	Answered float64       // least answer-seizure ratio of a trunk in the last 15 minutes, 0 to 1; below it the trunk comes last
	MOS      float64       // least MOS likewise, 1 to 4.5
}

// RouteWay is a trunk of a route. Those of a lower Priority are tried before; among equal ones chance decides by Weight,
// and Percent bounds how many of the calls begin with it.
type RouteWay struct {
	Trunk    string
	Priority int
	Weight   int // 0 takes no part in chance: those without one are tried after those with one, in the order of the document
	Percent  int // of the route's calls that may begin here; 0 for no bound
}

// Sent gives the number that a route's trunks are told.
func (r *Route) Sent(number string) string { return r.Prepend + number[min(r.Strip, len(number)):] }
