package trace

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
)

// aCall is a call with both legs, decisions between them, and every way that a message can travel.
func aCall() []Entry {
	v6 := netip.MustParseAddrPort("[2001:db8::7]:5061")
	us6 := netip.MustParseAddrPort("[2001:db8::1]:5061")
	message := func(first, callID, body string) string {
		return first + "\r\nVia: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bK-1\r\nFrom: <sip:101@x>;tag=1\r\nTo: <sip:102@x>\r\nCall-ID: " + callID +
			"\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	}
	list := []Entry{
		{CallID: "a@x", Remote: alice, Local: us, Proto: "UDP", Text: message("INVITE sip:102@x SIP/2.0", "a@x", "")},
		{CallID: "call1", Decision: "goes to 102"},
		{CallID: "call1", Decision: "leg b rings sip:102@127.0.0.1:5082"},
		{CallID: "b@x", Out: true, Remote: bob, Local: us, Proto: "TCP", Text: message("INVITE sip:102@y SIP/2.0", "b@x", strings.Repeat("x", 70000))},
		{CallID: "b@x", Remote: bob, Local: us, Proto: "TCP", Text: message("SIP/2.0 486 Busy Here", "b@x", "")},
		{CallID: "c@x", Out: true, Remote: v6, Local: us6, Proto: "TLS", Text: message("INVITE sip:102@z SIP/2.0", "c@x", "")},
		{CallID: "a@x", Out: true, Remote: alice, Local: us, Proto: "UDP", Text: message("SIP/2.0 486 Busy Here", "a@x", "")},
		{CallID: "call1", Decision: "ended by callee: user busy"},
	}
	for i := range list {
		list[i].At = time.UnixMicro(1_700_000_000_000_000 + int64(i)*1500).UTC()
		list[i].Call = "call1"
	}
	return list
}

func itoa(n int) string { return string(appendInt(nil, n)) }

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

func TestDecisionsStandInTheLadder(t *testing.T) {
	b, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Add(entry(0, "a@x", false, alice, "INVITE sip:102@x SIP/2.0\r\nAuthorization: Digest response=\"0123\"\r\n\r\n"))
	b.Keep("a@x", "call1")
	b.Decide("call1", entry(1, "", false, alice, "").At, "goes to 102")
	b.Add(Entry{CallID: "a@x", At: entry(2, "", false, alice, "").At, Decision: "192.0.2.30:5060 over UDP says nothing: another is next"})
	b.Decide("other", entry(1, "", false, alice, "").At, "not of this call")
	b.Add(entry(3, "a@x", true, alice, "SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n"))
	got, err := b.Read([]string{"a@x", "call1"})
	if err != nil || len(got) != 4 {
		t.Fatalf("read %d entries, %v; want 4", len(got), err)
	}
	if got[0].Text != "INVITE sip:102@x SIP/2.0\r\nAuthorization: Digest response=\"xxxx\"\r\n\r\n" {
		t.Errorf("kept %q", got[0].Text)
	}
	want := `           127.0.0.1:5080                    santral                           
       +0  │──────────── INVITE ────────────▶│
       +2  * goes to 102
       +3  * 192.0.2.30:5060 over UDP says nothing: another is next
       +4  │◀─── 486 Busy Here (INVITE) ─────│
`
	if ladder := Ladder(got); ladder != want {
		t.Errorf("ladder:\n%s\nwant:\n%s", ladder, want)
	}
	files, _ := filepath.Glob(filepath.Join(b.folder, "*"))
	text, _ := os.ReadFile(files[0])
	if bytes.Contains(text, []byte("0123")) {
		t.Error("a secret is on the disk")
	}
}

func TestOldSegmentsGo(t *testing.T) {
	folder := t.TempDir()
	old, fresh := filepath.Join(folder, "00000001.trace"), filepath.Join(folder, "00000002.trace")
	for file, age := range map[string]time.Duration{old: keepFor + time.Hour, fresh: time.Hour} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	b, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.Decide("x", time.Now(), "anything")
	b.flush()
	if _, err := os.Stat(old); err == nil {
		t.Error("an old segment is kept")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("a segment that is not old is gone")
	}
}

// Wireshark's own reader must find the messages, their addresses, and nothing to complain of.
func TestPcapng(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal("tshark is not installed: run `make peers`")
		}
		t.Skip("tshark is not installed; `make peers` installs it")
	}
	var b bytes.Buffer
	if err := WritePcapng(&b, aCall()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "call.pcapng")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(arg ...string) string {
		t.Helper()
		var problems bytes.Buffer
		cmd := exec.Command(tshark, append([]string{"-n", "-r", file, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-d", "tcp.port==5061,sip"}, arg...)...)
		cmd.Stderr = &problems
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, problems.String())
		}
		return string(out)
	}
	got := read("-Y", "sip", "-T", "fields", "-E", "separator=/s", "-e", "ip.src", "-e", "ipv6.src", "-e", "udp.srcport", "-e", "tcp.srcport", "-e", "udp.dstport", "-e", "tcp.dstport", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "sip.Call-ID")
	want := []string{
		"127.0.0.1 5080 5060 INVITE a@x",
		"127.0.0.1 5060 5082 INVITE b@x",
		"127.0.0.1 5082 5060 486 b@x",
		"2001:db8::1 5061 5061 INVITE c@x",
		"127.0.0.1 5060 5080 486 a@x",
	}
	var lines []string
	for l := range strings.Lines(got) {
		lines = append(lines, strings.Join(strings.Fields(l), " "))
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if bad := read("-Y", "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || tcp.checksum.status == 0 || tcp.analysis.lost_segment || tcp.analysis.retransmission"); bad != "" {
		t.Errorf("complaints:\n%s", bad)
	}
	comments := read("-T", "fields", "-e", "frame.comment")
	for _, want := range []string{"goes to 102", "leg b rings sip:102@127.0.0.1:5082", "travelled over TLS, encrypted", "afterwards: ended by callee: user busy"} {
		if !strings.Contains(comments, want) {
			t.Errorf("%q is no comment of\n%s", want, comments)
		}
	}
	if at := read("-T", "fields", "-e", "frame.time_epoch", "-c", "1"); strings.TrimSpace(at) != "1700000000.000000000" {
		t.Errorf("time %s", at)
	}
}

// caught is a HEP packet as a receiver that knows nothing of ours reads it.
type caught map[uint16][]byte

func (c caught) number(kind uint16) (n uint64) {
	for _, x := range c[kind] {
		n = n<<8 | uint64(x)
	}
	return n
}

// decodeHEP reads one packet, strictly.
func decodeHEP(t *testing.T, b []byte) caught {
	t.Helper()
	if len(b) < 6 || string(b[:4]) != "HEP3" || int(binary.BigEndian.Uint16(b[4:6])) != len(b) {
		t.Fatalf("no HEP3 packet: %q", b[:min(len(b), 40)])
	}
	c := caught{}
	for b = b[6:]; len(b) > 0; {
		if len(b) < 6 {
			t.Fatalf("%d octets behind the last chunk", len(b))
		}
		vendor, kind, n := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[4:]))
		if vendor != 0 || n < 6 || n > len(b) || c[kind] != nil {
			t.Fatalf("chunk %d of vendor %d with %d octets of %d", kind, vendor, n, len(b))
		}
		c[kind] = b[6:n]
		b = b[n:]
	}
	return c
}

func checkHEP(t *testing.T, e Entry, c caught) {
	t.Helper()
	from, to := e.Remote, e.Local
	if e.Out {
		from, to = to, from
	}
	family, protocol, src, dst := uint64(2), uint64(17), c[3], c[4]
	if from.Addr().Is6() {
		family, src, dst = 10, c[5], c[6]
	}
	if e.Proto != "UDP" && e.Decision == "" {
		protocol = 6
	}
	kind, payload := uint64(1), e.Text
	if e.Decision != "" {
		kind, payload = 100, e.Decision
	}
	ok := c.number(1) == family && c.number(2) == protocol && c.number(7) == uint64(from.Port()) && c.number(8) == uint64(to.Port()) &&
		c.number(9) == uint64(e.At.Unix()) && c.number(10) == uint64(e.At.Nanosecond()/1000) && c.number(11) == kind && c.number(12) == 2001 &&
		string(c[14]) == "key" && string(c[17]) == "call1"
	if e.Decision == "" {
		ok = ok && bytes.Equal(src, from.Addr().AsSlice()) && bytes.Equal(dst, to.Addr().AsSlice())
	}
	if !ok {
		t.Errorf("%+v\nis sent as %v", e, c)
	}
	if got := string(c[15]); got != payload && !(len(payload) > 65000 && strings.HasPrefix(payload, got) && len(got) > 65000) {
		t.Errorf("payload %q", got[:min(len(got), 100)])
	}
}

func TestHEPOverUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		host, server := n.Host(netip.MustParseAddr("192.0.2.1")), n.Host(netip.MustParseAddr("192.0.2.9"))
		n.SetName("homer.example", netip.MustParseAddr("192.0.2.9"))
		sock, err := server.ListenUDP(netip.MustParseAddrPort("192.0.2.9:9060"), vnet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer sock.Close()
		h := StartHEP(HEPConfig{Net: host, To: "homer.example:9060", ID: 2001, Key: "key"})
		list := aCall()
		h.Offer(list)
		synctest.Wait()
		d := [1]vnet.Datagram{{B: make([]byte, 65536)}}
		for i, e := range list {
			if len(e.Text) > hepDatagram {
				continue
			}
			if _, err := sock.ReadBatch(d[:]); err != nil {
				t.Fatal(err)
			}
			checkHEP(t, list[i], decodeHEP(t, d[0].B[:d[0].N]))
		}
		h.Close()
		if h.Sent() != uint64(len(list)-1) || h.Dropped() != 1 { // the one that no datagram holds
			t.Errorf("%d sent, %d dropped", h.Sent(), h.Dropped())
		}
	})
}

// Over TCP the server may come late and go away; what does not fit meanwhile is dropped and counted.
func TestHEPOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		host, server := n.Host(netip.MustParseAddr("192.0.2.1")), n.Host(netip.MustParseAddr("192.0.2.9"))
		h := StartHEP(HEPConfig{Net: host, To: "192.0.2.9:9061", Stream: true, ID: 2001, Key: "key"})
		list := aCall()
		h.Offer(list)
		big := Entry{Text: strings.Repeat("x", 1<<20), Proto: "TCP", Local: us, Remote: bob}
		h.Offer([]Entry{big, big, big, big, big})
		if h.Dropped() != 2 {
			t.Errorf("%d dropped while the server is away", h.Dropped())
		}
		time.Sleep(10 * time.Second)
		l, err := server.ListenTCP(netip.MustParseAddrPort("192.0.2.9:9061"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var c net.Conn
		if c, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			head := make([]byte, 6)
			if _, err := io.ReadFull(c, head); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, binary.BigEndian.Uint16(head[4:]))
			copy(b, head)
			if _, err := io.ReadFull(c, b[6:]); err != nil {
				t.Fatal(err)
			}
			checkHEP(t, e, decodeHEP(t, b))
		}
		c.Close()
		time.Sleep(time.Second)
		for range 5 { // the loss is noticed, and the next ones find the server again
			h.Offer(list[:1])
			time.Sleep(5 * time.Second)
		}
		if c, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		h.Close()
	})
}
