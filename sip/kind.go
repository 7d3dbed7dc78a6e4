package sip

// Kind names a header field that Santral knows. Kinds whose plain name is also a type of this
// package end in Kind: ViaKind, CSeqKind, RAckKind, ReasonKind, SessionExpiresKind, WarningKind.
type Kind uint8

// The header fields of RFC 3261 §20 and of its extensions, by their names in CamelCase.
const (
	UnknownKind Kind = iota
	ViaKind
	From
	To
	CallID
	CSeqKind
	Contact
	MaxForwards
	ContentLength
	ContentType
	Route
	RecordRoute
	Allow
	Supported
	Require
	ProxyRequire
	Unsupported
	UserAgent
	Server
	Expires
	MinExpires
	Authorization
	WWWAuthenticate
	ProxyAuthorization
	ProxyAuthenticate
	AuthenticationInfo
	ProxyAuthenticationInfo
	Accept
	AcceptEncoding
	AcceptLanguage
	AcceptContact
	RejectContact
	RequestDisposition
	AlertInfo
	AllowEvents
	AnswerMode
	CallInfo
	ContentDisposition
	ContentEncoding
	ContentLanguage
	Date
	Diversion
	ErrorInfo
	Event
	FeatureCaps
	FlowTimer
	Geolocation
	GeolocationRouting
	HistoryInfo
	Identity
	IdentityInfo
	InfoPackage
	InReplyTo
	Join
	MaxBreadth
	MIMEVersion
	MinSE
	Organization
	PAccessNetworkInfo
	PAssertedIdentity
	PAssociatedURI
	PCalledPartyID
	PChargingVector
	PEarlyMedia
	PPreferredIdentity
	PVisitedNetworkID
	Path
	Priority
	Privacy
	PrivAnswerMode
	RAckKind
	ReasonKind
	RecvInfo
	ReferSub
	ReferTo
	ReferredBy
	RemotePartyID
	ReplacesKind
	ReplyTo
	ResourcePriority
	RetryAfter
	RSeq
	SecurityClient
	SecurityServer
	SecurityVerify
	ServiceRoute
	SessionExpiresKind
	SessionID
	SIPETag
	SIPIfMatch
	Subject
	SubscriptionState
	SuppressIfMatch
	TargetDialogKind
	Timestamp
	UserToUser
	WarningKind

	kinds // how many there are
)

var kindNames = [kinds]string{
	ViaKind: "Via", From: "From", To: "To", CallID: "Call-ID", CSeqKind: "CSeq", Contact: "Contact",
	MaxForwards: "Max-Forwards", ContentLength: "Content-Length", ContentType: "Content-Type",
	Route: "Route", RecordRoute: "Record-Route", Allow: "Allow", Supported: "Supported",
	Require: "Require", ProxyRequire: "Proxy-Require", Unsupported: "Unsupported",
	UserAgent: "User-Agent", Server: "Server", Expires: "Expires", MinExpires: "Min-Expires",
	Authorization: "Authorization", WWWAuthenticate: "WWW-Authenticate",
	ProxyAuthorization: "Proxy-Authorization", ProxyAuthenticate: "Proxy-Authenticate",
	AuthenticationInfo: "Authentication-Info", ProxyAuthenticationInfo: "Proxy-Authentication-Info",
	Accept: "Accept", AcceptEncoding: "Accept-Encoding", AcceptLanguage: "Accept-Language",
	AcceptContact: "Accept-Contact", RejectContact: "Reject-Contact",
	RequestDisposition: "Request-Disposition", AlertInfo: "Alert-Info", AllowEvents: "Allow-Events",
	AnswerMode: "Answer-Mode", CallInfo: "Call-Info", ContentDisposition: "Content-Disposition",
	ContentEncoding: "Content-Encoding", ContentLanguage: "Content-Language", Date: "Date",
	Diversion: "Diversion", ErrorInfo: "Error-Info", Event: "Event", FeatureCaps: "Feature-Caps",
	FlowTimer: "Flow-Timer", Geolocation: "Geolocation", GeolocationRouting: "Geolocation-Routing", HistoryInfo: "History-Info",
	Identity: "Identity", IdentityInfo: "Identity-Info", InfoPackage: "Info-Package",
	InReplyTo: "In-Reply-To", Join: "Join", MaxBreadth: "Max-Breadth", MIMEVersion: "MIME-Version",
	MinSE: "Min-SE", Organization: "Organization", PAccessNetworkInfo: "P-Access-Network-Info",
	PAssertedIdentity: "P-Asserted-Identity", PAssociatedURI: "P-Associated-URI",
	PCalledPartyID: "P-Called-Party-ID", PChargingVector: "P-Charging-Vector",
	PEarlyMedia: "P-Early-Media", PPreferredIdentity: "P-Preferred-Identity",
	PVisitedNetworkID: "P-Visited-Network-ID", Path: "Path", Priority: "Priority", Privacy: "Privacy",
	PrivAnswerMode: "Priv-Answer-Mode", RAckKind: "RAck", ReasonKind: "Reason", RecvInfo: "Recv-Info",
	ReferSub: "Refer-Sub", ReferTo: "Refer-To", ReferredBy: "Referred-By",
	RemotePartyID: "Remote-Party-ID", ReplacesKind: "Replaces", ReplyTo: "Reply-To",
	ResourcePriority: "Resource-Priority", RetryAfter: "Retry-After", RSeq: "RSeq",
	SecurityClient: "Security-Client", SecurityServer: "Security-Server",
	SecurityVerify: "Security-Verify", ServiceRoute: "Service-Route",
	SessionExpiresKind: "Session-Expires", SessionID: "Session-ID", SIPETag: "SIP-ETag",
	SIPIfMatch: "SIP-If-Match", Subject: "Subject", SubscriptionState: "Subscription-State",
	SuppressIfMatch: "Suppress-If-Match", TargetDialogKind: "Target-Dialog", Timestamp: "Timestamp",
	UserToUser: "User-to-User", WarningKind: "Warning",
}

// compactKinds maps the one-letter forms (RFC 3261 §7.3.3 and the IANA header registry).
var compactKinds = [26]Kind{
	AcceptContact, 'b' - 'a': ReferredBy, 'c' - 'a': ContentType,
	'd' - 'a': RequestDisposition, 'e' - 'a': ContentEncoding, 'f' - 'a': From, 'i' - 'a': CallID,
	'j' - 'a': RejectContact, 'k' - 'a': Supported, 'l' - 'a': ContentLength, 'm' - 'a': Contact,
	'n' - 'a': IdentityInfo, 'o' - 'a': Event, 'r' - 'a': ReferTo, 's' - 'a': Subject, 't' - 'a': To,
	'u' - 'a': AllowEvents, 'v' - 'a': ViaKind, 'x' - 'a': SessionExpiresKind, 'y' - 'a': Identity,
}

// String gives the canonical spelling, "" for UnknownKind.
func (k Kind) String() string {
	if k >= kinds {
		return ""
	}
	return kindNames[k]
}

// commonKind knows the everyday spelling of the everyday fields, as a switch that needs no table.
func commonKind(name string) Kind {
	switch name {
	case "Via":
		return ViaKind
	case "From":
		return From
	case "To":
		return To
	case "Call-ID":
		return CallID
	case "CSeq":
		return CSeqKind
	case "Contact":
		return Contact
	case "Max-Forwards":
		return MaxForwards
	case "Content-Length":
		return ContentLength
	case "Content-Type":
		return ContentType
	case "Route":
		return Route
	case "Record-Route":
		return RecordRoute
	case "Allow":
		return Allow
	case "Supported":
		return Supported
	case "User-Agent":
		return UserAgent
	case "Server":
		return Server
	case "Expires":
		return Expires
	case "Authorization":
		return Authorization
	}
	return UnknownKind
}

// KindOf finds the kind of a header field name of any case, compact forms too; UnknownKind when it
// is none of ours.
func KindOf(name string) Kind {
	switch {
	case len(name) == 0:
		return UnknownKind
	case len(name) == 1:
		if c := name[0] | 0x20; 'a' <= c && c <= 'z' && name[0] >= 'A' {
			return compactKinds[c-'a']
		}
		return UnknownKind
	}
	for i := kindSlot(name); ; i = (i + 1) % uint32(len(kindTable)) {
		k := kindTable[i]
		if k == UnknownKind {
			return UnknownKind
		}
		if n := kindNames[k]; n == name || len(n) == len(name) && equalFold(n, name) {
			return k
		}
	}
}

// kindTable is an open-addressed hash of kindNames, sparse enough that a hit is mostly the first
// look.
var kindTable = makeKindTable()

func makeKindTable() (t [512]Kind) {
	for k := UnknownKind + 1; k < kinds; k++ {
		i := kindSlot(kindNames[k])
		for t[i] != UnknownKind {
			i = (i + 1) % uint32(len(t))
		}
		t[i] = k
	}
	return t
}

// kindSlot hashes a name by its length and three letters, without regard to case.
func kindSlot(name string) uint32 {
	n := len(name)
	h := uint32(name[0]|0x20)*0x9E3779B1 + uint32(name[n/2]|0x20)*0x85EBCA6B + uint32(name[n-1]|0x20)*0xC2B2AE35 + uint32(n)*0x27D4EB2F
	return h >> 23 % uint32(512)
}

// listKinds are the fields whose value is a comma-separated list, so that several lines mean the
// same as one (RFC 3261 §7.3.1). Authorization and its kin are no lists though their grammar has
// commas.
var listKinds = makeKindSet(ViaKind, Contact, Route, RecordRoute, Allow, Supported, Require, ProxyRequire,
	Unsupported, Accept, AcceptEncoding, AcceptLanguage, AcceptContact, RejectContact, RequestDisposition,
	AlertInfo, AllowEvents, CallInfo, ContentEncoding, ContentLanguage, Diversion, ErrorInfo, FeatureCaps,
	Geolocation, HistoryInfo, InReplyTo, PAssertedIdentity, PAssociatedURI, PPreferredIdentity,
	PVisitedNetworkID, PEarlyMedia, Path, ReasonKind, RecvInfo, RemotePartyID, ResourcePriority,
	SecurityClient, SecurityServer, SecurityVerify, ServiceRoute, UserToUser, WarningKind)

func makeKindSet(list ...Kind) (set [kinds]bool) {
	for _, k := range list {
		set[k] = true
	}
	return set
}

// List reports whether the field's value is a comma-separated list.
func (k Kind) List() bool { return k < kinds && listKinds[k] }
