package sipleg

import (
	"os"
	"strings"
	"testing"
	"time"

	"santral/base/golden"
	"santral/sip"
	"santral/sip/dialog"
)

// page holds the table of header fields that TestHeaderTable reads.
const page = "../../docs/rfc.md"

// tableHead begins the table: what a message brings, and what of it stands in the one that the other side gets.
const tableHead = "| header field | INVITE | INVITE between trusted trunks | 200 | 200 between trusted trunks | re-INVITE | UPDATE | INFO | BYE |\n|---|---|---|---|---|---|---|---|---|\n"

// natural are the fields that every message has.
var natural = map[string]bool{"Via": true, "From": true, "To": true, "Call-ID": true, "CSeq": true, "Contact": true, "Max-Forwards": true,
	"Content-Type": true, "Content-Length": true}

// samples are values of fields whose grammar matters; any other gets "marker". ADDR is the sender's address.
var samples = map[string]string{
	"Route": "<sip:192.0.2.1:5060;lr;marker>", "Record-Route": "<sip:ADDR:5060;lr;marker>", "Path": "<sip:marker.example;lr>",
	"Service-Route": "<sip:marker.example;lr>", "Allow": "INVITE, ACK, BYE, CANCEL, MARKER", "Expires": "333", "Min-Expires": "333",
	"Session-Expires": "1700;refresher=uac;at=ADDR", "Min-SE": "99", "Authorization": `Digest username="marker", realm="x", nonce="1", uri="sip:x", response="0"`,
	"Proxy-Authorization": `Digest username="marker", realm="x", nonce="1", uri="sip:x", response="0"`, "WWW-Authenticate": `Digest realm="marker", nonce="1"`,
	"Proxy-Authenticate": `Digest realm="marker", nonce="1"`, "Authentication-Info": `nextnonce="marker"`, "Proxy-Authentication-Info": `nextnonce="marker"`,
	"Accept": "application/sdp, application/marker", "Accept-Encoding": "identity, marker", "Content-Encoding": "gzip", "Content-Disposition": "session",
	"Content-Language": "fa", "Replaces": "marker@x;to-tag=1;from-tag=2", "Join": "marker@x;to-tag=1;from-tag=2", "Privacy": "session",
	"Diversion": "<sip:700@marker.example>;reason=user-busy", "History-Info": "<sip:700@marker.example>;index=1, <sip:102@marker.example;cause=486>;index=1.1;mp=1",
	"P-Asserted-Identity": "<sip:700@marker.example>", "P-Preferred-Identity": "<sip:700@marker.example>", "Remote-Party-ID": "<sip:700@marker.example>;party=calling",
	"Referred-By": "<sip:700@marker.example>", "Refer-To": "<sip:700@marker.example>", "Reply-To": "<sip:700@marker.example>",
	"P-Called-Party-ID": "<sip:700@marker.example>", "P-Associated-URI": "<sip:700@marker.example>", "Session-ID": "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000",
	"Max-Breadth": "44", "Reason": `Q.850;cause=31;text="marker"`, "RAck": "44 10 INVITE", "RSeq": "44", "Alert-Info": "<urn:alert:source:external>",
	"Call-Info": "<sip:marker.example>;answer-after=0", "Answer-Mode": "Auto", "Priv-Answer-Mode": "Auto", "Warning": `399 marker "text"`, "Retry-After": "44",
	"Timestamp": "44", "P-Early-Media": "supported", "Error-Info": "<sip:marker.example>", "Geolocation": "<sip:marker.example>", "Identity-Info": "<https://marker.example/x>",
	"Target-Dialog": "marker@x;local-tag=1;remote-tag=2", "Subscription-State": "active", "In-Reply-To": "marker@x", "Date": "Sat, 01 Jan 2000 00:00:00 GMT",
	"Flow-Timer": "44", "Refer-Sub": "false", "User-Agent": "marker/1.0", "Server": "marker/1.0", "MIME-Version": "1.0",
}

// crossing is one message of ours, and what came out at the other side.
func crossing(name string, in, out *sip.Message) string {
	values := func(m *sip.Message) (list []string) {
		for _, h := range m.Headers {
			if strings.EqualFold(h.Kind.String(), name) || h.Kind == sip.UnknownKind && strings.EqualFold(h.Name, name) {
				list = append(list, h.Value)
			}
		}
		return list
	}
	if out == nil {
		return "refused"
	}
	sent, got := strings.Join(values(in), "\n"), strings.Join(values(out), "\n")
	switch {
	case len(values(out)) == 0:
		return "dropped"
	case sent == got:
		return "passed"
	}
	return "rewritten"
}

// come is the next message that reaches a phone, nil when none does.
func (p *phone) come() *sip.Message {
	for {
		select {
		case m := <-p.in:
			if m.Status != 100 {
				return m
			}
		case <-time.After(100 * time.Millisecond):
			return nil
		}
	}
}

// with puts the sample of a field into a message.
func with(m *sip.Message, name, addr string) *sip.Message {
	if natural[name] {
		return m
	}
	value := samples[name]
	if value == "" {
		value = "marker"
	}
	m.DelName(name)
	m.AddName(name, strings.ReplaceAll(value, "ADDR", addr))
	return m
}

// through has a field cross a whole call from one phone to another, in every message.
func through(w *world, name string, from, to *phone) (invite, ok, again, changed, info, bye string) {
	w.Helper()
	defer func() {
		from.d, to.d = nil, nil
		for from.come() != nil || to.come() != nil { // what is left of a call that went wrong
		}
	}()
	sent := from.invite(to.number, from.sdp, func(m *sip.Message) {
		m.Set(sip.To, "<sip:"+to.number+"@marker.example>")
		with(m, name, from.addr)
	})
	got := to.come()
	invite = crossing(name, sent, got)
	if got == nil {
		from.refused(sent, from.come())
		from.invite(to.number, from.sdp)
		got = to.want(sip.INVITE)
	}
	answer := func(got *sip.Message, name string) (res, heard *sip.Message) {
		res = sip.NewResponse(got, 200, "")
		res.SetToTag("tag" + to.number)
		res.Set(sip.Contact, to.contact())
		res.SetBody("application/sdp", to.sdp)
		if name != "" {
			with(res, name, to.addr)
		}
		to.send(res)
		to.want(sip.ACK)
		return res, from.get()
	}
	res, heard := answer(got, name)
	if heard.Status == 200 {
		ok = crossing(name, res, heard)
	} else { // the answer was of no use, and the call ends
		ok = "refused"
		from.refused(from.req, heard)
		to.reply(to.want(sip.BYE), 200, "")
		from.invite(to.number, from.sdp)
		got = to.want(sip.INVITE)
		_, heard = answer(got, "")
	}
	var err error
	to.d, err = dialog.FromRequest(got, "tag"+to.number)
	w.must(err)
	from.d, err = dialog.FromResponse(from.req, heard)
	w.must(err)
	from.ack(from.d.LocalSeq, "")

	within := func(method sip.Method) (string, *sip.Message) {
		req := from.d.Request(method)
		req.Prepend(sip.ViaKind, from.via())
		req.Set(sip.MaxForwards, "44")
		switch method {
		case sip.INVITE:
			req.Set(sip.Contact, from.contact())
			req.SetBody("application/sdp", audio(from.addr, 4000, "sendonly"))
		case sip.UPDATE:
			req.Set(sip.Contact, from.contact())
			req.SetBody("application/sdp", from.sdp)
		case sip.INFO:
			req.SetBody("application/media_control+xml", "<media_control/>")
		}
		from.send(with(req, name, from.addr))
		got := to.come()
		offers := method == sip.INVITE || method == sip.UPDATE
		if got == nil || got.Method != method && !offers {
			if res := from.come(); method == sip.INVITE && res != nil {
				from.refused(req, res)
			}
			return "refused", nil
		}
		to.reply(got, 200, map[sip.Method]string{sip.INVITE: audio(to.addr, 4000, "recvonly"), sip.UPDATE: to.sdp}[method])
		for res := from.come(); res != nil && res.Status != 200; res = from.come() {
		}
		if got.Method == sip.INVITE {
			to.want(sip.ACK)
		}
		if method == sip.INVITE {
			seq, _ := req.CSeq()
			from.ack(seq.Seq, "")
		}
		return crossing(name, req, got), got
	}
	again, _ = within(sip.INVITE)
	changed, _ = within(sip.UPDATE)
	info, _ = within(sip.INFO)
	var last *sip.Message
	if bye, last = within(sip.BYE); last == nil {
		from.leaves(to)
	}
	return invite, ok, again, changed, info, bye
}

// TestHeaderTable holds the table of docs/rfc.md true: every header field that Santral knows, and one that it does not,
// goes through a real call between phones and one between trusted trunks.
func TestHeaderTable(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableHead)
	if !found {
		t.Fatalf("%s has no table of header fields", page)
	}
	rows := map[string]string{}
	after := rest
	for strings.HasPrefix(after, "|") {
		line, more, _ := strings.Cut(after, "\n")
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		rows[name], after = line, more
	}
	var names []string
	for k := sip.UnknownKind + 1; k.String() != ""; k++ {
		names = append(names, k.String())
	}
	names = append(names, "X-Unknown")
	var table strings.Builder
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		h.manners["stranger"] = Manners{Trusted: true, From: true}
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		f, s := w.phone("192.0.2.21", "221"), w.phone("192.0.2.22", "222")
		for _, name := range names {
			invite, ok, again, changed, info, bye := through(w, name, a, b)
			invite2, ok2, _, _, _, _ := through(w, name, f, s)
			row := "| " + strings.Join([]string{name, invite, invite2, ok, ok2, again, changed, info, bye}, " | ") + " |"
			table.WriteString(row + "\n")
			if !golden.Update() && rows[name] != row {
				t.Errorf("the table says\n%s\nbut the call does\n%s\n(-update writes the table anew: is that what it should say?)", rows[name], row)
			}
		}
	})
	for name := range rows {
		if !strings.Contains("\n"+table.String(), "\n| "+name+" |") {
			t.Errorf("the table has a row of %s, which is no field that Santral knows", name)
		}
	}
	if golden.Update() {
		if err := os.WriteFile(page, []byte(before+tableHead+table.String()+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
