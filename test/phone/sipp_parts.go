package phone

import "strings"

// scenario is a scenario of SIPp's, step by step.
func scenario(name string, steps ...string) string {
	return `<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="` + name + "\">\n" + strings.Join(steps, "\n") + "\n</scenario>\n"
}

// Steps that most scenarios have.
const (
	trying     = `<recv response="100" optional="true"/>`
	ringing    = `<recv response="180" optional="true"/>`
	challenged = `<recv response="401" auth="true"/>`
	good       = `<recv response="200"/>`
)

// ourContact is the Contact of field0's phone.
const ourContact = "Contact: <sip:[field0]@[local_ip]:[local_port];transport=[transport]>"

// says is a message that SIPp sends, with a description or "" for none. again is for what is sent anew until
// something comes in return.
func says(again bool, description string, lines ...string) string {
	start := "<send><![CDATA[\n"
	if again {
		start = `<send retrans="500"><![CDATA[` + "\n"
	}
	if description != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	return start + strings.Join(lines, "\n") + "\nContent-Length: [len]\n\n" + description + "]]></send>"
}

// asks is a request of SIPp's; to is the line of its To, and from its From without the tag.
func asks(method, uri, from, to, seq, description string, more ...string) string {
	return says(method != "ACK", description, append([]string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport",
		"Max-Forwards: 70",
		"From: " + from + ";tag=[pid]x[call_number]",
		to,
		"Call-ID: [call_id]",
		"CSeq: " + seq + " " + method,
	}, more...)...)
}

// within is a request in the dialog that the 200 made; the step that took it says rrs="true".
func within(method, from, seq string) string {
	return asks(method, "[next_url]", from, "[last_To]", seq, "", "[routes]")
}

// refused acknowledges a refusal of the INVITE to a URI.
func refused(uri, seq string) string {
	return says(false, "", "ACK "+uri+" SIP/2.0", "[last_Via]", "Max-Forwards: 70", "[last_From]", "[last_To]", "[last_Call-ID]", "CSeq: "+seq+" ACK")
}

// replyTo are the first lines of a response to the request that came last; tag is "" where its To has one.
func replyTo(status, tag string, more ...string) []string {
	return append([]string{"SIP/2.0 " + status, "[last_Via:]", "[last_From:]", "[last_To:]" + tag, "[last_Call-ID:]", "[last_CSeq:]"}, more...)
}

// agrees answers a request within a dialog.
var agrees = says(false, "", replyTo("200 OK", "")...)

// calledTag is the tag of a SIPp that is called.
const calledTag = ";tag=[pid]a[call_number]"

// pcma describes sound at a port in the nth version of a session; direction is "" where nothing is said of it.
func pcma(port, version, direction string) string {
	text := `v=0
o=sipp 1 ` + version + ` IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio ` + port + ` RTP/AVP 8
a=rtpmap:8 PCMA/8000
`
	if direction != "" {
		text += "a=" + direction + "\n"
	}
	return text
}

// finds wants a pattern in the value of a header field of what comes and keeps it in a variable.
func finds(pattern, header, variable string) string {
	return `<ereg regexp="` + pattern + `" search_in="hdr" header="` + header + `" check_it="true" assign_to="` + variable + `"/>`
}

// uses names a variable: SIPp refuses a scenario that keeps what it never uses.
func uses(variable string) string {
	return `<nop><action><log message="[$` + variable + `]"/></action></nop>`
}
