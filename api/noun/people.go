package noun

// User is a person who may sign in. Passwords and second factors are no configuration and stand elsewhere.
type User struct {
	User       string `json:"user" doc:"what is typed to sign in" example:"sara" maxLength:"64"`
	Name       string `json:"name,omitempty" example:"Sara Ahmadi" maxLength:"128"`
	Mail       string `json:"mail,omitempty" example:"sara@example.net"`
	Language   string `json:"language,omitempty" doc:"of what is shown and mailed; the tenant's when left out" enum:"en,fa"`
	Role       string `json:"role,omitempty" doc:"what the person may do; each may do what those before it may" enum:"user,reporter,manager,admin,operator" example:"manager"`
	Site       string `json:"site,omitempty" doc:"of a manager or reporter: only this site"`
	Department string `json:"department,omitempty" doc:"likewise: only this department with its parts" example:"sales"`
	Account    string `json:"account,omitempty" doc:"number of the person's own account" example:"101"`
}

// Group is telephones that are rung for one number.
type Group struct {
	Group    string   `json:"group" doc:"its id" example:"concierge" maxLength:"40" pattern:"^[a-z0-9-]+$"`
	Name     string   `json:"name,omitempty" example:"Concierge" maxLength:"128"`
	Number   string   `json:"number,omitempty" doc:"that is dialled for it" example:"600"`
	Members  []string `json:"members,omitempty" doc:"numbers of accounts, in the order in which they ring where ring is turn" example:"[\"101\",\"102\"]"`
	Ring     string   `json:"ring,omitempty" doc:"all at once, or one after another; all when left out" enum:"all,turn"`
	Each     int      `json:"each,omitempty" doc:"seconds that each rings, in turn; 20 when left out" minimum:"1" maximum:"300"`
	Whole    int      `json:"whole,omitempty" doc:"seconds until overflow; the exchange's ring time when left out" minimum:"1" maximum:"3600" example:"45"`
	Overflow string   `json:"overflow,omitempty" doc:"where a call goes that nobody took: a number of the tenant, group:NAME, trunk:NAME, refuse:busy, refuse:gone or refuse:declined" example:"101"`
}
