package sipleg

import (
	"strings"
	"time"

	"santral/call"
	"santral/sip"
	"santral/sip/invite"
)

// What a peer says of who it is, and what a peer is told of who speaks with it (RFC 3323, RFC 3324, RFC 3325).
// An account is whom its credential proves; nothing that it writes of itself is believed but that it wants
// to be withheld.

// unnamed is the identity of a party that is withheld (RFC 3323 §4.1.1.3).
const (
	anonymousName = "Anonymous"
	anonymousUser = "anonymous"
	anonymousHost = "anonymous.invalid"
)

// readPrivacy reads what the sender wants withheld. unknown tells that it asks for something that nobody
// here knows, which matters when it is critical (RFC 3323 §4.2).
func readPrivacy(m *sip.Message) (p call.Privacy, unknown bool) {
	for v := range m.Values(sip.Privacy) {
		for v != "" {
			var word string
			word, v, _ = strings.Cut(v, ";")
			switch word = strings.TrimSpace(word); {
			case word == "":
			case strings.EqualFold(word, "id"):
				p |= call.PrivateID
			case strings.EqualFold(word, "header"):
				p |= call.PrivateHeader
			case strings.EqualFold(word, "session"):
				p |= call.PrivateSession
			case strings.EqualFold(word, "user"):
				p |= call.PrivateUser
			case strings.EqualFold(word, "history"):
				p |= call.PrivateHistory
			case strings.EqualFold(word, "critical"):
				p |= call.PrivateCritical
			case strings.EqualFold(word, "none"):
				p |= call.PrivateNone
			default:
				unknown = true
			}
		}
	}
	return p, unknown
}

// caller tells who calls and what is to be withheld of it: from is whom the door has found. ok is false when
// the caller would rather not call than be served with less privacy than it asks for (RFC 3323 §5).
func (m *Manners) caller(req *sip.Message, from call.Party) (who call.Party, p call.Privacy, ok bool) {
	p, unknown := readPrivacy(req)
	if p.Has(call.PrivateCritical) && unknown {
		return from, p, false
	}
	if m.Trusted {
		name, number, hidden, found := m.asserted(req)
		switch {
		case found && m.Presents != nil:
			number = m.Presents(number)
			fallthrough
		case found, from.Trunk != "": // a trusted trunk that names nobody tells of a number that nobody knows
			from.Name, from.Number = name, number
			p |= hidden
		}
	}
	if !p.Withholds() && !p.Has(call.PrivateNone) && (m.Withhold || anonymous(req)) {
		p |= call.PrivateID
	}
	return from, p, true
}

// anonymous reports a From that names nobody: how phones write that their user wants to be withheld
// (RFC 3323 §4.1.1.3).
func anonymous(m *sip.Message) bool {
	text := m.Get(sip.From)
	if !strings.Contains(text, "nonymous") {
		return false
	}
	from, err := sip.ParseAddress(text)
	return err == nil && (strings.EqualFold(from.URI.Host, anonymousHost) || strings.EqualFold(from.URI.User, anonymousUser))
}

// maxIdentities bounds the values of an identity field that are read; RFC 3325 §9.1 allows two.
const maxIdentities = 4

// asserted is what a trusted peer says of its side: P-Asserted-Identity, else Remote-Party-ID, else, where
// the peer's manners say so, From.
func (m *Manners) asserted(msg *sip.Message) (name, number string, hidden call.Privacy, ok bool) {
	n := 0
	for v := range msg.Values(sip.PAssertedIdentity) {
		if n++; n > maxIdentities {
			break
		}
		if a, err := sip.ParseAddress(v); err == nil {
			if name == "" {
				name = clean(a.Display)
			}
			if number == "" {
				number, _ = numberOf(a.URI)
			}
		}
	}
	if number != "" {
		return name, number, 0, true
	}
	if v := msg.Get(sip.RemotePartyID); v != "" {
		if name, number, hidden, ok = remoteParty(msg); ok {
			return name, number, hidden, true
		}
	}
	if !m.From {
		return "", "", 0, false
	}
	from := msg.Get(sip.From)
	if !msg.IsRequest() {
		from = msg.Get(sip.To)
	}
	a, err := sip.ParseAddress(from)
	if err != nil || strings.EqualFold(a.URI.Host, anonymousHost) {
		return "", "", 0, false
	}
	number, _ = numberOf(a.URI)
	return clean(a.Display), number, 0, number != ""
}

// remoteParty reads Remote-Party-ID of who sends the message, which came before RFC 3325 and is written still.
func remoteParty(m *sip.Message) (name, number string, hidden call.Privacy, ok bool) {
	side := "calling"
	if !m.IsRequest() {
		side = "called"
	}
	n := 0
	for v := range m.Values(sip.RemotePartyID) {
		if n++; n > maxIdentities {
			break
		}
		a, err := sip.ParseAddress(v)
		if err != nil {
			continue
		}
		if party, said := a.Params.Get("party"); said && !strings.EqualFold(party, side) {
			continue
		}
		if number, ok = numberOf(a.URI); !ok || number == "" {
			continue
		}
		if privacy, _ := a.Params.Get("privacy"); privacy != "" && !strings.EqualFold(privacy, "off") {
			hidden = call.PrivateID
		}
		return clean(a.Display), number, hidden, true
	}
	return "", "", 0, false
}

// told is who a peer is told of, and how much of it.
type told struct {
	name, number string // number with a URI's escapes
	privacy      call.Privacy
	hidden       bool // not to be shown to who is not trusted
}

func telling(who call.Party, p call.Privacy) told {
	number := who.Number
	if number == "" {
		number = who.Account
	}
	t := told{name: clean(who.Name), number: sip.EscapeUser(number), privacy: p, hidden: p.Withholds()}
	if number == "" || number == anonymousUser {
		t.hidden, t.number = true, "" // nobody knows who it is
	}
	return t
}

// form is how the peer is told who calls.
func (m *Manners) form(trunk bool) IdentityForm {
	switch {
	case m.Identity != IdentityUnsaid:
		return m.Identity
	case trunk && !m.Trusted:
		return ByFrom
	}
	return ByPAI
}

// from is the value of From without its tag.
func (t *told) from(m *Manners, trunk bool, host string) string {
	if t.hidden && !(m.Trusted && t.number != "" && m.form(trunk) == ByFrom) {
		return `"` + anonymousName + `" <sip:` + anonymousUser + "@" + anonymousHost + ">"
	}
	return t.address(host)
}

func (t *told) address(host string) string {
	return sip.Address{Display: t.name, URI: sip.URI{Scheme: "sip", User: t.number, Host: host}}.String()
}

// assert gives the header fields that assert the identity beside From, in a request or in a response.
// plain is the address as From has it, "" when From hides it.
func (t *told) assert(m *Manners, trunk, request bool, host, plain string) (fields []sip.Header) {
	form := m.form(trunk)
	if t.number == "" || form == ByNothing || t.hidden && !m.Trusted {
		return nil
	}
	if plain == "" && form != ByFrom {
		plain = t.address(host)
	}
	switch form {
	case ByPAI:
		fields = append(fields, sip.Header{Kind: sip.PAssertedIdentity, Value: plain})
	case ByRPID:
		side, privacy := "called", "off"
		if request {
			side = "calling"
		}
		if t.hidden {
			privacy = "full"
		}
		fields = append(fields, sip.Header{Kind: sip.RemotePartyID, Value: plain + ";party=" + side + ";screen=yes;privacy=" + privacy})
	}
	if m.Trusted && trunk && t.privacy != 0 {
		fields = append(fields, sip.Header{Kind: sip.Privacy, Value: privacyWords(t.privacy)})
	}
	return fields
}

// privacyWords is a Privacy value, "" for none (RFC 3323 §4.2).
func privacyWords(p call.Privacy) string {
	if p == 0 {
		return ""
	}
	if p.Has(call.PrivateNone) {
		return "none"
	}
	var b strings.Builder
	for _, w := range [...]struct {
		p    call.Privacy
		word string
	}{
		{call.PrivateHeader, "header"}, {call.PrivateSession, "session"}, {call.PrivateUser, "user"}, {call.PrivateID, "id"},
		{call.PrivateHistory, "history"}, {call.PrivateCritical, "critical"},
	} {
		if p.Has(w.p) {
			if b.Len() > 0 {
				b.WriteByte(';')
			}
			b.WriteString(w.word)
		}
	}
	return b.String()
}

// answering is whom the peer of an inbound leg is told that it speaks with, as header fields of our
// responses (RFC 3325 §5). The house says it; what the callee claims does not count.
func (l *Leg) answering() []sip.Header {
	if l.other != nil && l.answers == nil {
		t := l.telling()
		l.answers = t.assert(&l.manners, l.by != "", false, l.host(), "")
	}
	return l.answers
}

// telling is whom the peer is told of: an inside number is told outside as the trunk knows it.
func (l *Leg) telling() told {
	t := telling(*l.other, l.withheld)
	if k := l.trunk; k != nil && k.Calling != nil {
		t.number = sip.EscapeUser(k.Calling(sip.Unescape(t.number)))
	}
	return t
}

// host is that of the identities that the peer is told.
func (l *Leg) host() string {
	if l.trunk != nil && l.trunk.Host != "" {
		return l.trunk.Host
	}
	if l.agent.cfg.Host != nil {
		if host := l.agent.cfg.Host(l.tenant); host != "" {
			return host
		}
	}
	return l.shard.SentBy(l.session.Flow()).Host
}

// claimed is who the peer says that it is, as far as it is believed: a trusted trunk's answer names whom the
// call has reached. nil for nothing; the privacy is then that of the account itself (CLIR, and COLR, which concerns whom
// it answers as well).
func (l *Leg) claimed(m *sip.Message) (*call.Party, call.Privacy) {
	if !l.manners.Trusted || l.by == "" && l.agent.cfg.Door != nil {
		if l.manners.Withhold || l.manners.Conceal {
			return nil, call.PrivateID
		}
		return nil, 0
	}
	believe := l.manners
	believe.From = false
	name, number, hidden, ok := believe.asserted(m)
	if !ok {
		return nil, 0
	}
	p, _ := readPrivacy(m)
	return &call.Party{Tenant: l.tenant, Name: name, Number: number, Trunk: l.by}, p | hidden
}

// hearName follows what a trusted peer says of who it is while a call goes on: what it asserts, or a From
// that is another one (RFC 4916 §3).
func (l *Leg) hearName(m *sip.Message) {
	if !l.manners.Trusted || l.session.State() != invite.Established {
		return
	}
	who, privacy := l.claimed(m)
	if who == nil {
		who = l.turned(m)
	}
	if who == nil || l.claim == (claim{who.Name, who.Number, privacy}) {
		return
	}
	l.claim = claim{who.Name, who.Number, privacy}
	l.post(call.LegEvent{Kind: call.Renamed, Who: who, Privacy: privacy, Session: l.ids.peer})
}

// turned is who a trusted trunk's request says that it comes from now, nil for whom it came from before.
func (l *Leg) turned(m *sip.Message) *call.Party {
	if !m.IsRequest() || !l.manners.From || l.by == "" {
		return nil
	}
	now, err := m.From()
	before, err2 := sip.ParseAddress(l.session.Dialog().Remote)
	if err != nil || err2 != nil || now.RawURI == before.RawURI {
		return nil
	}
	number, ok := numberOf(now.URI)
	if !ok || number == "" {
		return nil
	}
	return &call.Party{Tenant: l.tenant, Name: clean(now.Display), Number: number, Trunk: l.by}
}

// claim is what a trusted peer said last of who it is.
type claim struct {
	Name    string       `json:"name,omitempty"`
	Number  string       `json:"number,omitempty"`
	Privacy call.Privacy `json:"privacy,omitempty"`
}

// rename tells the peer of an established leg whom it speaks with now: by what asserts it, which makes desk
// phones show it, and by From where the peer understands that (RFC 4916 §4.4).
func (l *Leg) rename() {
	switch l.session.State() {
	case invite.Answered, invite.Unacked, invite.Established:
	default:
		return // our answer will tell
	}
	if l.other == nil || l.agent.cfg.Door == nil {
		return
	}
	t, m, trunk, host := l.telling(), &l.manners, l.by != "", l.host()
	from := t.from(m, trunk, host)
	plain := from
	if t.hidden {
		plain = ""
	}
	headers := t.assert(m, trunk, true, host, plain)
	if len(headers) == 0 && !trunk && m.form(false) != ByNothing { // or it would show for ever whom it spoke with before
		headers = append(headers, sip.Header{Kind: sip.PAssertedIdentity, Value: from})
	}
	if l.session.Renames() {
		headers = append(headers, sip.Header{Kind: sip.From, Value: from + ";tag=" + l.session.Dialog().LocalTag})
	}
	if len(headers) == 0 {
		return
	}
	if l.news == nil {
		l.shard.After(newsWait, func() {
			if h := l.takeNews(); h != nil && !l.over.Load() {
				l.session.Refresh(h...)
			}
		})
	}
	l.news = headers
}

// newsWait is how long a name waits for a change of the session to travel with: who is joined with somebody else is
// mostly offered another session in the same instant.
const newsWait = 100 * time.Millisecond

// takeNews gives what the peer is still to be told of whom it speaks with.
func (l *Leg) takeNews() []sip.Header {
	h := l.news
	l.news = nil
	return h
}
