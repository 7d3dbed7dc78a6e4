package phone

// sippOffer is a description of SIPp's with a direction.
func sippOffer(version, direction string) string {
	return `v=0
o=sipp 1 ` + version + ` IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=` + direction + `
`
}

// sippInvite is an INVITE of the calling SIPp, which demands timers.
func sippInvite(seq, expires, more string) string {
	return `<send retrans="500"><![CDATA[
INVITE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]x[call_number]
To: <sip:[field2]@[remote_ip]>
Call-ID: [call_id]
CSeq: ` + seq + ` INVITE
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE
Supported: 100rel
Require: timer
Session-Expires: ` + expires + `
` + more + `Content-Type: application/sdp
Content-Length: [len]

` + sippOffer("1", "sendrecv") + `]]></send>
<recv response="100" optional="true"/>
`
}

// sippAck acknowledges its refusal.
func sippAck(seq string) string {
	return `<send><![CDATA[
ACK sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
[last_Via]
Max-Forwards: 70
[last_From]
[last_To]
[last_Call-ID]
CSeq: ` + seq + ` ACK
Content-Length: 0

]]></send>
`
}

// sippWithin is a request of the calling SIPp within its dialog.
func sippWithin(method, seq, more, body string) string {
	retrans := ` retrans="500"`
	if method == "ACK" {
		retrans = ""
	}
	text := `<send` + retrans + `><![CDATA[
` + method + ` [$target] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:[field0]@[remote_ip]>;tag=[pid]x[call_number]
To:[$to]
Call-ID: [call_id]
CSeq: ` + seq + " " + method + `
Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>
` + more
	if body != "" {
		text += "Content-Type: application/sdp\n"
	}
	return text + "Content-Length: [len]\n\n" + body + "]]></send>\n"
}

// EarlyCall is a scenario: field0 calls field2 with the credentials of field1 as a phone that demands timers: its
// first wish is too short and gets 422, the second is granted. It lets the first copy of the reliable
// 183 go unheard, acknowledges it then, changes the session before the answer and again after it, and
// hangs up.
func EarlyCall() string {
	challenged := `<recv response="401" auth="true"/>
`
	return scenarioHead + `<scenario name="early call">
` + sippInvite("1", "60", "") + challenged + sippAck("1") +
		sippInvite("2", "60", "[field1]\n") + `<recv response="422"><action><ereg regexp="90" search_in="hdr" header="Min-SE:" check_it="true" assign_to="least"/></action></recv>
<nop><action><log message="[$least]"/></action></nop>
` + sippAck("2") +
		sippInvite("3", "120;refresher=uac", "") + challenged + sippAck("3") +
		sippInvite("4", "120;refresher=uac", "[field1]\n") + `<recv response="183"><action>
<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/>
<ereg regexp="100rel" search_in="hdr" header="Require:" check_it="true" assign_to="require"/>
<ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" check_it="true" assign_to="target"/>
<ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="to"/>
</action></recv>
<nop><action><log message="[$require]"/></action></nop>
<pause milliseconds="700"/>
` + sippWithin("PRACK", "5", "RAck: [$rseq] 4 INVITE\n", "") + `<recv response="200"/>
` + sippWithin("UPDATE", "6", "", sippOffer("2", "sendonly")) + `<recv response="200"><action><ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/></action></recv>
<nop><action><log message="[$held]"/></action></nop>
<recv response="200"><action><ereg regexp="120;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="lease"/></action></recv>
<nop><action><log message="[$lease]"/></action></nop>
` + sippWithin("ACK", "4", "", "") + `<pause milliseconds="300"/>
` + sippWithin("UPDATE", "7", "Supported: timer\nSession-Expires: 120;refresher=uac\n", "") + `<recv response="200"><action><ereg regexp="120;refresher=uac" search_in="hdr" header="Session-Expires:" check_it="true" assign_to="again"/></action></recv>
<nop><action><log message="[$again]"/></action></nop>
` + sippWithin("BYE", "8", "", "") + `<recv response="200"/>
</scenario>
`
}

// EarlyAnswer is the scenario at the other end: a reliable 183 with a description, a change before the
// answer, a 200 without a description, and a BYE.
func EarlyAnswer() string {
	answer := func(status, via, to, cseq, more, body string) string {
		text := `<send><![CDATA[
SIP/2.0 ` + status + "\n" + via + "\n[last_From:]\n" + to + "\n[last_Call-ID:]\n" + cseq + `
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE
` + more
		if body != "" {
			text += "Content-Type: application/sdp\n"
		}
		return text + "Content-Length: [len]\n\n" + body + "]]></send>\n"
	}
	plain := func(more, body string) string {
		return answer("200 OK", "[last_Via:]", "[last_To:]", "[last_CSeq:]", more, body)
	}
	return scenarioHead + `<scenario name="early answer">
<recv request="INVITE" crlf="true"><action>
<ereg regexp=".*" search_in="hdr" header="Via:" check_it="true" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" check_it="true" assign_to="cseq"/>
<ereg regexp=".*" search_in="hdr" header="To:" check_it="true" assign_to="to"/>
<ereg regexp="100rel" search_in="hdr" header="Supported:" check_it="true" assign_to="knows"/>
</action></recv>
<nop><action><log message="[$knows]"/></action></nop>
` + answer("183 Session Progress", "[last_Via:]", "[last_To:];tag=[pid]a[call_number]", "[last_CSeq:]", "Require: 100rel\nRSeq: 7\n", sippOffer("1", "sendrecv")) + `<recv request="PRACK"><action><ereg regexp="7 [0-9]+ INVITE" search_in="hdr" header="RAck:" check_it="true" assign_to="rack"/></action></recv>
<nop><action><log message="[$rack]"/></action></nop>
` + plain("", "") + `<recv request="UPDATE"><action><ereg regexp="a=sendonly" search_in="body" check_it="true" assign_to="held"/></action></recv>
<nop><action><log message="[$held]"/></action></nop>
` + plain("", sippOffer("2", "recvonly")) + `<pause milliseconds="300"/>
` + answer("200 OK", "Via:[$via]", "To:[$to];tag=[pid]a[call_number]", "CSeq:[$cseq]", "", "") + `<recv request="ACK"/>
<recv request="BYE"/>
` + plain("", "") + `</scenario>
`
}
