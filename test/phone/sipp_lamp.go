package phone

// WatchLamp is a scenario: 103 subscribes to the dialogs of the number that -s names with the credentials of
// -au and -ap, is told, and leaves.
var WatchLamp = scenario("lamp",
	watches("1", lampURI, "", "120"), challenged,
	watches("2", lampURI, "", "120", "[authentication]"), `<recv response="200" rrs="true"/>`,
	`<recv request="NOTIFY"><action>`+finds("active;expires=", "Subscription-State:", "1")+`</action></recv>`, agrees,
	watches("3", "sip:[remote_ip]:[remote_port]", "[peer_tag_param]", "0"), good,
	`<recv request="NOTIFY"><action>`+finds("terminated;reason=timeout", "Subscription-State:", "2")+`</action></recv>`, agrees,
	uses("1"), uses("2"))

const lampURI = "sip:[service]@[remote_ip]"

func watches(seq, uri, tag, expires string, more ...string) string {
	return asks("SUBSCRIBE", uri, "<sip:103@[remote_ip]>", "To: <"+lampURI+">"+tag, seq, "",
		append(more, "Contact: <sip:103@[local_ip]:[local_port]>", "Event: dialog", "Accept: application/dialog-info+xml", "Expires: "+expires)...)
}
