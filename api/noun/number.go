package noun

// Number is a public number of a tenant that is no line's, a range or a prefix of them, and where it leads.
type Number struct {
	Number  string `json:"number" doc:"a number as it is dialled or in E.164, or the first and the last of a range" example:"02122000100-02122000199"`
	To      string `json:"to,omitempty" doc:"where calls to it go: a number of the tenant, group:NAME, trunk:NAME, refuse:busy, refuse:gone or refuse:declined; to the account, group or PBX that has the number when left out" example:"101"`
	Inbound []Rule `json:"inbound,omitempty" doc:"looked through before to, the first that holds is taken"`
	State   string `json:"state,omitempty" doc:"where it stands in its life; active when left out" enum:"active,reserved,assigned,porting,barred,suspended,ceased,quarantine"`
	Site    string `json:"site,omitempty" example:"tehran"`
	Name    string `json:"name,omitempty" doc:"what it is for" example:"Main number" maxLength:"128"`
	Trunk   string `json:"trunk,omitempty" doc:"carrier of the tenant's own that it comes by; the operator's when left out"`
}

// Rule sends a call somewhere else than its number's target.
type Rule struct {
	Callers  []string `json:"callers,omitempty" doc:"numbers, ranges or prefixes; everybody when left out" example:"[\"+9891*\"]"`
	Hidden   bool     `json:"hidden,omitempty" doc:"only callers who withhold their number"`
	Schedule string   `json:"schedule,omitempty" doc:"only while it is open" example:"office"`
	Closed   bool     `json:"closed,omitempty" doc:"only while the schedule is closed"`
	To       string   `json:"to" doc:"a number of the tenant, group:NAME, trunk:NAME, refuse:busy, refuse:gone or refuse:declined" example:"group:concierge"`
}

// Block is numbers that the operator has to give out, or that stand in its books for another reason.
type Block struct {
	Number  string `json:"number" doc:"a number, or the first and the last of a range" example:"02122000000-02122000999"`
	Name    string `json:"name,omitempty" maxLength:"128"`
	State   string `json:"state,omitempty" doc:"free for stock" enum:"free,reserved,assigned,porting,ceased,quarantine"`
	Until   string `json:"until,omitempty" doc:"date on which a reservation or a quarantine ends" example:"2027-03-21"`
	Tenant  string `json:"tenant,omitempty" doc:"for whom it is reserved, or whose it was"`
	Country string `json:"country,omitempty" enum:"ae,ca,cn,de,es,fr,gb,ir,itu,tr,uk,us" example:"ir"`
	Area    string `json:"area,omitempty" example:"21"`
}
