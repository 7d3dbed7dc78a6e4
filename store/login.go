package store

import (
	"context"
	"time"
)

// Token is what a program proves itself by. What it sends is nowhere: only its hash is kept.
type Token struct {
	ID         string // names it in lists
	Hash       []byte // SHA-256 of what is sent
	Name       string // as people call it
	Tenant     string // that it is bound to; "" for all
	Role       string // the word of a tenant.Role
	Site       string // bounds, "" for none
	Department string
	Account    string
	Scopes     []string // nil for all that the role may
	Addresses  []string // networks that it may be used from; none for everywhere
	Made       time.Time
	MadeBy     string
	Expires    time.Time // zero for never
	Used       time.Time // last, some seconds late; zero for never
	UsedFrom   string
	Revoked    time.Time // zero for not
	RevokedBy  string
}

// Session is somebody who is signed in, by one browser or program.
type Session struct {
	ID      string // names it in lists
	Hash    []byte // SHA-256 of what the browser sends
	Tenant  string // whose document has the user; OperatorID for the operator's
	User    string
	Began   time.Time
	Seen    time.Time // last, some seconds late
	Expires time.Time // whatever is done until then
	Source  string    // where it began from
	Agent   string    // the browser's name for itself
	Limited bool      // until the password is changed it may do nothing else
}

// Login is what a user proves himself by. It is no configuration: undoing a change brings no old password back.
type Login struct {
	Tenant  string
	User    string
	Hash    string // of the password, in the form of PHC; "" for none yet
	Must    bool   // the password must be changed first
	Changed time.Time
	Factor  []byte // the sealed secret of the second factor; nil for none
	Proved  bool   // the user has shown once that the factor works: it is asked for from then on
	Step    int64  // the time step of the last code that was taken: none before it or of it is taken again (RFC 6238 §5.2)
	Codes   []string
}

// Use is when and from where a token or a session was last used.
type Use struct {
	ID   string
	At   time.Time
	From string
}

// Logins keeps who may use the API and how they prove themselves.
type Logins interface {
	// Tokens gives all tokens, revoked ones too, in the order of making.
	Tokens(ctx context.Context) ([]Token, error)
	// PutToken keeps a token as it is now.
	PutToken(ctx context.Context, t Token) error
	// DropTokens forgets tokens.
	DropTokens(ctx context.Context, ids []string) error
	// UseTokens notes when tokens were used.
	UseTokens(ctx context.Context, used []Use) error

	// Sessions gives all sessions, in the order of beginning.
	Sessions(ctx context.Context) ([]Session, error)
	// PutSession keeps a session as it is now.
	PutSession(ctx context.Context, s Session) error
	// DropSessions forgets sessions.
	DropSessions(ctx context.Context, ids []string) error
	// UseSessions notes when sessions were used.
	UseSessions(ctx context.Context, used []Use) error

	// Login gives how a user proves himself, or ErrNotFound.
	Login(ctx context.Context, tenant, user string) (Login, error)
	// PutLogin keeps it as it is now.
	PutLogin(ctx context.Context, l Login) error
	// TakeStep notes that a second factor's code of a time step was taken; false when one of it or of a later one was
	// taken before, by whomever: of two at once one alone is true.
	TakeStep(ctx context.Context, tenant, user string, step int64) (bool, error)
	// TakeCode takes a recovery code's hash away; false when it is not there (any more).
	TakeCode(ctx context.Context, tenant, user, hash string) (bool, error)
	// DropLogin forgets how a user proves himself.
	DropLogin(ctx context.Context, tenant, user string) error
}
