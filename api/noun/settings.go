package noun

// Tenant is the own keys of a tenant's document: what is no list of keyed entries.
type Tenant struct {
	Tenant    string     `json:"tenant" doc:"its id; it stands in every record, so it never changes" example:"sample" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name      string     `json:"name,omitempty" doc:"as people read it" example:"Sample Company" maxLength:"128"`
	Type      string     `json:"type,omitempty" doc:"business when left out" enum:"business,residential,complex,wholesale"`
	Brand     string     `json:"brand,omitempty" doc:"a brand of the operator's"`
	Domains   []string   `json:"domains" doc:"what phones register at; the first is also the digest realm" example:"[\"sip.example.net\"]"`
	Realm     string     `json:"realm,omitempty" doc:"another digest realm than the first domain"`
	Default   bool       `json:"default,omitempty" doc:"takes requests for the exchange's bare addresses too; one tenant at most"`
	Country   string     `json:"country,omitempty" doc:"whose numbers are dialled and whose tones are heard" enum:"ae,ca,cn,de,es,fr,gb,ir,itu,tr,uk,us" example:"ir"`
	Area      string     `json:"area,omitempty" doc:"area code without the leading 0, which 8-digit numbers are completed with" example:"21"`
	Language  string     `json:"language,omitempty" enum:"en,fa"`
	Zone      string     `json:"zone,omitempty" doc:"IANA time zone" example:"Asia/Tehran"`
	Calendar  string     `json:"calendar,omitempty" doc:"whose holidays hold" example:"ir"`
	Class     string     `json:"class,omitempty" doc:"class of service of who has none of his own"`
	Present   string     `json:"present,omitempty" doc:"number that calls to the outside present where the caller owns none" example:"02122000100"`
	Emergency []string   `json:"emergency,omitempty" doc:"numbers of emergency services besides those of the country and the operator" example:"[\"110\"]"`
	Limits    *Limits    `json:"limits,omitempty" doc:"what it may have and do"`
	Inbound   []Rule     `json:"inbound,omitempty" doc:"looked through for every call from outside, before the number's own"`
	Phones    *Phones    `json:"phones,omitempty" doc:"what header fields tell its phones"`
	Media     *Media     `json:"media,omitempty" doc:"how media is negotiated where an account does not say"`
	Rooms     *Rooms     `json:"rooms,omitempty" doc:"conference rooms for whoever dials their number"`
	Record    string     `json:"record,omitempty" doc:"which calls are recorded where an account does not say" enum:"off,all"`
	Prompts   *Prompts   `json:"prompts,omitempty" doc:"who may record announcements by phone"`
	Waiting   string     `json:"waiting,omitempty" doc:"whether phones that have not subscribed are told of waiting messages" enum:"subscribed,pushed"`
	Retention *Retention `json:"retention,omitempty" doc:"how long what is kept stays"`
	API       *Access    `json:"api,omitempty" doc:"from where its people and programs may use the API"`
}

// Operator is the own keys of the operator's document.
type Operator struct {
	Operator  string     `json:"operator" doc:"its name" example:"Example Telecom" maxLength:"128"`
	Country   string     `json:"country,omitempty" doc:"where tenants are that do not say; ir when left out" enum:"ae,ca,cn,de,es,fr,gb,ir,itu,tr,uk,us" example:"ir"`
	Area      string     `json:"area,omitempty" example:"21"`
	Language  string     `json:"language,omitempty" enum:"en,fa"`
	Zone      string     `json:"zone,omitempty" example:"Asia/Tehran"`
	Emergency []string   `json:"emergency,omitempty" doc:"numbers of emergency services besides those of the country"`
	Apart     bool       `json:"apart,omitempty" doc:"calls from one tenant to a number of another leave by carriers, instead of staying here"`
	Retention *Retention `json:"retention,omitempty"`
	API       *Access    `json:"api,omitempty"`
}

// Limits are what a tenant may have and do. What is left out has no limit.
type Limits struct {
	Extensions int `json:"extensions,omitempty" minimum:"1" maximum:"10000000"`
	Lines      int `json:"lines,omitempty" minimum:"1" maximum:"10000000"`
	Trunks     int `json:"trunks,omitempty" minimum:"1" maximum:"10000000"`
	Numbers    int `json:"numbers,omitempty" minimum:"1" maximum:"10000000"`
	Channels   int `json:"channels,omitempty" doc:"calls with the outside at once" minimum:"1" maximum:"10000000"`
	In         int `json:"channels-in,omitempty" doc:"of these, towards the tenant" minimum:"1" maximum:"10000000"`
	Out        int `json:"channels-out,omitempty" doc:"of these, from the tenant" minimum:"1" maximum:"10000000"`
	Rate       int `json:"rate,omitempty" doc:"new calls with the outside in any one second" minimum:"1" maximum:"1000"`
}

// Phones is what header fields tell a tenant's phones.
type Phones struct {
	Identity    string   `json:"identity,omitempty" enum:"pai,rpid,from,none"`
	Diversion   string   `json:"diversion,omitempty" enum:"diversion,history-info,both,none"`
	Pass        []string `json:"pass,omitempty" doc:"header fields that cross a call" maxItems:"8"`
	Intercom    bool     `json:"intercom,omitempty" doc:"one account may have another's phone answer by itself"`
	AlertSource bool     `json:"alert-source,omitempty" doc:"Alert-Info says whether a call comes from inside"`
}

// Rooms is a tenant's conference rooms.
type Rooms struct {
	Numbers string `json:"numbers,omitempty" short:"true" doc:"their numbers, or none" example:"8000-8099"`
	Members int    `json:"members,omitempty" doc:"most in one room" minimum:"2" maximum:"1000"`
	Most    int    `json:"most,omitempty" doc:"rooms in use at once" minimum:"1" maximum:"10000"`
}

// Prompts is who may record announcements by phone.
type Prompts struct {
	PIN string `json:"pin,omitempty" writeOnly:"true" pattern:"^[0-9]{4,12}$"`
}

// Retention is how long what is kept stays, in days. What is left out stays for ever.
type Retention struct {
	Records int `json:"records,omitempty" minimum:"1" maximum:"36500"`
	Audit   int `json:"audit,omitempty" minimum:"1" maximum:"36500"`
}

// Access is from where the API may be used.
type Access struct {
	Addresses []string `json:"addresses,omitempty" doc:"networks; everywhere when left out" example:"[\"192.0.2.0/24\"]"`
}

// Webhook is an address that is told of events (Standard Webhooks).
type Webhook struct {
	Webhook string   `json:"webhook" doc:"its id" example:"crm" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	URL     string   `json:"url" format:"uri" example:"https://crm.example.net/santral"`
	Events  []string `json:"events,omitempty" doc:"types such as call.ended, or call.*; all when left out" example:"[\"call.*\"]"`
	Secret  string   `json:"secret,omitempty" writeOnly:"true" doc:"that signs: whsec_ and base64. Left out of a PUT, the one that is there stays"`
	Off     bool     `json:"off,omitempty" doc:"it is told nothing for now"`
	Hosts   []string `json:"hosts,omitempty" doc:"private or loopback targets that are meant" example:"[\"10.0.0.5:8080\"]"`
}

// Report is one that is made again and again, and mailed.
type Report struct {
	Report     string   `json:"report" doc:"its id" example:"monthly" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name       string   `json:"name,omitempty" maxLength:"128"`
	Kind       string   `json:"kind" enum:"calls,departments,hours,trunks,destinations,missed"`
	Every      string   `json:"every" enum:"day,week,month"`
	At         string   `json:"at,omitempty" doc:"time of day, in the tenant's zone" example:"07:30"`
	To         []string `json:"to" doc:"mail addresses" example:"[\"head@example.net\"]"`
	Format     string   `json:"format,omitempty" enum:"xlsx,csv,json"`
	Language   string   `json:"language,omitempty" enum:"en,fa"`
	Department string   `json:"department,omitempty" example:"sales"`
	Site       string   `json:"site,omitempty" example:"tehran"`
}
