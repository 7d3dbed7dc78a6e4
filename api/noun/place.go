package noun

// Site is a place where a tenant is.
type Site struct {
	Site      string   `json:"site" doc:"its id" example:"tehran" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name      string   `json:"name,omitempty" doc:"as people read it" example:"Head office" maxLength:"128"`
	Zone      string   `json:"zone,omitempty" doc:"IANA time zone; the tenant's when left out" example:"Asia/Tehran"`
	Country   string   `json:"country,omitempty" doc:"whose numbers are dialled there; the tenant's when left out" enum:"ae,ca,cn,de,es,fr,gb,ir,itu,tr,uk,us" example:"ir"`
	Area      string   `json:"area,omitempty" doc:"area code without the leading 0, which 8-digit numbers are completed with; the tenant's when left out" example:"21"`
	Code      string   `json:"code,omitempty" doc:"dialled before an extension of this site from the tenant's other sites" example:"7"`
	Calendar  string   `json:"calendar,omitempty" doc:"whose holidays hold there; the tenant's when left out" example:"ir"`
	Emergency string   `json:"emergency,omitempty" doc:"the number that emergency calls from here present; the caller's own when left out" example:"02122000100"`
	Address   *Address `json:"address,omitempty" doc:"what an emergency service is told (RFC 5139)"`
}

// Address is a civic address.
type Address struct {
	Country  string `json:"country,omitempty" doc:"ISO 3166 code" example:"IR" maxLength:"2"`
	Province string `json:"province,omitempty" example:"Tehran"`
	City     string `json:"city,omitempty" example:"Tehran"`
	District string `json:"district,omitempty" example:"6"`
	Street   string `json:"street,omitempty" example:"Vali-e Asr"`
	House    string `json:"house,omitempty" doc:"house number" example:"12"`
	Building string `json:"building,omitempty"`
	Unit     string `json:"unit,omitempty"`
	Floor    string `json:"floor,omitempty" example:"3"`
	Postcode string `json:"postcode,omitempty" example:"1415873461"`
	Place    string `json:"place,omitempty" doc:"in words" example:"Reception, behind the lifts"`
}

// Department is a part of the organisation.
type Department struct {
	Department string `json:"department" doc:"its id" example:"sales" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name       string `json:"name,omitempty" example:"Sales" maxLength:"128"`
	Parent     string `json:"parent,omitempty" doc:"the department that it is a part of" example:"trade"`
	Site       string `json:"site,omitempty" example:"tehran"`
}

// Building is a house of a complex.
type Building struct {
	Building string   `json:"building" doc:"its id" example:"north" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name     string   `json:"name,omitempty" example:"North tower" maxLength:"128"`
	Site     string   `json:"site,omitempty" doc:"whose address it has; the tenant's first when left out"`
	Blocks   []string `json:"blocks,omitempty" doc:"names of its blocks" example:"[\"A\",\"B\"]"`
}

// Unit is a flat, an office or a shop.
type Unit struct {
	Unit      string     `json:"unit" doc:"its id" example:"a-2-12" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Building  string     `json:"building,omitempty" example:"north"`
	Block     string     `json:"block,omitempty" doc:"one of the building's" example:"A"`
	Floor     string     `json:"floor,omitempty" example:"2"`
	Door      string     `json:"door,omitempty" doc:"the number on its door" example:"12"`
	Accounts  []string   `json:"accounts,omitempty" doc:"numbers of its lines and extensions" example:"[\"2012\"]"`
	Residents []Resident `json:"residents,omitempty"`
}

// Resident is somebody who lives in a unit.
type Resident struct {
	Name   string `json:"name" example:"Sara Ahmadi" maxLength:"128"`
	Mobile string `json:"mobile,omitempty" example:"09121234567"`
	Mail   string `json:"mail,omitempty" example:"sara@example.net"`
	Since  string `json:"since,omitempty" doc:"a date: 2026-11-27, or Jalali 1405-09-06" example:"1405-09-06"`
}

// Brand is how tenants are addressed: a reseller's name and colours.
type Brand struct {
	Brand   string `json:"brand" doc:"its id" example:"novin" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name    string `json:"name,omitempty" example:"Novin Telecom" maxLength:"128"`
	Domain  string `json:"domain,omitempty" doc:"under which its tenants' phones and people come" example:"novin.example"`
	Colour  string `json:"colour,omitempty" example:"#0a7d5b"`
	Logo    string `json:"logo,omitempty" doc:"URL or path of a picture"`
	Mail    string `json:"mail,omitempty" doc:"from which its mails come" example:"care@novin.example"`
	Support string `json:"support,omitempty" doc:"a number or an address that people may ask" example:"02122000000"`
}
