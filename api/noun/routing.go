package noun

// Permits are what a class of service says of each kind of calls: allow, pin or deny.
type Permits struct {
	Internal      string `json:"internal,omitempty" enum:"allow,pin,deny"`
	Local         string `json:"local,omitempty" enum:"allow,pin,deny"`
	National      string `json:"national,omitempty" enum:"allow,pin,deny"`
	Mobile        string `json:"mobile,omitempty" enum:"allow,pin,deny"`
	International string `json:"international,omitempty" doc:"denied when left out" enum:"allow,pin,deny"`
	Premium       string `json:"premium,omitempty" doc:"denied when left out" enum:"allow,pin,deny"`
}

// Class is a class of service.
type Class struct {
	Class   string   `json:"class" doc:"its id" example:"national" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name    string   `json:"name,omitempty" example:"Within the country" maxLength:"128"`
	Permits *Permits `json:"permits,omitempty" doc:"what may be called; up to mobile it is allowed when left out"`
	Locks   []Lock   `json:"locks,omitempty" doc:"what changes while a schedule is open or closed"`
	Allowed []string `json:"allowed,omitempty" doc:"prefixes in E.164 that may be called whatever is said above" example:"[\"+4930\"]"`
	Denied  []string `json:"denied,omitempty" doc:"prefixes in E.164 that may not; the longest that fits counts"`
}

// Lock changes permits while a schedule is open, or closed.
type Lock struct {
	Schedule string   `json:"schedule" doc:"while it is open" example:"night"`
	Closed   bool     `json:"closed,omitempty" doc:"while it is closed instead"`
	Permits  *Permits `json:"permits" doc:"what holds then"`
}

// Schedule is when something holds.
type Schedule struct {
	Schedule string `json:"schedule" doc:"its id" example:"office" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name     string `json:"name,omitempty" example:"Office hours" maxLength:"128"`
	Zone     string `json:"zone,omitempty" doc:"IANA time zone; that of the site when left out" example:"Asia/Tehran"`
	Calendar string `json:"calendar,omitempty" doc:"whose holidays close it; none for no holiday, that of the site when left out" example:"ir"`
	Spans    []Span `json:"spans" doc:"it is open while any of these holds"`
}

// Span is a time that comes again.
type Span struct {
	Days     []string `json:"days,omitempty" doc:"days of the week and ranges of them; every day when left out" example:"[\"sat-wed\"]"`
	From     string   `json:"from,omitempty" doc:"time of day at which it begins" example:"08:00"`
	To       string   `json:"to,omitempty" doc:"time of day at which it is over; before from it is that of the next day" example:"17:00"`
	First    string   `json:"first,omitempty" doc:"first day: 2026-03-21, Jalali 1405-01-01, or 1 farvardin for every year" example:"1405-01-01"`
	Last     string   `json:"last,omitempty" doc:"last day" example:"1405-01-13"`
	Holidays string   `json:"holidays,omitempty" doc:"whether it holds on holidays too, or on holidays only; closed when left out" enum:"closed,also,only"`
}

// Calendar is holidays.
type Calendar struct {
	Calendar string    `json:"calendar" doc:"its id" example:"company" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name     string    `json:"name,omitempty" maxLength:"128"`
	Base     string    `json:"base,omitempty" doc:"a calendar that the exchange ships, whose holidays hold too" example:"ir"`
	Weekend  []string  `json:"weekend,omitempty" doc:"days of the week that are off" example:"[\"fri\"]"`
	Holidays []Holiday `json:"holidays,omitempty"`
}

// Holiday is one day, or days that follow one another.
type Holiday struct {
	Name  string `json:"name,omitempty" example:"Nowruz"`
	First string `json:"first" doc:"2026-03-21, Jalali 1405-01-01, or 1 farvardin for every year" example:"1 farvardin"`
	Last  string `json:"last,omitempty" doc:"last day; the first when left out" example:"4 farvardin"`
	Open  bool   `json:"open,omitempty" doc:"no holiday after all"`
}

// Pool is channels that several trunks share.
type Pool struct {
	Pool     string `json:"pool" doc:"its id" example:"main" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Channels int    `json:"channels,omitempty" minimum:"1" maximum:"10000" example:"30"`
	Reserved int    `json:"reserved,omitempty" doc:"of these, kept for calls in" minimum:"0" maximum:"10000" example:"5"`
}

// Route says which trunks carry numbers.
type Route struct {
	Name     string     `json:"name,omitempty" doc:"unique in its document; the prefix when left out" example:"abroad"`
	Prefix   string     `json:"prefix" doc:"digits that numbers begin with as dialled, or with + in E.164; empty for all" example:"00"`
	Calls    []string   `json:"calls,omitempty" doc:"only calls of these kinds" enum:"internal,local,national,mobile,international,premium,emergency" example:"[\"international\"]"`
	Schedule string     `json:"schedule,omitempty" doc:"only while it is open"`
	Closed   bool       `json:"closed,omitempty" doc:"only while it is closed"`
	Priority int        `json:"priority,omitempty" doc:"lower is asked first among equal prefixes" minimum:"0" maximum:"1000"`
	Trunks   []RouteWay `json:"trunks" doc:"tried by priority, among equal ones by weight"`
	Strip    int        `json:"strip,omitempty" doc:"leading digits that are taken off" minimum:"0" maximum:"15"`
	Prepend  string     `json:"prepend,omitempty" doc:"digits that are put in front afterwards" maxLength:"15"`
	Patience string     `json:"patience,omitempty" doc:"how long a trunk may leave an attempt without ringing; 12s when left out" example:"12s"`
	Causes   []int      `json:"causes,omitempty" doc:"SIP statuses after which the next trunk is tried too" example:"[404]"`
	Answered float64    `json:"answered,omitempty" doc:"least answer-seizure ratio of the last 15 minutes; below it a trunk comes last" minimum:"0" maximum:"1"`
	MOS      float64    `json:"mos,omitempty" doc:"least MOS likewise" minimum:"1" maximum:"4.5"`
}

// RouteWay is a trunk of a route.
type RouteWay struct {
	Trunk    string `json:"trunk" short:"true" doc:"a trunk's name" example:"carrier"`
	Priority int    `json:"priority,omitempty" doc:"lower is tried before" minimum:"0" maximum:"1000"`
	Weight   int    `json:"weight,omitempty" doc:"share among equal priorities; 1 when left out" minimum:"1" maximum:"1000"`
	Percent  int    `json:"percent,omitempty" doc:"of the route's calls that may begin here" minimum:"1" maximum:"100"`
}
