package noun

// Trunk is a way to and from another exchange: a carrier of the tenant's own, or a customer's PBX.
type Trunk struct {
	Carrier
	Class string `json:"class,omitempty" doc:"class of service of a PBX that calls out by routes; the tenant's when left out" example:"national"`
	Site  string `json:"site,omitempty" doc:"where a PBX is" example:"tehran"`
}

// Carrier is a way to another operator, for all tenants.
type Carrier struct {
	Name         string        `json:"name" doc:"unique in its document" example:"carrier" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Mode         string        `json:"mode" doc:"register: we register there; registered: a PBX registers here; static: nobody does" enum:"register,registered,static"`
	PBX          bool          `json:"pbx,omitempty" doc:"a customer's PBX is behind it, which may call out by routes"`
	To           []string      `json:"to,omitempty" doc:"SIP URIs of the other side, tried in order" example:"[\"sip:sbc1.carrier.example\"]" maxItems:"16"`
	Proxy        string        `json:"proxy,omitempty" doc:"everything goes there before" example:"sip:edge.example.net"`
	Registrar    string        `json:"registrar,omitempty" doc:"where we register; the first of to when left out"`
	Domain       string        `json:"domain,omitempty" doc:"host of our identity there"`
	Realm        string        `json:"realm,omitempty" doc:"only challenges of this realm are answered"`
	User         string        `json:"user,omitempty" example:"982122000100" maxLength:"64"`
	AuthUser     string        `json:"auth-user,omitempty" doc:"user name for digest where it is another" maxLength:"64"`
	Password     string        `json:"password,omitempty" writeOnly:"true" doc:"sealed when it is kept. Left out of a PUT, the one that is there stays" minLength:"6" maxLength:"128"`
	HA1          *HA1          `json:"ha1,omitempty" writeOnly:"true" doc:"hashes instead of the password"`
	Expires      string        `json:"expires,omitempty" doc:"how long we ask to be registered; 1h when left out" example:"1h"`
	GIN          bool          `json:"gin,omitempty" doc:"all numbers are registered at once (RFC 6140)"`
	Addresses    []string      `json:"addresses,omitempty" doc:"where its calls come from" example:"[\"192.0.2.0/28\"]"`
	Certificates []string      `json:"certificates,omitempty" doc:"names of which its client certificate must prove one" example:"[\"pbx.example.org\"]"`
	Numbers      []TrunkNumber `json:"numbers,omitempty" doc:"what belongs to it" maxItems:"10000"`
	Channels     int           `json:"channels,omitempty" doc:"calls at once; 10 when left out" minimum:"1" maximum:"10000" example:"30"`
	ChannelsIn   int           `json:"channels-in,omitempty" doc:"of these, calls from there" minimum:"1" maximum:"10000"`
	ChannelsOut  int           `json:"channels-out,omitempty" doc:"of these, calls to there" minimum:"1" maximum:"10000"`
	Reserved     int           `json:"reserved,omitempty" doc:"of channels, kept for calls towards the customer" minimum:"0" maximum:"10000"`
	Rate         int           `json:"rate,omitempty" doc:"new calls within any one second" minimum:"1" maximum:"1000"`
	Small        bool          `json:"small,omitempty" doc:"it may have fewer than 10 channels"`
	Pool         string        `json:"pool,omitempty" doc:"channels that it shares with other trunks" example:"main"`
	State        string        `json:"state,omitempty" enum:"active,assigned,porting,barred,suspended,ceased"`
	Called       string        `json:"called,omitempty" doc:"where the called number stands" enum:"request-uri,to,p-called-party-id,diversion"`
	Trust        bool          `json:"trust,omitempty" doc:"what it says of who calls is believed, and it is told what is withheld (RFC 3324)"`
	Refer        bool          `json:"refer,omitempty" doc:"its peer may transfer calls"`
	BelieveFrom  *bool         `json:"believe-from,omitempty" doc:"with trust: whether its From counts where it asserts nothing; true when left out"`
	Identity     string        `json:"identity,omitempty" doc:"how it is told who calls" enum:"pai,rpid,from,none"`
	Diversion    string        `json:"diversion,omitempty" doc:"how it is told whom a call was for before" enum:"diversion,history-info,both,none"`
	Pass         []string      `json:"pass,omitempty" doc:"header fields that cross a call between sides that both name them" example:"[\"X-Customer\"]" maxItems:"8"`
	Media        *Media        `json:"media,omitempty"`
	Options      string        `json:"options,omitempty" doc:"how often its health is asked for; never when left out" example:"30s"`
	In           []TrunkRule   `json:"in,omitempty" doc:"what is changed in INVITEs from there, in order" maxItems:"64"`
	Out          []TrunkRule   `json:"out,omitempty" doc:"what is changed in INVITEs to there, in order" maxItems:"64"`
}

// TrunkNumber is numbers of a trunk: each rings the account or the PBX of the same number, or whom it names.
type TrunkNumber struct {
	Number string `json:"number" short:"true" doc:"a number, a range or a prefix with * behind" example:"02122000100-02122000199"`
	To     string `json:"to,omitempty" doc:"the account or room that it rings" example:"101"`
}

// TrunkRule changes one thing of an INVITE: one of add, remove, rewrite, called, calling and cause.
type TrunkRule struct {
	Add     string `json:"add,omitempty" doc:"a header field, with value" example:"X-Customer"`
	Remove  string `json:"remove,omitempty" doc:"a header field, perhaps only where match fits"`
	Rewrite string `json:"rewrite,omitempty" doc:"a header field, with match and replace"`
	Called  string `json:"called,omitempty" doc:"a pattern (RE2) of called numbers, with replace" example:"^0098(\\d{10})$"`
	Calling string `json:"calling,omitempty" doc:"a pattern (RE2) of calling numbers, with replace"`
	Cause   int    `json:"cause,omitempty" doc:"a SIP status, with becomes" minimum:"300" maximum:"699"`
	Value   string `json:"value,omitempty" maxLength:"512"`
	Match   string `json:"match,omitempty" maxLength:"256"`
	Replace string `json:"replace,omitempty" doc:"with $1 for groups" maxLength:"512" example:"0$1"`
	Becomes int    `json:"becomes,omitempty" doc:"the status that is told instead" minimum:"400" maximum:"699"`
}
