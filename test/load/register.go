package load

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Registers says what to register.
type Registers struct {
	Server   netip.AddrPort
	Realm    string
	Users    []string // taken in turn
	Password string
	Contact  netip.AddrPort // where the users shall be called; the generator's own socket when zero
	Rate     int            // registrations a second, each a challenge and an answer
	Count    int
}

// Run registers and waits for every answer.
func (c Registers) Run() (*Result, error) {
	r := &Result{Why: map[string]int{}}
	var mu sync.Mutex
	units := map[string]*unit{}
	left := make(chan struct{})
	finish := func(id string, u *unit, why string) {
		delete(units, id)
		if why == "" {
			r.Done++
			r.Setup = append(r.Setup, time.Since(u.began))
		} else {
			r.Failed++
			r.Why[why]++
		}
		if r.Done+r.Failed == c.Count {
			close(left)
		}
	}
	var s *socket
	request := func(u *unit, id string, seq int, auth string) []byte {
		contact := c.Contact
		if !contact.IsValid() {
			contact = s.addr
		}
		return fmt.Appendf(nil, "REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: %d REGISTER\r\nContact: <sip:%s@%s>\r\nExpires: 3600\r\n%sContent-Length: 0\r\n\r\n",
			c.Server, s.addr, id, seq, u.user, c.Server, id, u.user, c.Server, id, seq, u.user, contact, auth)
	}
	s, err := open(netip.MustParseAddrPort("127.0.0.1:0"), func(text []byte, _ netip.AddrPort) {
		id := field(text, "Call-ID")
		mu.Lock()
		defer mu.Unlock()
		u := units[id]
		if u == nil {
			return
		}
		switch code := status(text); {
		case code == 401 && u.seq == 1:
			u.seq = 2
			u.text = request(u, id, 2, authorization(text, "REGISTER", "sip:"+c.Server.String(), u.user, c.Password))
			u.sent = time.Now()
			s.send(u.text, c.Server)
		case code == 401 && strings.HasPrefix(field(text, "CSeq"), "1 "):
		case code == 200:
			finish(id, u, "")
		case code >= 200:
			finish(id, u, fmt.Sprint(code))
		}
	})
	if err != nil {
		return nil, err
	}
	defer s.close()
	stop := again(s, c.Server, &mu, units, finish)
	defer stop()
	began := time.Now()
	prefix := fmt.Sprintf("r%x", began.UnixNano())
	err = pace(c.Rate, c.Count, s, func(i int) {
		u := &unit{began: time.Now(), sent: time.Now(), user: c.Users[i%len(c.Users)], seq: 1}
		id := fmt.Sprintf("%sx%d", prefix, i)
		u.text = request(u, id, 1, "")
		mu.Lock()
		units[id] = u
		mu.Unlock()
		s.send(u.text, c.Server)
	})
	if err != nil {
		return nil, err
	}
	<-left
	r.Elapsed = time.Since(began)
	return r, nil
}

// again sends what was not answered again, as Timer E does, and gives up after 8 s.
func again(s *socket, to netip.AddrPort, mu *sync.Mutex, units map[string]*unit, finish func(string, *unit, string)) (stop func()) {
	tick := time.NewTicker(50 * time.Millisecond)
	quit := make(chan struct{})
	go func() {
		for {
			select {
			case <-quit:
				return
			case now := <-tick.C:
				mu.Lock()
				for id, u := range units {
					if u.text == nil || now.Sub(u.sent) < 500*time.Millisecond<<u.tries {
						continue
					}
					if u.tries++; u.tries > 4 {
						finish(id, u, "no answer")
						continue
					}
					s.send(u.text, to)
				}
				mu.Unlock()
				s.flush()
			}
		}
	}()
	return func() {
		tick.Stop()
		close(quit)
	}
}

// authorization answers the MD5 challenge of a response.
func authorization(text []byte, method, uri, user, password string) string {
	for line := range strings.SplitSeq(string(text), "\r\n") {
		challenge, ok := strings.CutPrefix(line, "WWW-Authenticate: Digest ")
		if !ok || strings.Contains(challenge, "SHA") {
			continue
		}
		realm, nonce := param(challenge, "realm"), param(challenge, "nonce")
		response := hash(hash(user+":"+realm+":"+password) + ":" + nonce + ":00000001:x:auth:" + hash(method+":"+uri))
		return fmt.Sprintf("Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"x\", response=\"%s\"\r\n",
			user, realm, nonce, uri, response)
	}
	return ""
}

func param(s, name string) string {
	_, s, _ = strings.Cut(s, name+`="`)
	s, _, _ = strings.Cut(s, `"`)
	return s
}

func hash(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
