package session

import (
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/interceptor"
	pionrtp "github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"santral/base/id"
	"santral/base/vnet"
	"santral/media/dtls"
	"santral/media/ice"
	"santral/media/rtp"
	"santral/media/sdp"
)

// webHouse is what sessions with browsers share, on the kernel's loopback: the stand-in for a browser has sockets
// of its own.
func webHouse(t testing.TB, full bool) *Config {
	t.Helper()
	identity, err := dtls.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	cfg, stop := webNode(t, full, 0, identity)
	t.Cleanup(stop)
	return cfg
}

// webNode is one of several that may follow each other on the same ports.
func webNode(t testing.TB, full bool, port uint16, identity *dtls.Identity) (cfg *Config, stop func()) {
	t.Helper()
	lo := netip.MustParseAddr("127.0.0.1")
	r := id.New([32]byte{'w', 'e', 'b'})
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{lo}, First: 31000, Last: 31199, Loops: 1})
	if err != nil {
		t.Fatal(err)
	}
	gate := &dtls.Gate{Identity: identity}
	mux, err := ice.NewMux(ice.Config{Net: vnet.Real(), Bind: []netip.Addr{lo}, Port: port, Full: full, Random: r, Advertise: func(_ netip.Addr, v6 bool) netip.Addr {
		if v6 {
			return netip.Addr{}
		}
		return lo
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &Config{Formats: Telephony(), Pool: pool, Random: r, ICE: mux, DTLS: gate}, func() {
		mux.Close()
		gate.Wait()
		pool.Close()
	}
}

// page is a browser's stand-in.
type page struct {
	t     testing.TB
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticRTP
	heard chan *pionrtp.Packet
	seq   uint16
}

func newPage(t testing.TB, lite bool, config ...webrtc.Configuration) *page {
	t.Helper()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetIPFilter(func(ip net.IP) bool { return ip.IsLoopback() })
	settings.SetLite(lite)
	settings.SetRelayAcceptanceMinWait(0) // a browser waits two seconds for something better than a relay
	settings.SetHandleUndeclaredSSRCWithoutAnswer(true)
	var engine webrtc.MediaEngine
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	api := webrtc.NewAPI(webrtc.WithSettingEngine(settings), webrtc.WithMediaEngine(&engine), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(append(config, webrtc.Configuration{})[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	p := &page{t: t, pc: pc, heard: make(chan *pionrtp.Packet, 100)}
	p.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU}, "audio", "page")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTrack(p.track); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			select {
			case p.heard <- packet:
			default:
			}
		}
	})
	return p
}

// local makes the page's description, with all of its candidates.
func (p *page) local(offer bool, options *webrtc.OfferOptions) *sdp.Description {
	p.t.Helper()
	var d webrtc.SessionDescription
	var err error
	if offer {
		d, err = p.pc.CreateOffer(options)
	} else {
		d, err = p.pc.CreateAnswer(nil)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	done := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(d); err != nil {
		p.t.Fatal(err)
	}
	<-done
	parsed, err := sdp.Parse(p.pc.LocalDescription().SDP)
	if err != nil {
		p.t.Fatal(err)
	}
	return parsed
}

func (p *page) remote(kind webrtc.SDPType, d *sdp.Description) {
	p.t.Helper()
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: kind, SDP: string(d.Append(nil))}); err != nil {
		p.t.Fatalf("%v in\n%s", err, d.Append(nil))
	}
}

// say sends a packet of sound every 20 ms until something is heard back, and gives what was.
func (p *page) say(d time.Duration) *pionrtp.Packet {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(d)
	for len(p.heard) > 0 {
		<-p.heard
	}
	for {
		select {
		case packet := <-p.heard:
			return packet
		case <-end:
			return nil
		case <-tick.C:
			p.seq++
			p.track.WriteRTP(&pionrtp.Packet{Header: pionrtp.Header{Version: 2, PayloadType: 0, SequenceNumber: p.seq, Timestamp: uint32(p.seq) * 160}, Payload: make([]byte, 160)})
		}
	}
}

// A browser calls and is called, with us lite and full, and hears its own sound back.
func TestBrowser(t *testing.T) {
	for _, full := range [...]bool{false, true} {
		for _, calls := range [...]bool{true, false} {
			name := map[bool]string{true: "full", false: "lite"}[full] + map[bool]string{true: ", it calls", false: ", it is called"}[calls]
			t.Run(name, func(t *testing.T) {
				cfg := webHouse(t, full)
				s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true, Codecs: []string{"PCMU"}}) // what the page speaks
				defer s.Close()
				p := newPage(t, false)
				connect(t, s, p, calls)
				s.Echo()
				packet := p.say(5 * time.Second)
				if packet == nil {
					t.Fatalf("nothing came back; %+v ICE: %+v, DTLS: %+v, state %s", s.lines[0].stream.Facts(), cfg.ICE.Stats(), cfg.DTLS.Stats(), p.pc.ConnectionState())
				}
				if packet.PayloadType != 0 || len(packet.Payload) != 160 {
					t.Errorf("came back: %+v", packet.Header)
				}
			})
		}
	}
}

// A browser's call that is handed over goes on with the same keys on the same port, and later offers find it so.
func TestABrowserIsHandedOver(t *testing.T) {
	for _, full := range [...]bool{false, true} {
		t.Run(map[bool]string{true: "full", false: "lite"}[full], func(t *testing.T) {
			identity, err := dtls.NewIdentity()
			if err != nil {
				t.Fatal(err)
			}
			cfg, stop := webNode(t, full, 0, identity)
			s := New(cfg, netip.MustParseAddr("127.0.0.1"), Profile{Web: true})
			p := newPage(t, false)
			connect(t, s, p, true)
			s.Echo()
			if p.say(5*time.Second) == nil {
				t.Fatal("nothing came back")
			}
			text, err := json.Marshal(s.Freeze())
			if err != nil {
				t.Fatal(err)
			}
			port := cfg.ICE.Port()
			s.Close()
			stop()
			cfg, stop = webNode(t, full, port, identity)
			defer stop()
			var st State
			if err := json.Unmarshal(text, &st); err != nil {
				t.Fatal(err)
			}
			if s, err = Thaw(cfg, st); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.Echo()
			if p.say(5*time.Second) == nil {
				t.Fatalf("nothing came back; ICE: %+v", cfg.ICE.Stats())
			}
			if err := s.SetRemote(p.local(true, &webrtc.OfferOptions{ICERestart: true})); err != nil {
				t.Fatal(err)
			}
			d, err := s.AnswerLocal()
			if err != nil {
				t.Fatal(err)
			}
			p.remote(webrtc.SDPTypeAnswer, d)
			time.Sleep(300 * time.Millisecond)
			if p.say(5*time.Second) == nil {
				t.Fatalf("nothing came back after a restart; ICE: %+v", cfg.ICE.Stats())
			}
			if st := cfg.DTLS.Stats(); st.Agreed+st.Failed != 0 {
				t.Errorf("another handshake: %+v", st)
			}
		})
	}
}

// connect has a session and a page agree.
func connect(t testing.TB, s *Session, p *page, calls bool) {
	t.Helper()
	if calls {
		if err := s.SetRemote(p.local(true, nil)); err != nil {
			t.Fatal(err)
		}
		d, err := s.AnswerLocal()
		if err != nil {
			t.Fatal(err)
		}
		p.remote(webrtc.SDPTypeAnswer, d)
		return
	}
	d, err := s.OfferLocal()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(d.Append(nil)), "UDP/TLS/RTP/SAVPF") {
		t.Fatalf("offered:\n%s", d.Append(nil))
	}
	p.remote(webrtc.SDPTypeOffer, d)
	if err := s.SetAnswer(p.local(false, nil)); err != nil {
		t.Fatal(err)
	}
}
