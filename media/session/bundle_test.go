package session

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"santral/media/sdp"
)

func offerOf(t *testing.T, name string) *sdp.Description {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "sdp", "testdata", "offers", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func parse(t *testing.T, text string) *sdp.Description {
	t.Helper()
	d, err := sdp.Parse("v=0\r\no=- 1 1 IN IP4 192.0.2.60\r\ns=-\r\nc=IN IP4 192.0.2.60\r\nt=0 0\r\n" + text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const deskVideo = "m=audio 5004 RTP/AVP 8\r\nm=video 5006 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 packetization-mode=1;profile-level-id=42e01f\r\n"

// bundled checks that lines share one transport and say so.
func bundled(t *testing.T, d *sdp.Description, group string) {
	t.Helper()
	if v, _ := d.Attr("group"); v != group {
		t.Errorf("group %q, want %q in\n%s", v, group, d)
	}
	user, _ := d.Media[0].Attr("ice-ufrag")
	for i := range d.Media {
		m := &d.Media[i]
		if m.Rejected() {
			continue
		}
		u, _ := m.Attr("ice-ufrag")
		if m.Port != 0 && m.Port != d.Media[0].Port || u != user || u == "" || !m.Mux() || !m.Has("fingerprint") || !m.Has("setup") || m.Has("crypto") {
			t.Errorf("line %d in\n%s", i, d)
		}
	}
}

// A browser's sound and pictures share a port, whoever begins (RFC 9143).
func TestBundle(t *testing.T) {
	cfg := webHouse(t, false)
	s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true})
	defer s.Close()
	offer := offerOf(t, "chromium")
	if err := s.SetRemote(offer); err != nil {
		t.Fatal(err)
	}
	relay := func(text string, answering bool) *sdp.Description {
		t.Helper()
		d, err := s.RelayLocal(parse(t, text), answering)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := relay(deskVideo, true)
	bundled(t, d, "BUNDLE 0 1")
	if err := sdp.CheckAnswer(offer, d); err != nil || d.Media[1].Port != d.Media[0].Port {
		t.Errorf("%v in\n%s", err, d)
	}
	if setup, _ := d.Media[0].Attr("setup"); setup != "active" {
		t.Errorf("setup %s", setup)
	}
	bundled(t, relay("m=audio 5004 RTP/AVP 8\r\nm=video 0 RTP/AVP 99\r\n", true), "BUNDLE 0")
	bundled(t, relay(deskVideo, true), "BUNDLE 0 1")
	again := relay(deskVideo, false) // a change of ours: tags, numbers and port stay
	bundled(t, again, "BUNDLE 0 1")
	if again.Media[1].Port != d.Media[0].Port || strings.Join(again.Media[1].Formats, " ") != "103" || again.Media[1].Has("bundle-only") {
		t.Errorf("offered\n%s", again)
	}

	called := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true})
	defer called.Close()
	first, err := called.RelayLocal(parse(t, deskVideo), false)
	if err != nil {
		t.Fatal(err)
	}
	bundled(t, first, "BUNDLE 0 1")
	if m := &first.Media[1]; m.Port != 0 || !m.Has("bundle-only") || m.Proto != "UDP/TLS/RTP/SAVPF" { // RFC 9143 §7.2.1
		t.Errorf("offered\n%s", first)
	}
	same, err := called.RelayLocal(parse(t, deskVideo), false)
	if err != nil || same.String() != first.String() {
		t.Errorf("%v, the same offer again is\n%s", err, same)
	}
}

// One who offers ICE without one port for both, or DTLS where this node has none, is met as far as it goes.
func TestHalfABrowser(t *testing.T) {
	cfg := webHouse(t, false)
	s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{})
	defer s.Close()
	if err := s.SetRemote(parse(t, "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 5004 RTP/AVP 8\r\n")); err != nil {
		t.Fatal(err)
	}
	d, err := s.RelayLocal(parse(t, "m=audio 5004 RTP/AVP 8\r\n"), true)
	if err != nil || strings.Contains(d.String(), "ice-") {
		t.Errorf("%v, answered\n%s", err, d)
	}
	bare := *cfg
	bare.DTLS = nil
	none := New(&bare, netip.MustParseAddr("127.0.0.1"), Profile{})
	defer none.Close()
	if err := none.SetRemote(offerOf(t, "chromium")); err == nil {
		t.Error("a handshake that nobody here can do was taken")
	}
}

// When the first line of a bundle ends, the others go on by the same transport, and what is said of it stands on the first
// of them (RFC 9143 §7.3.1, §7.5.3).
func TestFirstOfABundleEnds(t *testing.T) {
	const web = "m=audio %s UDP/TLS/RTP/SAVPF 8\r\na=mid:0\r\n" + transport + "m=video 9 UDP/TLS/RTP/SAVPF 99\r\na=mid:1\r\na=rtpmap:99 VP8/90000\r\n" + transport
	const pictures = "m=video 5006 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\n"
	said := func(port, group, user string) string {
		return "a=group:BUNDLE " + group + "\r\n" + strings.ReplaceAll(strings.Replace(web, "%s", port, 1), "USER", user)
	}
	for _, c := range [...]struct {
		name   string
		offers bool // we do
	}{{"it refuses ours", true}, {"it ends it", false}} {
		t.Run(c.name, func(t *testing.T) {
			cfg := webHouse(t, false)
			s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true})
			defer s.Close()
			relay := func(text string, answering bool) *sdp.Description {
				t.Helper()
				d, err := s.RelayLocal(parse(t, text), answering)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			set := func(f func(*sdp.Description) error, text string) {
				t.Helper()
				if err := f(parse(t, text)); err != nil {
					t.Fatal(err)
				}
			}
			var before *sdp.Description
			if c.offers {
				before = relay("m=audio 5004 RTP/AVP 8\r\n"+pictures, false)
				set(s.SetAnswer, said("0", "1", "page"))
			} else {
				set(s.SetRemote, said("9", "0 1", "page"))
				before = relay("m=audio 5004 RTP/AVP 8\r\n"+pictures, true)
				set(s.SetRemote, said("0", "1", "page"))
				relay("m=audio 0 RTP/AVP 8\r\n"+pictures, true)
			}
			user, _ := before.Media[0].Attr("ice-ufrag")
			p := s.lines[1].path
			if s.lines[0].stream != nil || p == nil || p.index != 1 || p.users != 1 || p.peer == nil {
				t.Fatalf("the path is %+v", p)
			}
			again := relay("m=audio 0 RTP/AVP 8\r\n"+pictures, false)
			m := &again.Media[1]
			if u, _ := m.Attr("ice-ufrag"); u != user || !m.Has("candidate") || m.Port == 0 || m.Has("bundle-only") {
				t.Errorf("of %q, offered\n%s", user, again)
			}
			if v, _ := again.Attr("group"); v != "BUNDLE 1" {
				t.Errorf("group %q", v)
			}
			agent := p.agent
			s.Close()
			if agent.Remote().IsValid() || cfg.ICE.Stats().Agents != 0 {
				t.Errorf("%+v", cfg.ICE.Stats())
			}
		})
	}
}

const transport = "a=rtcp-mux\r\na=ice-ufrag:USER\r\na=ice-pwd:0123456789012345678901\r\na=setup:active\r\n" +
	"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n"
