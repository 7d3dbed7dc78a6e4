package phone

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Account is what a phone registers with.
type Account struct {
	User, Password string
	Server         string // host:port of the exchange
	Transport      string // "udp", "tcp" or "tls"
	CA             string // file of the authority to trust over TLS
	Proxy          string // host:port of a proxy before the exchange, "" for none
	More           string // further parameters of baresip's account, each with its semicolon
	Codec          string // "PCMA", "PCMU", "G722/16000/1", "opus"; PCMA when empty. Linphone takes "G729" too, and all that it has when empty
	Encryption     string // baresip: "srtp" (optional), "srtp-mand", "dtls_srtp"; Linphone: "srtp"; "" for none
	ICE            bool   // of baresip alone

	Pictures string // baresip: "H264" or "VP8"; Linphone: "VP8", a still one; "" for none

	Within time.Duration // how long registering may take; 15 s when zero

	Friends []string // Linphone watches the presence of these numbers, and publishes its own when there are any

	Link string // of Linphone alone: where it fetches its account, in place of what stands above

	// Of baresip alone.
	Modules  []string // more modules: "mwi.so" shows waiting messages
	Contacts string   // its contacts, a line each
	Running  func()   // called when it runs, before its registration is waited for; may be nil
}

// Baresip is a running baresip with one registered account. What it hears lands in its folder.
type Baresip struct {
	Account
	Out    *Output
	t      testing.TB
	folder string
	ctrl   net.Conn
}

// StartBaresip starts baresip on a free port with sound from a WAV file (8 kHz mono for G.711)
// and waits until it has registered.
func StartBaresip(t testing.TB, a Account, sound string) *Baresip {
	t.Helper()
	Need(t, "baresip")
	if a.Codec == "" {
		a.Codec = "PCMA"
	}
	b := &Baresip{Account: a, Out: &Output{}, t: t, folder: t.TempDir()}
	sip, ctrl, rtp := FreePort(t), FreePort(t), FreePort(t)
	rate, channels := 8000, 1
	switch {
	case strings.HasPrefix(a.Codec, "G722"):
		rate = 16000
	case strings.HasPrefix(a.Codec, "opus"):
		rate, channels = 48000, 2
	}
	sound = Rated(t, sound, rate, channels)
	modules := ""
	switch a.Encryption {
	case "":
	case "dtls_srtp":
		modules += "module dtls_srtp.so\n"
		a.More += ";mediaenc=dtls_srtp"
	default:
		modules += "module srtp.so\n"
		a.More += ";mediaenc=" + a.Encryption
	}
	if a.ICE {
		modules += "module stun.so\nmodule ice.so\nrtcp_mux yes\n"
		a.More += ";medianat=ice"
	}
	for _, m := range a.Modules {
		modules += "module_app " + m + "\n"
	}
	film, sees := pictures(t, a.Pictures)
	modules += film
	a.More += sees
	trust := ""
	if a.CA != "" { // its resolver reads no file
		trust = "sip_cafile " + a.CA + "\ndns_server " + localNames(t) + "\n"
	}
	write(t, b.folder, "config", trust+fmt.Sprintf(`sip_listen 127.0.0.1:%d
net_interface 127.0.0.1
audio_source aufile,%s
audio_player aufile,%s/player.wav
audio_alert aufile,%s/alert.wav
ausrc_srate %d
auplay_srate %d
ausrc_channels %d
auplay_channels %d
rtp_ports %d-%d
snd_path %s
ctrl_tcp_listen 127.0.0.1:%d
module_path %s
module g722.so
module g711.so
module opus.so
module aufile.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app contact.so
module_app debug_cmd.so
module_app menu.so
module_app ctrl_tcp.so
%s`, sip, sound, b.folder, b.folder, rate, rate, channels, channels, rtp, rtp+20, b.folder, ctrl, baresipModules, modules))
	write(t, b.folder, "contacts", a.Contacts)
	if a.Proxy != "" {
		a.More += fmt.Sprintf(`;outbound="sip:%s;transport=%s"`, a.Proxy, a.Transport)
	}
	mwi := "no"
	if slices.Contains(a.Modules, "mwi.so") {
		mwi = "yes"
	}
	write(t, b.folder, "accounts", fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;auth_pass=%s;regint=60;audio_codecs=%s;mwi=%s%s\n",
		a.User, a.Server, a.Transport, a.User, a.Password, a.Codec, mwi, a.More))
	start(t, b.Out, nil, "baresip", "-f", b.folder, "-v")
	if a.Running != nil {
		Eventually(t, 10*time.Second, "baresip runs", func() bool { return b.Out.Contains("baresip is ready") })
		time.Sleep(100 * time.Millisecond) // its modules' first timers
		a.Running()
	}
	if a.Within == 0 {
		b.Within = 15 * time.Second
	}
	Eventually(t, b.Within, "baresip "+a.User+" registers", func() bool {
		return b.Out.Contains("200 OK") || b.Out.Contains("All 1 useragent registered")
	})
	Eventually(t, 5*time.Second, "baresip's control port opens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ctrl))
		b.ctrl = conn
		return err == nil
	})
	go io.Copy(b.Out, b.ctrl) // events arrive here too
	t.Cleanup(func() { b.ctrl.Close() })
	return b
}

// Command sends a command of baresip's control interface: dial, accept, hold, resume, sndcode,
// transfer, hangup.
func (b *Baresip) Command(command, params string) {
	b.t.Helper()
	text, _ := json.Marshal(map[string]string{"command": command, "params": params, "token": "t"})
	if _, err := fmt.Fprintf(b.ctrl, "%d:%s,", len(text), text); err != nil {
		b.t.Fatalf("baresip %s: %v", command, err)
	}
}

// Dial calls a number at the exchange.
func (b *Baresip) Dial(number string) {
	b.Command("dial", fmt.Sprintf("sip:%s@%s;transport=%s", number, b.Server, b.Transport))
}

// Wait waits for an event of baresip's, such as "CALL_ESTABLISHED" or "CALL_INCOMING".
func (b *Baresip) Wait(event string) {
	b.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !b.Out.Contains(event) {
		if time.Now().After(deadline) {
			b.t.Fatalf("baresip %s: no %s:\n%s", b.User, event, b.Out)
		}
		time.Sleep(20 * time.Millisecond) // a real program outside
	}
}

// Heard gives the file of what this phone heard in its call, once it is complete.
func (b *Baresip) Heard() string {
	b.t.Helper()
	var files []string
	Eventually(b.t, 5*time.Second, "baresip writes what it heard", func() bool {
		files, _ = filepath.Glob(filepath.Join(b.folder, "dump-*-dec.wav"))
		return len(files) > 0
	})
	return files[len(files)-1]
}

// Written gives how long the file of what this phone hears in its call is by now, in octets.
func (b *Baresip) Written() int64 {
	b.t.Helper()
	info, err := os.Stat(b.Heard())
	if err != nil {
		b.t.Fatal(err)
	}
	return info.Size()
}

// Anew waits until a recording that baresip begins gets another name than the last one: it names them by the
// second, and begins a new one when its session changes.
func (b *Baresip) Anew() {
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(2*time.Second + 20*time.Millisecond)))
}

var pressed = regexp.MustCompile(`"CALL_DTMF_START".*?"param":"(.)"`)

// Pressed gives the keys that this phone was told by telephone events.
func (b *Baresip) Pressed() (keys string) {
	for _, m := range pressed.FindAllStringSubmatch(b.Out.String(), -1) {
		keys += m[1]
	}
	return keys
}
