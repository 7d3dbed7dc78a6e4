package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// A Kamailio of the operator's own stands before the phones, at another address than theirs and ours. A
// phone behind it registers through it with its password, and calls go through it both ways (RFC 3327).
func TestKamailioAsAnEdge(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5", "--edge", "127.0.0.2/32")
	k := phone.StartKamailio(t, x.SIP)
	saraSays := phone.Speech(t, "en", pageText, speech)
	aliSays := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
	behind := x.Account("101", "udp")
	behind.Proxy = k.Addr
	sara := phone.StartBaresip(t, behind, saraSays)
	ali := phone.StartBaresip(t, x.Account("102", "udp"), aliSays)
	var page struct {
		Items []struct {
			Account, Flow string
			Path          []string
		}
	}
	x.Get("/api/v1/registrations", &page)
	found := false
	for _, r := range page.Items {
		if r.Account == "101" {
			found = len(r.Path) == 1 && strings.Contains(r.Path[0], "sip:"+k.Addr) && strings.Contains(r.Path[0], "received=sip:127.0.0.1:")
		}
	}
	if !found {
		t.Fatalf("registrations %+v", page.Items)
	}
	for _, c := range []struct {
		from, to *phone.Baresip
		number   string
	}{{ali, sara, "101"}, {sara, ali, "102"}} {
		c.from.Dial(c.number)
		c.to.Wait("CALL_INCOMING")
		c.to.Command("accept", "")
		c.from.Wait("CALL_ESTABLISHED")
		c.to.Wait("CALL_ESTABLISHED")
		time.Sleep(3 * time.Second) // they talk
		c.to.Command("hangup", "")
		c.from.Wait("CALL_CLOSED")
		r := record(t, x, map[string]string{"101": "102", "102": "101"}[c.number], c.number)
		if r.State != "answered" || r.EndedBy != "callee" || r.Q850 != 16 {
			t.Errorf("record %+v", r)
		}
		c.from.Out.Reset()
		c.to.Out.Reset()
	}
	judge(t, "ali", ali.Heard(), saraSays, 0.9)
	judge(t, "sara", sara.Heard(), aliSays, 0.9)
}

// Baresip keeps a flow as RFC 5626 says, and a GRUU is its Contact (RFC 5627): calls reach it, and what
// follows in them too.
func TestBaresipKeepsAFlow(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			x := phone.StartExchange(t, "--digest", "md5")
			says := phone.Speech(t, "en", "One two three four five, once I caught a fish alive", speech)
			keeps := x.Account("101", transport)
			keeps.More = `;sipnat=outbound` + fmt.Sprintf(`;outbound="sip:%s;transport=%s"`, x.SIP, transport)
			sara := phone.StartBaresip(t, keeps, says)
			ali := phone.StartBaresip(t, x.Account("102", transport), says)
			ali.Dial("101")
			sara.Wait("CALL_INCOMING")
			sara.Command("accept", "")
			ali.Wait("CALL_ESTABLISHED")
			sara.Wait("CALL_ESTABLISHED")
			time.Sleep(2 * time.Second) // they talk
			ali.Command("hold", "")
			time.Sleep(time.Second)
			ali.Command("resume", "")
			time.Sleep(time.Second)
			ali.Command("hangup", "")
			sara.Wait("CALL_CLOSED")
			if r := record(t, x, "102", "101"); r.State != "answered" || r.EndedBy != "caller" || r.Q850 != 16 {
				t.Errorf("record %+v", r)
			}
		})
	}
}
