package phone

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Linphone is a running linphonec with one registered account; commands go to its standard input.
type Linphone struct {
	Account
	Out    *Output
	t      testing.TB
	folder string
	stdin  io.WriteCloser
	cmd    *exec.Cmd
}

// StartLinphone starts linphonec on a free port and waits until it has registered. What it hears
// is recorded from the start of its first call.
func StartLinphone(t testing.TB, a Account) *Linphone {
	t.Helper()
	Need(t, "linphonec")
	l := &Linphone{Account: a, Out: &Output{}, t: t, folder: t.TempDir()}
	port := FreePort(t) // for TLS two above
	if err := os.MkdirAll(filepath.Join(l.folder, ".local/share/linphone"), 0o755); err != nil {
		t.Fatal(err)
	}
	sipPorts := fmt.Sprintf("sip_port=%d\nsip_tcp_port=%d\nsip_tls_port=%d\n", port, port, port+2)
	publish, friends := 0, ""
	for i, number := range a.Friends {
		publish = 1
		friends += fmt.Sprintf("\n[friend_%d]\nurl=\"%s\" <sip:%s@%s>\npol=accept\nsubscribe=1\n", i, number, number, a.Server)
	}
	rc := write(t, l.folder, "rc", fmt.Sprintf(`[sip]
%sbind_address=127.0.0.1
use_ipv6=0
register_only_when_network_is_up=0
guess_hostname=0
default_proxy=0
media_encryption=%s
root_ca=%s

[rtp]
audio_rtp_port=%d
video_rtp_port=%d

%s
[video]
%s
%s%s`, sipPorts, cmp.Or(a.Encryption, "none"), a.CA, FreePort(t), FreePort(t), a.linphone(publish), linphonePictures(a.Pictures), linphoneCodecs(a.Codec), friends))
	args := []string{"-c", rc, "-S", "-l", filepath.Join(l.folder, "log"), "-d", "4"}
	if a.Pictures != "" {
		args = append(args, "-V")
	}
	l.cmd = exec.Command("linphonec", args...)
	l.cmd.Env = append(os.Environ(), "HOME="+l.folder)
	l.cmd.Stdout, l.cmd.Stderr = l.Out, l.Out
	stdin, err := l.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.stdin = stdin
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.cmd.Process.Kill()
		l.cmd.Wait()
	})
	Eventually(t, 15*time.Second, "linphone "+a.User+" registers", func() bool {
		l.Command("status registered")
		time.Sleep(200 * time.Millisecond) // a real program outside
		return l.Out.Contains("registered, identity=")
	})
	l.Command("soundcard use files")
	l.Command("record " + l.Heard())
	return l
}

// linphone is how a Linphone knows the account: it is written for it, or it fetches it by a link at its start.
func (a *Account) linphone(publish int) string {
	if a.Link != "" {
		return "[misc]\nconfig-uri=" + a.Link + "\n"
	}
	return fmt.Sprintf("[proxy_0]\nreg_proxy=<sip:%s;transport=%s>\nreg_identity=sip:%s@%s\nreg_expires=120\nreg_sendregister=1\npublish=%d\n\n[auth_info_0]\nusername=%s\npasswd=%s\n",
		a.Server, a.Transport, a.User, a.Server, publish, a.User, a.Password)
}

// linphonePictures has Linphone show the still picture that it brings, which needs no camera, or none.
func linphonePictures(codec string) string {
	if codec == "" {
		return "enabled=0"
	}
	return "enabled=1\ncapture=1\ndisplay=1\nautomatically_initiate=1\nautomatically_accept=1\ndevice=StaticImage: Static picture\nsize=cif"
}

// linphoneCodecs switches all encodings of Linphone's off but one; "" leaves them as they are.
func linphoneCodecs(one string) (text string) {
	if one == "" {
		return ""
	}
	for i, c := range []struct {
		name           string
		rate, channels int
	}{{"opus", 48000, 2}, {"speex", 16000, 1}, {"speex", 8000, 1}, {"PCMU", 8000, 1}, {"PCMA", 8000, 1}, {"GSM", 8000, 1}, {"G722", 8000, 1}, {"G729", 8000, 1}} {
		on := 0
		if c.name == one {
			on = 1
		}
		text += fmt.Sprintf("\n[audio_codec_%d]\nmime=%s\nrate=%d\nchannels=%d\nenabled=%d\n", i, c.name, c.rate, c.channels, on)
	}
	return text
}

// Command types a line of linphonec's own commands.
func (l *Linphone) Command(line string) {
	l.t.Helper()
	if _, err := fmt.Fprintln(l.stdin, line); err != nil {
		l.t.Fatalf("linphone %q: %v", line, err)
	}
}

// Dial calls a number at the exchange.
func (l *Linphone) Dial(number string) {
	more := ""
	if l.Transport == "tls" {
		more = ";transport=tls"
	}
	l.Command(fmt.Sprintf("call sip:%s@%s%s", number, l.Server, more))
}

// Wait waits for a text that linphonec prints.
func (l *Linphone) Wait(text string) {
	l.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !l.Out.Contains(text) {
		if time.Now().After(deadline) {
			l.t.Fatalf("linphone %s: no %q:\n%s", l.User, text, l.Out)
		}
		time.Sleep(20 * time.Millisecond) // a real program outside
	}
}

// Log waits for a text in what linphonec writes down for itself.
func (l *Linphone) Log(text string) {
	l.t.Helper()
	Eventually(l.t, 15*time.Second, "linphone "+l.User+" writes "+text, func() bool {
		files, _ := filepath.Glob(filepath.Join(l.folder, "log*"))
		for _, f := range files {
			if data, err := os.ReadFile(f); err == nil && strings.Contains(string(data), text) {
				return true
			}
		}
		return false
	})
}

// Heard gives the file of what this phone hears.
func (l *Linphone) Heard() string { return filepath.Join(l.folder, "heard.wav") }
