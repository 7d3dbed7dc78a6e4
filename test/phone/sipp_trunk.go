package phone

import "strings"

// TrunkCalls is a scenario of a trunk: it calls field0 with the header fields in more, wants the pattern in the 200's
// header field name, and hangs up.
func TrunkCalls(more, name, pattern string) string {
	return strings.NewReplacer("MORE", more, "NAME", name, "PATTERN", pattern).Replace(scenarioHead + `<scenario name="trunk calls">
<send retrans="500"><![CDATA[
INVITE sip:[field0]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:666@evil.example>;tag=[pid]x[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:trunk@[local_ip]:[local_port];transport=[transport]>
MORE
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
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rrs="true"><action><ereg regexp="PATTERN" search_in="hdr" header="NAME" check_it="true" assign_to="1"/></action></recv>
<nop><action><log message="[$1]"/></action></nop>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
[last_From]
[last_To]
Call-ID: [call_id]
CSeq: 1 ACK
Content-Length: 0

]]></send>
<pause milliseconds="200"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
[routes]
Max-Forwards: 70
[last_From]
[last_To]
Call-ID: [call_id]
CSeq: 2 BYE
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
`)
}

// TrunkTakes is a scenario of a trunk: it takes a call in whose INVITE each pattern is found, and lets itself be
// hung up. more is what its 200 says besides.
func TrunkTakes(more string, patterns ...string) string {
	var checks, logs strings.Builder
	for i, p := range patterns {
		n := string(rune('1' + i))
		checks.WriteString(`<ereg regexp="` + p + `" search_in="msg" check_it="true" assign_to="` + n + `"/>`)
		logs.WriteString(`<nop><action><log message="[$` + n + `]"/></action></nop>` + "\n")
	}
	return strings.NewReplacer("CHECKS", checks.String(), "LOGS\n", logs.String(), "MORE", more).Replace(scenarioHead + `<scenario name="trunk takes">
<recv request="INVITE"><action>CHECKS</action></recv>
LOGS
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]x[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:trunk@[local_ip]:[local_port];transport=[transport]>
MORE
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
`)
}
