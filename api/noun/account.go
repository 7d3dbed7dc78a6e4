package noun

// Account is what extensions and lines have in common.
type Account struct {
	Number     string   `json:"number" doc:"what its phone registers by: 2 to 7 digits of an extension, 8 or 11 of a line" example:"101" maxLength:"11"`
	Name       string   `json:"name,omitempty" doc:"display name that it presents" example:"Reception" maxLength:"128"`
	Password   string   `json:"password,omitempty" writeOnly:"true" doc:"of its phones; sealed when it is kept. Left out of a PUT, the one that is there stays" minLength:"6" maxLength:"128"`
	HA1        *HA1     `json:"ha1,omitempty" writeOnly:"true" doc:"hashes instead of the password"`
	State      string   `json:"state,omitempty" doc:"where the number stands in its life; active when left out" enum:"active,assigned,porting,barred,suspended,ceased"`
	Class      string   `json:"class,omitempty" doc:"class of service; the tenant's when left out" example:"national"`
	PIN        string   `json:"pin,omitempty" writeOnly:"true" doc:"asked for calls that its class lets through with one" pattern:"^[0-9]{4,12}$"`
	Site       string   `json:"site,omitempty" doc:"where it is; the tenant's first when left out" example:"tehran"`
	Department string   `json:"department,omitempty" example:"sales"`
	Owns       []string `json:"owns,omitempty" doc:"numbers of the tenant that it may present besides its own; the first is what it presents" example:"[\"02122000100\"]"`
	PresentAll bool     `json:"present-all,omitempty" doc:"it may present every number of its tenant"`
	Pickup     string   `json:"pickup,omitempty" doc:"who is of the same pick-up group may answer its calls" example:"reception"`
	Withhold   bool     `json:"withhold,omitempty" doc:"name and number are kept from whom it calls (CLIR)"`
	Connected  string   `json:"connected,omitempty" doc:"whether who calls it is told whom he has reached (COLR); shown when left out" enum:"shown,withheld"`
	Media      *Media   `json:"media,omitempty" doc:"how the media of its phones is negotiated; the tenant's where it does not say"`
	Record     string   `json:"record,omitempty" doc:"which of its calls are recorded; the tenant's when left out" enum:"off,all"`
	Music      string   `json:"music,omitempty" doc:"what whom it holds hears, by the name of a tune, builtin or none" example:"default"`
	Language   string   `json:"language,omitempty" doc:"that it hears; the tenant's when left out" enum:"en,fa"`
}

// Extension is an internal number.
type Extension struct {
	Account
	Channels int `json:"channels,omitempty" doc:"calls at once over all of its phones; 1 when left out" minimum:"1" maximum:"1000" example:"2"`
}

// Line is a SIP Phone line: one number of 8 or 11 digits and one channel.
type Line struct {
	Account
	Consultation string `json:"consultation,omitempty" doc:"whether a consultation call may share the channel of the call that it holds; strict when left out" enum:"strict,shared"`
}

// HA1 is hashes of user, realm and password, in hexadecimal digits.
type HA1 struct {
	MD5       string `json:"md5,omitempty" pattern:"^[0-9a-fA-F]{32}$"`
	SHA256    string `json:"sha256,omitempty" pattern:"^[0-9a-fA-F]{64}$"`
	SHA512256 string `json:"sha512-256,omitempty" pattern:"^[0-9a-fA-F]{64}$"`
}

// Device is a telephone, an adapter or a gateway: what carries accounts over one connection.
type Device struct {
	Device     string   `json:"device" doc:"its id: its MAC address without separators where it has one" example:"805ec0a1b2c3" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name       string   `json:"name,omitempty" example:"Reception desk" maxLength:"128"`
	Model      string   `json:"model,omitempty" doc:"make and model" example:"yealink-t54w"`
	Accounts   []string `json:"accounts,omitempty" doc:"numbers, port by port or key by key" example:"[\"101\"]"`
	Site       string   `json:"site,omitempty" example:"tehran"`
	User       string   `json:"user,omitempty" doc:"whose it is" example:"sara"`
	Note       string   `json:"note,omitempty"`
	Department string   `json:"department,omitempty" example:"sales"`
}

// Lamps is accounts of one tenant that are watched with a single subscription (RFC 4662).
type Lamps struct {
	Name    string   `json:"name" doc:"user part of its URI" example:"blf" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Title   string   `json:"title,omitempty" doc:"as a phone may show it" example:"Front office" maxLength:"128"`
	Numbers []string `json:"numbers" doc:"accounts, in the order in which they are told" example:"[\"101\",\"102\"]" maxItems:"500"`
}

// Media is how media is negotiated. What is left out is the tenant's, or the exchange's.
type Media struct {
	Codecs       []string `json:"codecs,omitempty" doc:"what may be spoken, best first; all that the other side has when left out" example:"[\"opus\",\"g722\",\"pcma\"]" maxItems:"16"`
	Ptime        int      `json:"ptime,omitempty" doc:"milliseconds of sound in a packet" enum:"10,20,30,40,50,60"`
	Digits       string   `json:"digits,omitempty" doc:"how keys travel" enum:"auto,events,info,inband"`
	SRTP         string   `json:"srtp,omitempty" doc:"encryption of packets" enum:"off,optional,required"`
	Keys         string   `json:"keys,omitempty" doc:"how keys are offered" enum:"sdes,dtls"`
	ICE          *bool    `json:"ice,omitempty" doc:"is ICE offered?"`
	Fax          string   `json:"fax,omitempty" enum:"t38,sound,none"`
	Video        *bool    `json:"video,omitempty"`
	Early        *bool    `json:"early,omitempty" doc:"may a caller hear media before the answer?"`
	Lossy        *bool    `json:"lossy,omitempty" doc:"a bad link: low rates, error correction, redundancy"`
	ComfortNoise *bool    `json:"comfort-noise,omitempty" doc:"is silence suppressed?"`
	Redundancy   *bool    `json:"redundancy,omitempty" doc:"sound sent twice (RFC 2198)"`
	Gain         *bool    `json:"gain,omitempty" doc:"is sound brought to one loudness?"`
	Denoise      *bool    `json:"denoise,omitempty" doc:"is noise taken away?"`
}

// Tune is music that goes on for whoever waits.
type Tune struct {
	Name    string `json:"name" doc:"default for who names none" example:"default" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Play    string `json:"play" doc:"a file, a folder of files, builtin or none" example:"builtin"`
	Shuffle bool   `json:"shuffle,omitempty" doc:"the files of a folder in an order of chance"`
}
