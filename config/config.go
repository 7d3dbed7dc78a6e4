// Package config reads the boot file of `santral serve`: what must be known before the exchange
// can listen. Everything that an operator sells or an administrator sets is in tenant documents
// instead.
package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"santral/base/doc"
)

// Boot is the boot file, checked and with its defaults filled in.
type Boot struct {
	Listen     []Listener
	HTTP       netip.AddrPort // console, API, health, metrics, and SIP over WebSocket at /ws
	HTTPS      netip.AddrPort // the same over TLS; the zero value for none
	Usual      bool           // nobody has said where HTTPS is: it is left out where its port is taken
	TLS        TLS
	Origins    []string // pages whose scripts may connect by WebSocket, besides those of our own host
	Media      Media
	Session    Session
	Recordings Recordings
	Data       string           // folder of everything that must survive
	Tenants    string           // folder of tenant documents; "" for none
	Secrets    string           // file of the key that seals secrets; "" for secrets.key in the data folder
	Digest     []string         // algorithms offered, in order: "sha256", "sha512-256", "md5"
	DB         string           // "" for SQLite in the data folder, or a postgres:// DSN
	Log        string           // debug, info, warn, error
	Drain      time.Duration    // how long calls may go on after SIGTERM before they are ended with BYE
	DNS        []netip.AddrPort // name servers; nil for the machine's own
	Silent     time.Duration    // how long a next hop may say nothing while there is another
	HEP        Capture          // copies of calls' messages for a capture server
	Allow      []netip.Prefix   // sources that are never banned
	Calls      int              // calls at once above which new ones are refused with 503; 0: as many as the media ports allow
	Overload   time.Duration    // how late a shard may be before new work is refused; 0: the endpoint's own choice
	Voices     Voices           // clips that are heard in place of our own
	TTS        TTS              // what puts free text into speech
	Mail       Mail             // who takes the exchange's mails
	Alarms     Alarms           // who is told when something is wrong
	NATS       NATS             // who is told of every record
	Proxies    []netip.Prefix   // HTTP proxies of the operator's own, whose X-Forwarded-For and X-Forwarded-Proto are believed
	Plain      bool             // tokens and passwords may come to the API from other machines without TLS
	Metrics    string           // who sees the figures: "local" (this machine, and others with a token) or "open"
	Edges      []netip.Prefix   // proxies of the operator's own before phones, whose Path and received are believed
}

// Voices are folders of announcements.
type Voices struct {
	Folder   string            // a folder in it for each language, files named as our clips; "" for none
	Asterisk map[string]string // folders with Asterisk's file names, by language
}

// Session is how long a call may live without either side's saying so (RFC 4028).
type Session struct {
	Expires time.Duration // 0: we ask for no refreshes
	Min     time.Duration // the shortest that a peer may ask for
}

// Listener is one SIP socket address.
type Listener struct {
	Transport string // "udp", "tcp" or "tls"
	Address   netip.AddrPort
	Advertise Advertise
}

// Advertise says which address a peer is told. Exactly one field is set; all empty means by the
// route to the peer.
type Advertise struct {
	Public netip.Addr     // this address, for peers outside the local networks
	Local  []netip.Prefix // the local networks; nil for those that our interfaces are on
	STUN   string         // host:port of a server that tells us our address
}

// Capture is a server that gets copies of calls' messages by HEP version 3, such as a Homer.
type Capture struct {
	To        string // host:port; "" for none
	Transport string // "udp" or "tcp"
	ID        uint32 // our number as a capture agent
	Key       string // what the server demands of agents, "" for nothing
}

// Media is where sound goes.
type Media struct {
	Address   netip.Addr // address that RTP ports are opened on
	First     uint16     // even
	Last      uint16
	Advertise Advertise
	DeadAfter time.Duration // no packet for so long: the call is cleared; 0 never
	DSCP      int           // code point of media packets (RFC 2474 §3), 0 to 63; 0 leaves the system's
	Pictures  int           // the same of a call's pictures; 0 for DSCP's
	Port      uint16        // the one port of browsers and whoever else has ICE; 0: the last free one of the range
	ICE       string        // "lite": we answer checks of connectivity; "full": we send some of our own
	TURN      TURN
	G729      string // a library that speaks G.729 for us, such as libbcg729.so.0; "" for none: it passes as it is
}

// TURN is a server of relays for browsers that UDP does not reach. The zero value is none.
type TURN struct {
	Address netip.AddrPort // for UDP and TCP; the zero value for none
	TLS     netip.AddrPort // for TLS; the zero value for none
	Host    string         // name or address that browsers are told; "" for the certificate's name
	Secret  string         // makes passwords; "" for one that the exchange makes and keeps
}

// Defaults of the boot file.
const (
	DefaultHTTP      = "127.0.0.1:8080"
	DefaultHTTPS     = "0.0.0.0:8443"
	DefaultPorts     = "10000-29999"
	DefaultDeadAfter = 60 * time.Second
	DefaultDSCP      = 46 // EF (RFC 3246)
	DefaultPictures  = 34 // AF41 (RFC 4594 §4.3)
	DefaultExpires   = 30 * time.Minute
	LeastExpires     = 90 * time.Second // RFC 4028 §5
	DefaultSilent    = 2 * time.Second
)

// Read reads the boot file. What is wrong goes to problems; the result is of use only when there
// are none. Relative folders are taken from the file's own.
func Read(file string, problems *doc.Problems) *Boot {
	n := doc.ReadFile(file, problems)
	if n == nil {
		return nil
	}
	b := &Boot{
		HTTP:       netip.MustParseAddrPort(DefaultHTTP),
		HTTPS:      netip.MustParseAddrPort(DefaultHTTPS),
		Usual:      true,
		Metrics:    "local",
		Media:      Media{Address: netip.IPv4Unspecified(), First: 10000, Last: 29999, DeadAfter: DefaultDeadAfter, DSCP: DefaultDSCP, Pictures: DefaultPictures, ICE: "lite"},
		Recordings: Recordings{Format: "wav", Rate: DefaultRate, Free: Free{Octets: DefaultFree}, Most: DefaultRecordings, Longest: DefaultLongestTape},
		Session:    Session{Expires: DefaultExpires, Min: LeastExpires},
		Digest:     []string{"sha256", "md5"},
		Log:        "info",
		Silent:     DefaultSilent,
	}
	folder := func(to *string) func(*doc.Node) {
		return func(n *doc.Node) {
			*to = n.Text()
			if *to == "" {
				n.Fail("must name a folder")
			} else if !filepath.IsAbs(*to) {
				*to = filepath.Join(filepath.Dir(file), *to)
			}
		}
	}
	var media *doc.Node
	n.Map(doc.Fields{
		"listen": func(n *doc.Node) { n.Each(func(n *doc.Node) { b.Listen = append(b.Listen, readListener(n)) }) },
		"http":   func(n *doc.Node) { b.HTTP = readAddrPort(n) },
		"https": func(n *doc.Node) {
			b.Usual = false
			if n.Text() == "off" {
				b.HTTPS = netip.AddrPort{}
				return
			}
			b.HTTPS = readAddrPort(n)
		},
		"http_plain": func(n *doc.Node) { b.Plain = n.Bool() },
		"metrics":    func(n *doc.Node) { b.Metrics = n.OneOf("local", "open") },
		"proxies":    func(n *doc.Node) { n.Each(func(n *doc.Node) { b.Proxies = append(b.Proxies, readNetwork(n)) }) },
		"tls":        func(n *doc.Node) { readTLS(n, filepath.Dir(file), &b.TLS) },
		"origins":    func(n *doc.Node) { n.Each(func(n *doc.Node) { b.Origins = append(b.Origins, readOrigin(n)) }) },
		"media":      func(n *doc.Node) { media = n; readMedia(n, &b.Media) },
		"data":       folder(&b.Data),
		"tenants":    folder(&b.Tenants),
		"secrets": func(n *doc.Node) {
			if b.Secrets = n.Text(); b.Secrets == "" {
				n.Fail("must name the file of the key that seals secrets")
			} else if !filepath.IsAbs(b.Secrets) {
				b.Secrets = filepath.Join(filepath.Dir(file), b.Secrets)
			}
		},
		"digest": func(n *doc.Node) {
			b.Digest = nil
			n.Each(func(n *doc.Node) { b.Digest = append(b.Digest, n.OneOf(DigestNames...)) })
			if len(b.Digest) == 0 {
				n.Fail("must name at least one of %s", strings.Join(DigestNames, ", "))
			}
		},
		"database": func(n *doc.Node) {
			b.DB = n.Text()
			if !strings.HasPrefix(b.DB, "postgres://") && !strings.HasPrefix(b.DB, "postgresql://") {
				n.Fail("must be a postgres:// address; leave the key out for SQLite in the data folder")
			}
		},
		"voices":     func(n *doc.Node) { readVoices(n, folder, &b.Voices) },
		"tts":        func(n *doc.Node) { readTTS(n, filepath.Dir(file), &b.TTS) },
		"log":        func(n *doc.Node) { b.Log = n.OneOf("debug", "info", "warn", "error") },
		"session":    func(n *doc.Node) { readSession(n, &b.Session) },
		"drain":      func(n *doc.Node) { b.Drain = n.Duration(0, 24*time.Hour) },
		"dns":        func(n *doc.Node) { n.Each(func(n *doc.Node) { b.DNS = append(b.DNS, readServer(n)) }) },
		"allow":      func(n *doc.Node) { n.Each(func(n *doc.Node) { b.Allow = append(b.Allow, readNetwork(n)) }) },
		"calls":      func(n *doc.Node) { b.Calls = n.Int(1, 1<<20) },
		"overload":   func(n *doc.Node) { b.Overload = n.Duration(time.Millisecond, 10*time.Second) },
		"hep":        func(n *doc.Node) { b.HEP = readCapture(n) },
		"silent":     func(n *doc.Node) { b.Silent = n.Duration(500*time.Millisecond, 30*time.Second) },
		"recordings": func(n *doc.Node) { readRecordings(n, filepath.Dir(file), &b.Recordings) },
		"mail":       func(n *doc.Node) { b.Mail = readMail(n, filepath.Dir(file)) },
		"nats":       func(n *doc.Node) { b.NATS = readNATS(n, filepath.Dir(file)) },
		"alarms":     func(n *doc.Node) { b.Alarms = readAlarms(n) },
		"edges":      func(n *doc.Node) { n.Each(func(n *doc.Node) { b.Edges = append(b.Edges, readNetwork(n)) }) },
	}, "listen", "data")
	secure := b.HTTPS.IsValid() || slices.ContainsFunc(b.Listen, func(l Listener) bool { return l.Transport == "tls" })
	if b.Media.TURN.TLS.IsValid() && !secure {
		media.Fail("turn: tls needs the certificate of a listener for tls, or of https: open one")
	}
	if len(b.Alarms.Mail) > 0 && b.Mail.Server == "" {
		n.Fail("alarms: mail needs a mail server: write mail: with server and from")
	}
	return b
}

// DigestNames are the words for digest algorithms in the boot file and on the command line.
var DigestNames = []string{"sha256", "sha512-256", "md5"}

func readVoices(n *doc.Node, folder func(*string) func(*doc.Node), v *Voices) {
	n.Map(doc.Fields{
		"folder": folder(&v.Folder),
		"asterisk": func(n *doc.Node) {
			v.Asterisk = map[string]string{}
			fields := doc.Fields{}
			for _, language := range []string{"en", "fa"} {
				fields[language] = func(n *doc.Node) {
					var dir string
					folder(&dir)(n)
					v.Asterisk[language] = dir
				}
			}
			n.Map(fields)
		},
	})
}

func readListener(n *doc.Node) Listener {
	var l Listener
	n.Map(doc.Fields{
		"transport": func(n *doc.Node) { l.Transport = n.OneOf("udp", "tcp", "tls") },
		"address":   func(n *doc.Node) { l.Address = readAddrPort(n) },
		"advertise": func(n *doc.Node) { l.Advertise = readAdvertise(n) },
	}, "transport", "address")
	return l
}

func readAdvertise(n *doc.Node) Advertise {
	var a Advertise
	if !n.IsMap() {
		n.OneOf("route")
		return a
	}
	n.Map(doc.Fields{
		"public": func(n *doc.Node) {
			addr, err := netip.ParseAddr(n.Text())
			if err != nil || addr.IsUnspecified() {
				n.Fail("must be the address that the world reaches us at, such as 203.0.113.5")
			}
			a.Public = addr
		},
		"local": func(n *doc.Node) {
			n.Each(func(n *doc.Node) {
				p, err := netip.ParsePrefix(n.Text())
				if err != nil {
					n.Fail("must be a network such as 192.168.0.0/16")
				}
				a.Local = append(a.Local, p)
			})
		},
		"stun": func(n *doc.Node) {
			a.STUN = n.Text()
			if host, port, ok := cutPort(a.STUN); !ok || host == "" || port == 0 {
				n.Fail("must be a STUN server's host:port")
			}
		},
	})
	if a.Public.IsValid() && a.STUN != "" {
		n.Fail("write public or stun, not both")
	}
	return a
}

func readSession(n *doc.Node, s *Session) {
	n.Map(doc.Fields{
		"expires": func(n *doc.Node) {
			if s.Expires = n.Duration(0, 24*time.Hour); s.Expires > 0 && s.Expires < LeastExpires {
				n.Fail("must be 0s or at least %s", LeastExpires)
			}
		},
		"min": func(n *doc.Node) { s.Min = n.Duration(LeastExpires, time.Hour) },
	})
	if s.Expires > 0 && s.Expires < s.Min {
		n.Fail("expires must not be shorter than min")
	}
}

func readMedia(n *doc.Node, m *Media) {
	n.Map(doc.Fields{
		"address": func(n *doc.Node) {
			addr, err := netip.ParseAddr(n.Text())
			if err != nil {
				n.Fail("must be an address of this machine, or 0.0.0.0")
			}
			m.Address = addr
		},
		"ports": func(n *doc.Node) {
			first, last, ok := Ports(n.Text())
			if !ok {
				n.Fail("must be a range of at least 4 ports from 1024 up, such as %s", DefaultPorts)
			}
			m.First, m.Last = first, last
		},
		"advertise":  func(n *doc.Node) { m.Advertise = readAdvertise(n) },
		"dead_after": func(n *doc.Node) { m.DeadAfter = n.Duration(0, time.Hour) },
		"dscp":       func(n *doc.Node) { m.DSCP = n.Int(0, 63) },
		"pictures":   func(n *doc.Node) { m.Pictures = n.Int(0, 63) },
		"port":       func(n *doc.Node) { m.Port = uint16(n.Int(1, 65535)) },
		"ice":        func(n *doc.Node) { m.ICE = n.OneOf("lite", "full") },
		"turn":       func(n *doc.Node) { readTURN(n, &m.TURN) },
		"g729": func(n *doc.Node) {
			if m.G729 = n.Text(); m.G729 == "" {
				n.Fail("must be the name or path of a library, such as libbcg729.so.0")
			}
		},
	})
}

func readTURN(n *doc.Node, t *TURN) {
	n.Map(doc.Fields{
		"address": func(n *doc.Node) { t.Address = readAddrPort(n) },
		"tls":     func(n *doc.Node) { t.TLS = readAddrPort(n) },
		"host": func(n *doc.Node) {
			if t.Host = n.Text(); t.Host == "" || strings.ContainsAny(t.Host, " /:@?") {
				n.Fail("must be the name or the IPv4 address that browsers reach the relays at")
			}
		},
		"secret": func(n *doc.Node) {
			if t.Secret = n.Text(); len(t.Secret) < 16 {
				n.Fail("must have at least 16 characters")
			}
		},
	})
	if !t.Address.IsValid() && !t.TLS.IsValid() {
		n.Fail("must have an address or a tls")
	}
}

// Ports reads a range of media ports, "10000-29999"; the first is made even.
func Ports(s string) (first, last uint16, ok bool) {
	a, b, found := strings.Cut(s, "-")
	from, err1 := strconv.ParseUint(a, 10, 16)
	to, err2 := strconv.ParseUint(b, 10, 16)
	if !found || err1 != nil || err2 != nil || from < 1024 || to < from+3 {
		return 0, 0, false
	}
	return uint16(from + from%2), uint16(to), true
}

func readAddrPort(n *doc.Node) netip.AddrPort {
	a, err := netip.ParseAddrPort(n.Text())
	if err != nil {
		n.Fail("must be an address with a port, such as 0.0.0.0:5060 or [::]:5060")
	}
	return a
}

// readNetwork reads a network, or one address for the network that it is alone in.
func readNetwork(n *doc.Node) netip.Prefix {
	if a, err := netip.ParseAddr(n.Text()); err == nil {
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(n.Text())
	if err != nil {
		n.Fail("must be a network such as 192.168.0.0/16, or an address")
	}
	return p.Masked()
}

func readCapture(n *doc.Node) Capture {
	c := Capture{Transport: "udp", ID: 1}
	n.Map(doc.Fields{
		"to": func(n *doc.Node) {
			c.To = n.Text()
			if host, port, ok := cutPort(c.To); !ok || host == "" || port == 0 {
				n.Fail("must be a capture server's host:port, such as homer.example:9060")
			}
		},
		"transport": func(n *doc.Node) { c.Transport = n.OneOf("udp", "tcp") },
		"id":        func(n *doc.Node) { c.ID = uint32(n.Int(1, 1<<31-1)) },
		"auth_key":  func(n *doc.Node) { c.Key = n.Text() },
	}, "to")
	return c
}

// readServer reads a name server's address; its port is 53 unless another is written.
func readServer(n *doc.Node) netip.AddrPort {
	if a, err := netip.ParseAddr(n.Text()); err == nil {
		return netip.AddrPortFrom(a, 53)
	}
	a, err := netip.ParseAddrPort(n.Text())
	if err != nil {
		n.Fail("must be a name server's address, such as 192.0.2.53 or [2001:db8::53]:5353")
	}
	return a
}

func cutPort(s string) (host string, port uint64, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, 0, false
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	return s[:i], port, err == nil
}
