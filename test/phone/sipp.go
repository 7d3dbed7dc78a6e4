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

const scenarioHead = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
`

// Register is a scenario: register field0 with the credentials of field1, from the local port,
// with field2 as the port and field3 as the transport of the contact.
const Register = scenarioHead + `<scenario name="register">
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[field0]@[local_ip]:[field2];transport=[field3]>
Expires: 3600
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="401" auth="true"/>
<send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:[field0]@[local_ip]:[field2];transport=[field3]>
Expires: 3600
[field1]
Content-Length: 0

]]></send>
<recv response="100" optional="true"/>
<recv response="200"/>
</scenario>
`

// Call makes a scenario: field0 calls field2 with the credentials of field1, says a file of raw PCMA
// for three seconds, and hangs up.
func Call(sound string) string { return strings.ReplaceAll(call, "SOUND", sound) }

const call = scenarioHead + `<scenario name="call">
<send retrans="500"><![CDATA[
INVITE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]x[call_number]
To: <sip:[field2]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="100" optional="true"/>
<recv response="401" auth="true" rtd="true"/>
<send><![CDATA[
ACK sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
[last_Via]
Max-Forwards: 70
[last_From]
[last_To]
[last_Call-ID]
CSeq: 1 ACK
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
INVITE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]x[call_number]
To: <sip:[field2]@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
[field1]
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]x[call_number]
[last_To]
Call-ID: [call_id]
CSeq: 2 ACK
Content-Length: 0

]]></send>
<nop><action><exec rtp_stream="SOUND,-1,8,PCMA/8000"/></action></nop>
<pause milliseconds="3000"/>
<nop><action><exec rtp_stream="pause"/></action></nop>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]x[call_number]
[last_To]
Call-ID: [call_id]
CSeq: 3 BYE
Content-Length: 0

]]></send>
<recv response="200" timeout="10000"/>
</scenario>
`

// Answer is a scenario: ring, answer with PCMA, wait for BYE. Media is SIPp's own -rtp_echo.
const Answer = scenarioHead + `<scenario name="answer">
<recv request="INVITE" crlf="true" rrs="true"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]a[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
]]></send>
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
`
