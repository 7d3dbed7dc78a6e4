package phone

// TrunkCalls is a scenario of a trunk: it calls field0 with the header fields in more, wants the pattern in the 200's
// header field name, and hangs up.
func TrunkCalls(more, name, pattern string) string {
	return trunkCalls("<sip:666@evil.example>", more,
		`<recv response="200" rrs="true"><action>`+finds(pattern, name, "1")+`</action></recv>`, uses("1"), `<pause milliseconds="200"/>`)
}

// CarrierCalls is a scenario: a carrier calls field0 without any credential, talks a second and hangs up.
var CarrierCalls = trunkCalls(bank, "P-Asserted-Identity: "+bank, `<recv response="200" rrs="true"/>`, `<pause milliseconds="1000"/>`)

const bank = `"Bank" <sip:+982199@carrier.test>`

// trunkCalls has a trunk call field0; taken is how it takes the 200, and talk all that it does before it hangs up.
func trunkCalls(from, more, taken string, talk ...string) string {
	steps := []string{
		asks("INVITE", "sip:[field0]@[remote_ip]:[remote_port]", from, "To: <sip:[field0]@[remote_ip]>", "1", pcma("[media_port]", "1", ""), trunkContact, more),
		trying, ringing, taken, within("ACK", from, "1"),
	}
	return scenario("trunk calls", append(append(steps, talk...), within("BYE", from, "2"), `<recv response="200" timeout="10000"/>`)...)
}

const trunkContact = "Contact: <sip:trunk@[local_ip]:[local_port];transport=[transport]>"

// TrunkTakes is a scenario of a trunk: it takes a call in whose INVITE each pattern is found, and lets itself be
// hung up. more is what its 200 says besides.
func TrunkTakes(more string, patterns ...string) string {
	checks, steps := "", []string{""}
	for i, p := range patterns {
		n := string(rune('1' + i))
		checks += `<ereg regexp="` + p + `" search_in="msg" check_it="true" assign_to="` + n + `"/>`
		steps = append(steps, uses(n))
	}
	steps[0] = `<recv request="INVITE"><action>` + checks + `</action></recv>`
	return scenario("trunk takes", append(steps,
		says(true, pcma("[media_port]", "1", ""), replyTo("200 OK", calledTag, trunkContact, more)...),
		`<recv request="ACK"/>`, `<recv request="BYE"/>`, agrees)...)
}

// TrunkRefuses is a scenario of a trunk: it refuses a call with a status, such as "486 Busy Here".
func TrunkRefuses(status string) string {
	return scenario("trunk refuses", `<recv request="INVITE"/>`, says(false, "", replyTo(status, calledTag)...), `<recv request="ACK"/>`)
}
