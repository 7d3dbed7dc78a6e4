package phone

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// captures is where Debian's SIPp brings captures of sound and of keys.
const captures = "/usr/share/sip-tester"

// Capture is the path of one of the captures that come with SIPp: "g711a", "dtmf_2833_1".
func Capture(t testing.TB, name string) string {
	t.Helper()
	Need(t, "sipp")
	file := filepath.Join(captures, name+".pcap")
	needFile(t, file, "the captures of sip-tester")
	return file
}

// Plays is a scenario: field0 calls field2 with the credentials of field1, plays a capture of A-law and then captures of
// keys, pausing so many milliseconds for each, and hangs up.
func Plays(t testing.TB, sound string, long string, keys ...string) string {
	description := strings.Replace(pcma("[media_port]", "1", ""), "RTP/AVP 8\n", "RTP/AVP 8 101\n", 1) +
		"a=ptime:30\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n"
	invite := func(seq string, more ...string) string {
		return asks("INVITE", calledURI, caller, called, seq, description, append(more, ourContact)...)
	}
	plays := func(name, long string) string {
		return `<nop><action><exec play_pcap_audio="` + Capture(t, name) + `"/></action></nop><pause milliseconds="` + long + `"/>`
	}
	steps := []string{
		invite("1"), trying, challenged, refused(calledURI, "1"),
		invite("2", "[field1]"), trying, ringing, `<recv response="183" optional="true"/>`, `<recv response="200" rrs="true"/>`,
		within("ACK", caller, "2"), plays(sound, long),
	}
	for _, k := range keys {
		steps = append(steps, plays(k, "600"))
	}
	return scenario("plays", append(steps, within("BYE", caller, "3"), `<recv response="200" timeout="10000"/>`)...)
}

// Played makes a sound file of a capture of A-law.
func Played(t testing.TB, capture string) string {
	t.Helper()
	data, err := os.ReadFile(Capture(t, capture))
	if err != nil {
		t.Fatal(err)
	}
	const file, record, headers = 24, 16, 14 + 20 + 8 + 12 // of the capture, of a packet, of Ethernet, IPv4, UDP and RTP
	var sound []byte
	for at := file; at+record <= len(data); {
		long := int(binary.LittleEndian.Uint32(data[at+8:]))
		at += record
		if long > headers && at+long <= len(data) {
			sound = append(sound, data[at+headers:at+long]...)
		}
		at += long
	}
	in := write(t, t.TempDir(), "played.al", string(sound))
	out := filepath.Join(t.TempDir(), "played.wav")
	run(t, "sox", "-t", "raw", "-r", "8000", "-c", "1", "-e", "a-law", in, "-b", "16", "-e", "signed", out)
	return out
}
