package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"santral/config"
	"santral/server"
	"santral/tenant"
)

// local runs everything on loopback. Its flags and its ready line are a contract: other people's
// tests start the program with them.
type local struct {
	Listen     netip.Addr `default:"127.0.0.1" help:"Address to listen on."`
	Public     string     `help:"Address that phones outside reach us at; by the route to each phone when left out." placeholder:"ADDR"`
	SIPPort    uint16     `name:"sip-port" default:"5060" help:"SIP port, UDP and TCP."`
	TLSPort    *uint16    `name:"tls-port" help:"SIP port over TLS; 0 switches it off. Left out: 5061, or none when that is taken." placeholder:"5061"`
	TLSName    string     `name:"tls-name" help:"Host name that phones over TLS know us by: localhost, or this machine's name when we listen elsewhere." placeholder:"NAME"`
	HTTPPort   uint16     `name:"http-port" default:"8080" help:"Port of the API, health and metrics, and of SIP over WebSocket at /ws."`
	HTTPSPort  *uint16    `name:"https-port" help:"The same over TLS; 0 switches it off. Left out: 8443, or none when that is taken." placeholder:"8443"`
	RTPPorts   string     `name:"rtp-ports" default:"10000-29999" help:"Range of media ports."`
	Data       string     `default:"data/local" help:"Folder of everything that survives a restart."`
	Extensions int        `default:"10" help:"How many extensions: from 101 up, with 900 or more from 10001 up."`
	Channels   int        `default:"2" help:"Calls at once for each extension."`
	Sample     string     `default:"company" enum:"company,complex,operator" help:"World to try: company (departments, a group, hours), complex (400 flats), operator (carriers, lines, trunks)."`
	Tenant     string     `help:"A tenant document in the place of the sample." type:"existingfile" placeholder:"FILE"`
	Password   string     `help:"Password of all accounts; random ones, kept in the data folder and printed, when left out."`
	Digest     string     `default:"sha256,md5" help:"Digest algorithms offered, in order: sha256, sha512-256, md5."`
	Edge       []string   `help:"Network of a proxy of yours that stands before phones: its Path is believed." placeholder:"CIDR"`
	Trust      []string   `help:"TESTS ONLY: take INVITEs from this network as the extension in From, without a challenge and without limits." placeholder:"CIDR"`
	Log        string     `default:"warn" enum:"debug,info,warn,error" help:"What is logged on standard error: debug, info, warn, error."`
}

const (
	firstExtension      = 101
	firstOfMany         = 10001
	many                = 900
	firstLine           = 22000001
	printedAccounts     = 12
	localMaxExtensions  = 80000
	passwordSecretBytes = 32
)

// Run serves until SIGTERM or SIGINT.
func (l *local) Run() error {
	boot, err := l.boot()
	if err != nil {
		return err
	}
	password, err := l.passwords()
	if err != nil {
		return err
	}
	texts, err := l.world(password)
	if l.Tenant != "" {
		texts, err = document(l.Tenant)
	}
	if err != nil {
		return err
	}
	_, tenants, err := settle(texts)
	if err != nil {
		return err
	}
	if len(tenants) == 0 {
		return fmt.Errorf("--tenant %s: write a tenant's document: the operator's has nobody who can call", l.Tenant)
	}
	sample := tenants[0]
	options := server.Options{Boot: boot}
	for _, t := range texts {
		options.Sample = append(options.Sample, server.Text{File: t.name, Text: t.data})
	}
	for _, cidr := range l.Trust {
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			return fmt.Errorf("--trust %q: write a network such as 127.0.0.0/8", cidr)
		}
		options.Trust = append(options.Trust, p)
	}
	return run(options, func(ready server.Ready) {
		l.explain(sample, ready, password)
		line, _ := json.Marshal(struct {
			Event string `json:"event"`
			SIP   string `json:"sip"`
			TLS   string `json:"tls"`
			HTTP  string `json:"http"`
			HTTPS string `json:"https"`
			WS    string `json:"ws"`
			WSS   string `json:"wss"`
			Realm string `json:"realm"`
			Token string `json:"token"`
		}{"ready", ready.SIP, ready.TLS, ready.HTTP, ready.HTTPS, ready.WS, ready.WSS, sample.Realm, ready.Token})
		fmt.Println(string(line))
	})
}

func (l *local) boot() (*config.Boot, error) {
	sip := netip.AddrPortFrom(l.Listen, l.SIPPort)
	advertise := config.Advertise{}
	if l.Public != "" {
		addr, err := netip.ParseAddr(l.Public)
		if err != nil {
			return nil, fmt.Errorf("--public %q: write an address", l.Public)
		}
		advertise.Public = addr
	}
	first, last, ok := config.Ports(l.RTPPorts)
	if !ok {
		return nil, fmt.Errorf("--rtp-ports %q: write a range such as %s", l.RTPPorts, config.DefaultPorts)
	}
	if l.Extensions < 0 || l.Extensions > localMaxExtensions {
		return nil, fmt.Errorf("--extensions %d: at most %d", l.Extensions, localMaxExtensions)
	}
	if l.Channels < 1 || l.Channels > tenant.MaxChannels {
		return nil, fmt.Errorf("--channels %d: from 1 to %d", l.Channels, tenant.MaxChannels)
	}
	digest := strings.Split(l.Digest, ",")
	for _, name := range digest {
		if !strings.Contains(" "+strings.Join(config.DigestNames, " ")+" ", " "+name+" ") {
			return nil, fmt.Errorf("--digest %q: write some of %s, with commas", l.Digest, strings.Join(config.DigestNames, ", "))
		}
	}
	var edges []netip.Prefix
	for _, cidr := range l.Edge {
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("--edge %q: write a network such as 192.0.2.50/32", cidr)
		}
		edges = append(edges, p.Masked())
	}
	listen := []config.Listener{
		{Transport: "udp", Address: sip, Advertise: advertise},
		{Transport: "tcp", Address: sip, Advertise: advertise},
	}
	if at := l.port(l.TLSPort, 5061); at.IsValid() {
		listen = append(listen, config.Listener{Transport: "tls", Address: at, Advertise: advertise})
	}
	name := l.TLSName
	if name == "" && l.Listen.IsLoopback() {
		name = "localhost"
	}
	return &config.Boot{
		Edges:   edges,
		Listen:  listen,
		HTTP:    netip.AddrPortFrom(l.Listen, l.HTTPPort),
		HTTPS:   l.port(l.HTTPSPort, 8443),
		Plain:   true, // a lab: its programs and phones take what address they are told
		Metrics: "open",
		TLS:     config.TLS{Name: name},
		Media:   config.Media{Address: l.Listen, First: first, Last: last, Advertise: advertise, DeadAfter: config.DefaultDeadAfter, DSCP: config.DefaultDSCP, Pictures: config.DefaultPictures},
		Session: config.Session{Expires: config.DefaultExpires, Min: config.LeastExpires},
		Data:    l.Data,
		Digest:  digest,
		Log:     l.Log,
	}, nil
}

// port gives the address of a port that was asked for, or of the usual one. Nobody asked for the usual
// one by name, so it is left out where something listens there already: a second exchange beside this
// one, or our own other ports.
func (l *local) port(asked *uint16, usual uint16) netip.AddrPort {
	if asked != nil {
		if *asked == 0 {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(l.Listen, *asked)
	}
	at := netip.AddrPortFrom(l.Listen, usual)
	if usual == l.SIPPort || usual == l.HTTPPort {
		return netip.AddrPort{}
	}
	probe, err := net.Listen("tcp", at.String())
	if err != nil {
		return netip.AddrPort{}
	}
	probe.Close()
	return at
}

// passwords gives each account's password: the one of the flag, or one derived from a secret that
// stays in the data folder.
func (l *local) passwords() (func(number string) string, error) {
	if l.Password != "" {
		return func(string) string { return l.Password }, nil
	}
	file := filepath.Join(l.Data, "passwords.key")
	secret, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		secret = make([]byte, passwordSecretBytes)
		rand.Read(secret)
		if err = os.MkdirAll(l.Data, 0o700); err == nil {
			err = os.WriteFile(file, secret, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keep the sample accounts' passwords: %w", err)
	}
	return func(number string) string {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(number))
		return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:16]
	}, nil
}

// hostname is this machine's own name, "" when it has none.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// explain tells a newcomer how to call, before the ready line.
func (l *local) explain(t *tenant.Tenant, ready server.Ready, password func(string) string) {
	secretOf := func(a tenant.Account) string {
		if l.Tenant != "" {
			return a.Credential.Password
		}
		return password(a.Number)
	}
	fmt.Printf("Santral serves SIP at %s (UDP and TCP), its API at %s.\n", ready.SIP, ready.HTTP)
	if ready.TLS != "" {
		fmt.Printf("SIP over TLS: %s, and phones must trust %s.\n", ready.TLS, ready.Authority)
	}
	fmt.Printf("SIP over WebSocket, for browsers: %s", ready.WS)
	if ready.WSS != "" {
		fmt.Printf(" and %s (which must trust %s)", ready.WSS, ready.Authority)
	}
	fmt.Print(".\n\n")
	if len(l.Trust) > 0 {
		fmt.Printf("!!! --trust %s: calls from there need no password and know no limit. Never do this outside a test.\n\n", strings.Join(l.Trust, " "))
	}
	fmt.Println("Set up any SIP phone with one of these accounts (user name = number):")
	for i, a := range t.Accounts {
		if i == printedAccounts && len(t.Accounts) > printedAccounts+2 {
			fmt.Printf("  … up to %s\n", t.Accounts[len(t.Accounts)-3].Number)
		}
		if i < printedAccounts || i >= len(t.Accounts)-2 {
			fmt.Printf("  %-9s password %s\n", a.Number, secretOf(a))
		}
	}
	switch {
	case l.Tenant != "":
	case l.Sample == "complex":
		fmt.Println("Each flat has an internal number (block 2–5, floor, door) and a line. 9000 is the concierge, 150 the guard.")
	case l.Sample == "operator":
		fmt.Println("Carriers are SIPp: sipp -sn uas -rtp_echo -i 127.0.0.11 -p 5060, and -i 127.0.0.12 for the second. PBXs register as asman@asman.local (30 channels)")
		fmt.Printf("and nasim@nasim.local (10 channels), passwords %s and %s.\n", password("asman"), password("nasim"))
	}
	fmt.Println("\nDial another account's number, *43 for an echo, *44 for the time, *45 to hear yourself, *46 to try the line.")
	if len(t.Accounts) > 1 {
		a, b := t.Accounts[0], t.Accounts[1]
		fmt.Printf("Without a phone, in two more terminals:\n  santral phone --server %s --user %s --password %s --answer\n  santral phone --server %s --user %s --password %s --call %s\n\n",
			ready.SIP, b.Number, secretOf(b), ready.SIP, a.Number, secretOf(a), b.Number)
	}
}
