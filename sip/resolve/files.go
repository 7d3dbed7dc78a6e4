package resolve

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of the machine's own files.
const (
	lookEvery  = 5 * time.Second // at their date
	maxServers = 8
	maxSearch  = 6
	maxHosts   = 65536 // names
)

// files are the machine's own words about names, read anew when they change.
type files struct {
	mu    sync.Mutex
	conf  watched
	hosts watched
	about conf
	names map[string][]netip.Addr
}

// watched is a file and when it was as it was read.
type watched struct {
	path   string
	looked time.Time
	date   time.Time
	size   int64
}

// changed gives the text of a file that is not what it was when it was last read. One that is gone is
// empty.
func (w *watched) changed() (text string, yes bool) {
	now := time.Now()
	if w.path == "" || !w.looked.IsZero() && now.Sub(w.looked) < lookEvery {
		return "", false
	}
	first := w.looked.IsZero()
	w.looked = now
	st, err := os.Stat(w.path)
	if err != nil {
		gone := w.size != 0 || first
		w.date, w.size = time.Time{}, 0
		return "", gone
	}
	if !first && st.ModTime().Equal(w.date) && st.Size() == w.size {
		return "", false
	}
	b, err := os.ReadFile(w.path)
	if err != nil {
		return "", false
	}
	w.date, w.size = st.ModTime(), st.Size()
	return string(b), true
}

// lookup gives the addresses that the hosts file has for a name, nil for none.
func (f *files) lookup(name string) []netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text, yes := f.hosts.changed(); yes {
		f.names = parseHosts(text)
	}
	return f.names[plain(name)]
}

// servers gives whom to ask, and how.
func (r *Resolver) servers() ([]netip.AddrPort, conf) {
	f := &r.files
	f.mu.Lock()
	defer f.mu.Unlock()
	if text, yes := f.conf.changed(); yes {
		f.about = parseConf(text)
	}
	c := f.about
	if c.attempts == 0 { // there is no file
		c = parseConf("")
		c.servers = nil
	}
	if len(r.cfg.Servers) > 0 {
		return r.cfg.Servers, c
	}
	return c.servers, c
}

// conf is what a file such as /etc/resolv.conf says.
type conf struct {
	servers  []netip.AddrPort
	search   []string
	dots     int
	wait     time.Duration
	attempts int
}

// parseConf reads it as the system's own resolver does. One without servers means this machine itself.
// Whoever waits here is a caller with the phone at the ear, so that nobody waits the five seconds that are
// usual unless the file asks for a time.
func parseConf(text string) conf {
	c := conf{dots: 1, wait: time.Second, attempts: 2}
	for line := range strings.SplitSeq(text, "\n") {
		if i := strings.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		word := strings.Fields(line)
		if len(word) < 2 {
			continue
		}
		switch word[0] {
		case "nameserver":
			if addr, err := netip.ParseAddr(word[1]); err == nil && len(c.servers) < maxServers {
				c.servers = append(c.servers, netip.AddrPortFrom(addr.Unmap(), 53))
			}
		case "domain":
			c.search = word[1:2]
		case "search":
			c.search = word[1:min(len(word), 1+maxSearch)]
		case "options":
			for _, o := range word[1:] {
				name, value, _ := strings.Cut(o, ":")
				n, err := strconv.Atoi(value)
				if err != nil {
					continue
				}
				switch name {
				case "ndots":
					c.dots = min(max(n, 0), 15)
				case "timeout":
					c.wait = time.Duration(min(max(n, 1), 30)) * time.Second
				case "attempts":
					c.attempts = min(max(n, 1), 5)
				}
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)}
	}
	return c
}

// candidates gives the names to be tried for a host: a short one is first looked for in the house's own
// domains. One that ends with a dot is whole.
func (c conf) candidates(host string) []string {
	if whole, ok := strings.CutSuffix(host, "."); ok {
		return []string{whole}
	}
	var list []string
	if strings.Count(host, ".") < c.dots {
		for _, domain := range c.search {
			if domain = strings.Trim(domain, "."); domain != "" {
				list = append(list, host+"."+domain)
			}
		}
	}
	return append(list, host)
}

// parseHosts reads a file such as /etc/hosts: an address and its names on each line.
func parseHosts(text string) map[string][]netip.Addr {
	names := map[string][]netip.Addr{}
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		word := strings.Fields(line)
		if len(word) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(word[0])
		if err != nil {
			continue
		}
		for _, name := range word[1:] {
			if name = plain(name); names[name] != nil || len(names) < maxHosts {
				names[name] = append(names[name], addr.Unmap())
			}
		}
	}
	for name, list := range names {
		names[name] = byFamily(list)
	}
	return names
}
