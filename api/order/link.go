package order

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"
	"time"

	"santral/store"
)

// LinkPath is where links lead on the HTTP side; what follows it is the secret.
const LinkPath = "/p/"

// mostUses is how often a link may be fetched: a phone does so at each start, and whoever found it elsewhere can't for long.
const mostUses = 100

// link makes a link for a line, and fills in how its phone reaches the exchange.
func (o *Office) link(ctx context.Context, line *Setup, days int) error {
	var octets [16]byte
	rand.Read(octets[:])
	token := base64.RawURLEncoding.EncodeToString(octets[:])
	if days <= 0 {
		days = DefaultDays
	}
	now := time.Now().UTC().Truncate(time.Second)
	line.Until = now.AddDate(0, 0, min(days, MostDays))
	line.Link = o.reach(line) + LinkPath + token
	return o.cfg.Links.PutLink(ctx, store.Link{Hash: sha256.Sum256([]byte(token)), Tenant: line.Tenant, Account: line.Number, Made: now, Until: line.Until})
}

// Link makes another link for an account that is there.
func (o *Office) Link(ctx context.Context, tenantID, number string, days int) (Setup, error) {
	line, err := o.Show(tenantID, number)
	if err != nil {
		return line, err
	}
	return line, o.link(ctx, &line, days)
}

// Follow gives the account that a link is for, to whoever has it; ErrNoNoun where it leads nowhere.
func (o *Office) Follow(ctx context.Context, token, agent, source string) (Setup, error) {
	if len(token) > 64 {
		return Setup{}, ErrNoNoun
	}
	l, err := o.cfg.Links.UseLink(ctx, sha256.Sum256([]byte(token)), time.Now(), mostUses, short(agent), source)
	if errors.Is(err, store.ErrNotFound) {
		return Setup{}, ErrNoNoun
	}
	if err != nil {
		return Setup{}, err
	}
	line, err := o.Show(l.Tenant, l.Account)
	if err != nil {
		return line, err
	}
	line.Until = l.Until
	line.Link = o.cfg.Access(l.Tenant).Web + LinkPath + token
	return line, nil
}

// short bounds what a stranger calls itself.
func short(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// config is a document of remote provisioning as Linphone and its relatives read it (the lpconfig schema).
type config struct {
	XMLName  xml.Name  `xml:"http://www.linphone.org/xsds/lpconfig.xsd config"`
	Sections []section `xml:"section"`
}

type section struct {
	Name    string  `xml:"name,attr"`
	Entries []entry `xml:"entry"`
}

type entry struct {
	Name      string `xml:"name,attr"`
	Overwrite bool   `xml:"overwrite,attr"`
	Value     string `xml:",chardata"`
}

// Linphone gives what a Linphone needs to be this line's telephone.
func Linphone(line *Setup) ([]byte, error) {
	identity := "sip:" + line.Number + "@" + line.Domain
	if line.Name != "" {
		identity = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(line.Name) + `" <` + identity + ">"
	}
	of := func(name string, pairs ...string) section {
		s := section{Name: name}
		for i := 0; i < len(pairs); i += 2 {
			s.Entries = append(s.Entries, entry{pairs[i], true, pairs[i+1]})
		}
		return s
	}
	c := config{Sections: []section{
		of("sip", "default_proxy", "0"),
		of("proxy_0", "reg_proxy", "<sip:"+line.Proxy+";transport="+line.Transport+">", "reg_route", "<sip:"+line.Proxy+";transport="+line.Transport+";lr>",
			"reg_identity", identity, "reg_expires", "3600", "reg_sendregister", "1", "publish", "0"),
		of("auth_info_0", "username", line.Number, "passwd", line.Password, "domain", line.Domain, "realm", line.Realm),
	}}
	text, err := xml.MarshalIndent(&c, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}
