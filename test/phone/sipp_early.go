package phone

// EarlyCall is a scenario: field0 calls field2 with the credentials of field1 as a phone that demands timers: its
// first wish is too short and gets 422, the second is granted. It lets the first copy of the reliable
// 183 go unheard, acknowledges it then, changes the session before the answer and again after it, and
// hangs up.
func EarlyCall() string {
	invite := func(seq, expires string, more ...string) string {
		return asks("INVITE", calledURI, caller, called, seq, pcma("[media_port]", "1", "sendrecv"),
			append(more, ourContact, earlyAllow, "Supported: 100rel", "Require: timer", "Session-Expires: "+expires)...)
	}
	early := func(method, seq, description string, more ...string) string {
		return asks(method, "[$target]", caller, "To:[$to]", seq, description, append(more, ourContact)...)
	}
	const short, lease = "60", "120;refresher=uac"
	return scenario("early call",
		invite("1", short), trying, challenged, refused(calledURI, "1"),
		invite("2", short, "[field1]"), trying,
		`<recv response="422"><action>`+finds("90", "Min-SE:", "least")+`</action></recv>`, uses("least"), refused(calledURI, "2"),
		invite("3", lease), trying, challenged, refused(calledURI, "3"),
		invite("4", lease, "[field1]"), trying,
		`<recv response="183"><action>`,
		finds("[0-9]+", "RSeq:", "rseq"),
		finds("100rel", "Require:", "require"),
		finds("sip:[^>]*", "Contact:", "target"),
		finds(".*", "To:", "to"),
		`</action></recv>`, uses("require"),
		`<pause milliseconds="700"/>`,
		early("PRACK", "5", "", "RAck: [$rseq] 4 INVITE"), good,
		early("UPDATE", "6", pcma("[media_port]", "2", "sendonly")),
		`<recv response="200"><action><ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/></action></recv>`, uses("held"),
		`<recv response="200"><action>`+finds(lease, "Session-Expires:", "lease")+`</action></recv>`, uses("lease"),
		early("ACK", "4", ""),
		`<pause milliseconds="300"/>`,
		early("UPDATE", "7", "", "Supported: timer", "Session-Expires: "+lease),
		`<recv response="200"><action>`+finds(lease, "Session-Expires:", "again")+`</action></recv>`, uses("again"),
		early("BYE", "8", ""), good)
}

const earlyAllow = "Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"

// EarlyAnswer is the scenario at the other end: a reliable 183 with a description, a change before the
// answer, a 200 without a description, and a BYE.
func EarlyAnswer() string {
	reply := func(status, tag, description string, more ...string) string {
		return says(false, description, replyTo(status, tag, append(more, answerContact, earlyAllow)...)...)
	}
	return scenario("early answer",
		`<recv request="INVITE" crlf="true"><action>`,
		finds(".*", "Via:", "via"),
		finds(".*", "CSeq:", "cseq"),
		finds(".*", "To:", "to"),
		finds("100rel", "Supported:", "knows"),
		`</action></recv>`, uses("knows"),
		reply("183 Session Progress", calledTag, pcma("[media_port]", "1", "sendrecv"), "Require: 100rel", "RSeq: 7"),
		`<recv request="PRACK"><action>`+finds("7 [0-9]+ INVITE", "RAck:", "rack")+`</action></recv>`, uses("rack"),
		reply("200 OK", "", ""),
		`<recv request="UPDATE"><action><ereg regexp="a=sendonly" search_in="body" check_it="true" assign_to="held"/></action></recv>`, uses("held"),
		reply("200 OK", "", pcma("[media_port]", "2", "recvonly")),
		`<pause milliseconds="300"/>`,
		says(false, "", "SIP/2.0 200 OK", "Via:[$via]", "[last_From:]", "To:[$to]"+calledTag, "[last_Call-ID:]", "CSeq:[$cseq]", answerContact, earlyAllow),
		`<recv request="ACK"/>`, `<recv request="BYE"/>`,
		reply("200 OK", "", ""))
}
