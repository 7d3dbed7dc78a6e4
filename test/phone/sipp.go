package phone

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// SIPp is one run of SIPp with a scenario of ours.
type SIPp struct {
	Out    *Output
	cmd    *exec.Cmd
	folder string
	gone   chan error
}

// StartSIPp starts SIPp with a scenario and flags; the scenario's text may use SIPp's own keywords.
func StartSIPp(t testing.TB, scenario, remote string, flags ...string) *SIPp {
	t.Helper()
	Need(t, "sipp")
	s := &SIPp{Out: &Output{}, folder: t.TempDir(), gone: make(chan error, 1)}
	file := write(t, s.folder, "scenario.xml", scenario)
	args := append([]string{remote, "-sf", file, "-i", "127.0.0.1", "-nostdin", "-trace_err", "-error_file", filepath.Join(s.folder, "errors")}, flags...)
	s.cmd = exec.Command("sipp", args...)
	s.cmd.Dir = s.folder
	s.cmd.Stdout, s.cmd.Stderr = s.Out, s.Out
	s.cmd.Env = append(os.Environ(), "TERM=dumb")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.gone <- s.cmd.Wait() }()
	t.Cleanup(func() { s.cmd.Process.Kill() })
	return s
}

// Wait waits until SIPp has made its calls and fails the test when any failed.
func (s *SIPp) Wait(t testing.TB, limit time.Duration) {
	t.Helper()
	select {
	case err := <-s.gone:
		if err != nil {
			errors, _ := os.ReadFile(filepath.Join(s.folder, "errors"))
			t.Fatalf("sipp: %v\n%s\n%s", err, tail(s.Out.String(), 3000), tail(string(errors), 3000))
		}
	case <-time.After(limit):
		t.Fatalf("sipp is not done within %v\n%s", limit, tail(s.Out.String(), 3000))
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// CSV writes an injection file of SIPp's: a line each of fields.
func CSV(t testing.TB, lines ...[]string) string {
	var b strings.Builder
	b.WriteString("SEQUENTIAL\n")
	for _, fields := range lines {
		b.WriteString(strings.Join(fields, ";") + "\n")
	}
	return write(t, t.TempDir(), "inject.csv", b.String())
}

// AuthField is the injection field that SIPp answers a challenge with.
func AuthField(user, password string) string {
	return fmt.Sprintf("[authentication username=%s password=%s]", user, password)
}

// Register is a scenario: register field0 with the credentials of field1, from the local port,
// with field2 as the port and field3 as the transport of the contact.
var Register = scenario("register", registers("1"), trying, challenged, registers("2", "[field1]"), trying, good)

func registers(seq string, more ...string) string {
	return asks("REGISTER", "sip:[remote_ip]:[remote_port]", caller, "To: "+caller, seq, "",
		append(more, "Contact: <sip:[field0]@[local_ip]:[field2];transport=[field3]>", "Expires: 3600")...)
}

// Who calls and who is called, where both are fields of the injection file.
const (
	caller    = "<sip:[field0]@[remote_ip]>"
	called    = "To: <sip:[field2]@[remote_ip]>"
	calledURI = "sip:[field2]@[remote_ip]:[remote_port]"
)

// Call makes a scenario: field0 calls field2 with the credentials of field1, says a file of raw PCMA
// for three seconds, and hangs up.
func Call(sound string) string { return Stays(sound, 3*time.Second) }

// Stays is Call for another time than three seconds.
func Stays(sound string, long time.Duration) string {
	invite := func(seq string, more ...string) string {
		return asks("INVITE", calledURI, caller, called, seq, pcma("[rtpstream_audio_port]", "1", ""), append(more, ourContact)...)
	}
	return scenario("call",
		invite("1"), trying, `<recv response="401" auth="true" rtd="true"/>`, refused(calledURI, "1"),
		invite("2", "[field1]"), trying, ringing, `<recv response="183" optional="true"/>`, `<recv response="200" rrs="true"/>`,
		within("ACK", caller, "2"),
		`<nop><action><exec rtp_stream="`+sound+`,-1,8,PCMA/8000"/></action></nop>`,
		fmt.Sprintf(`<pause milliseconds="%d"/>`, long.Milliseconds()),
		`<nop><action><exec rtp_stream="pause"/></action></nop>`,
		within("BYE", caller, "3"), `<recv response="200" timeout="10000"/>`)
}

// Answer is a scenario: ring, answer with PCMA, wait for BYE. Media is SIPp's own -rtp_echo.
var Answer = scenario("answer",
	`<recv request="INVITE" crlf="true" rrs="true"/>`,
	says(false, "", replyTo("180 Ringing", calledTag, answerContact)...),
	says(true, pcma("[media_port]", "1", ""), replyTo("200 OK", calledTag, answerContact)...),
	`<recv request="ACK"/>`, `<recv request="BYE"/>`, agrees)

const answerContact = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>"
