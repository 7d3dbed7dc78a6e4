package phone

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Raw is a UDP socket that speaks SIP by hand, for what no phone would do.
type Raw struct {
	t    testing.TB
	conn *net.UDPConn
	x    *Exchange
}

// NewRaw opens a socket at a loopback address ("127.0.0.1" when from is empty).
func NewRaw(t testing.TB, x *Exchange, from string) *Raw {
	t.Helper()
	if from == "" {
		from = "127.0.0.1"
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Raw{t: t, conn: conn, x: x}
}

// Addr is the socket's own address.
func (r *Raw) Addr() *net.UDPAddr { return r.conn.LocalAddr().(*net.UDPAddr) }

// Send sends a text to the exchange, with line ends as SIP wants them.
func (r *Raw) Send(text string) {
	r.t.Helper()
	to, err := net.ResolveUDPAddr("udp", r.x.SIP)
	if err != nil {
		r.t.Fatal(err)
	}
	r.conn.WriteTo([]byte(text), to)
}

// Receive gives the next message within limit, "" when none comes.
func (r *Raw) Receive(limit time.Duration) string {
	b := make([]byte, 65536)
	r.conn.SetReadDeadline(time.Now().Add(limit))
	n, err := r.conn.Read(b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// Request writes a request of user's with everything that it must have. extra are further header
// lines, each with its line end.
func (r *Raw) Request(method, target, user string, cseq int, callID, extra, body string) string {
	a := r.Addr()
	return fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=t%s\r\nTo: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, target, a, rand.Uint64(), user, r.x.SIP, callID, user, r.x.SIP, callID, cseq, method, user, a, extra, len(body), body)
}

var challengePart = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

// AnswerChallenge makes the Authorization line for the MD5 challenge of a response, "" when it has none.
func AnswerChallenge(response, method, uri, user, password string) string {
	for line := range strings.SplitSeq(response, "\r\n") {
		value, ok := strings.CutPrefix(line, "WWW-Authenticate: Digest ")
		if !ok {
			continue
		}
		part := map[string]string{}
		for _, m := range challengePart.FindAllStringSubmatch(value, -1) {
			part[m[1]] = m[2]
		}
		if a := part["algorithm"]; a != "" && a != "MD5" {
			continue
		}
		h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
		hash := h(h(user+":"+part["realm"]+":"+password) + ":" + part["nonce"] + ":00000001:abcdef:auth:" + h(method+":"+uri))
		return fmt.Sprintf("Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abcdef\", response=\"%s\"\r\n",
			user, part["realm"], part["nonce"], uri, hash)
	}
	return ""
}

// Register registers user with this socket as its contact and gives the final answer.
func (r *Raw) Register(user, password string) string {
	callID := fmt.Sprintf("r%x", rand.Uint64())
	uri := "sip:" + r.x.SIP
	r.Send(r.Request("REGISTER", uri, user, 1, callID, "", ""))
	challenge := r.Receive(2 * time.Second)
	r.Send(r.Request("REGISTER", uri, user, 2, callID, AnswerChallenge(challenge, "REGISTER", uri, user, password), ""))
	return r.Receive(5 * time.Second)
}

const rawOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"

// Call calls a number, waits for the answer, acknowledges it and hangs up, with retransmissions as
// a phone has them. The error says what did not come.
func (r *Raw) Call(user, password, number string) error {
	callID := fmt.Sprintf("c%x", rand.Uint64())
	uri := "sip:" + number + "@" + r.x.SIP
	content := "Content-Type: application/sdp\r\n"
	challenge, err := r.transact(r.Request("INVITE", uri, user, 1, callID, content, rawOffer), callID, "1 INVITE")
	if err != nil {
		return err
	}
	auth := AnswerChallenge(challenge, "INVITE", uri, user, password)
	answer, err := r.transact(r.Request("INVITE", uri, user, 2, callID, content+auth, rawOffer), callID, "2 INVITE")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(answer, "SIP/2.0 200") {
		return fmt.Errorf("INVITE: %.80q", answer)
	}
	target, to := header(answer, "Contact"), header(answer, "To")
	target = strings.Trim(target, "<>")
	within := func(method string, cseq int) string {
		text := r.Request(method, target, user, cseq, callID, "", "")
		return strings.Replace(text, fmt.Sprintf("To: <sip:%s@%s>", user, r.x.SIP), "To: "+to, 1)
	}
	r.Send(within("ACK", 2))
	end, err := r.transact(within("BYE", 3), callID, "3 BYE")
	if err == nil && !strings.HasPrefix(end, "SIP/2.0 200") {
		err = fmt.Errorf("BYE: %.80q", end)
	}
	return err
}

// transact sends a request again and again, as RFC 3261 §17.1 says, until its final answer.
func (r *Raw) transact(text, callID, cseq string) (string, error) {
	deadline, wait, provisional := time.Now().Add(10*time.Second), 500*time.Millisecond, false
	for time.Now().Before(deadline) {
		if !provisional {
			r.Send(text)
		}
		next := time.Now().Add(wait)
		for time.Now().Before(next) {
			answer := r.Receive(time.Until(next))
			if !strings.HasPrefix(answer, "SIP/2.0 ") || header(answer, "Call-ID") != callID || header(answer, "CSeq") != cseq {
				continue
			}
			if answer[len("SIP/2.0 ")] != '1' {
				return answer, nil
			}
			provisional = true
		}
		wait = min(2*wait, 4*time.Second)
	}
	return "", fmt.Errorf("no answer to %s", cseq)
}

func header(message, name string) string {
	for line := range strings.SplitSeq(message, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value
		}
	}
	return ""
}

// Close closes the socket before the test ends.
func (r *Raw) Close() { r.conn.Close() }
