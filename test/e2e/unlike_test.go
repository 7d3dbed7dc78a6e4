package e2e

import (
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// end is one phone of a call between unlike ones.
type end struct {
	linphone   bool
	codec      string
	encryption string
}

// unlike are calls between phones that have no encoding, or no way of protecting packets, in common: the exchange
// speaks with each in its own way. The phones of the first side call.
var unlike = map[string][2]end{
	"G.722 calls A-law":           {{codec: "G722/16000/1"}, {codec: "PCMA"}},
	"A-law calls Opus":            {{codec: "PCMA"}, {codec: "opus"}},
	"Opus calls G.722":            {{codec: "opus"}, {codec: "G722/16000/1"}},
	"A-law calls µ-law":           {{codec: "PCMA"}, {codec: "PCMU"}},
	"keys call none":              {{codec: "PCMA", encryption: "srtp-mand"}, {codec: "PCMA"}},
	"none calls a handshake":      {{codec: "PCMA"}, {codec: "PCMA", encryption: "dtls_srtp"}},
	"a handshake calls keys":      {{codec: "PCMU", encryption: "dtls_srtp"}, {codec: "PCMA", encryption: "srtp-mand"}},
	"Linphone's Opus calls A-law": {{linphone: true, codec: "opus"}, {codec: "PCMA"}},
	"Linphone's keys call G.722":  {{linphone: true, codec: "PCMA", encryption: "srtp"}, {codec: "G722/16000/1"}},
	"Linphone's G.722 calls Opus": {{linphone: true, codec: "G722"}, {codec: "opus"}},
}

// TestUnlikePhonesTalk has each pair call, and judges what both hear by what the other said.
func TestUnlikePhonesTalk(t *testing.T) {
	t.Parallel()
	firstSays := phone.Speech(t, "en", pageText, speech)
	secondSays := phone.Speech(t, "fa", aliText, speech)
	for name, pair := range unlike {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := mediaExchange(t, pair)
			second := phone.StartBaresip(t, pair[1].account(x, "102"), secondSays)
			hang := func() {}
			var heard func() string
			if pair[0].linphone {
				first := phone.StartLinphone(t, pair[0].account(x, "101"))
				first.Dial("102")
				second.Wait("CALL_INCOMING")
				second.Command("accept", "")
				second.Wait("CALL_ESTABLISHED")
				first.Command("play " + firstSays)
				heard = first.Heard
			} else {
				first := phone.StartBaresip(t, pair[0].account(x, "101"), firstSays)
				first.Dial("102")
				second.Wait("CALL_INCOMING")
				second.Command("accept", "")
				first.Wait("CALL_ESTABLISHED")
				second.Wait("CALL_ESTABLISHED")
				hang = func() { first.Command("hangup", "") }
				heard = first.Heard
			}
			time.Sleep(talk)
			if hang(); pair[0].linphone {
				second.Command("hangup", "")
			}
			second.Wait("CALL_CLOSED")
			time.Sleep(time.Second) // a phone closes its recording
			understood(t, "the second", second.Heard(), firstSays)
			understood(t, "the first", heard(), secondSays)
			if c := record(t, x, "101", "102"); c.State != "answered" || c.SIP != 200 {
				t.Errorf("record %+v", c)
			}
		})
	}
}

// understood judges what somebody heard as a listener would, since codecs change the wave. A busy machine makes its
// phones leave holes, a browser most of all, which are nobody's fault here: sound that is the very wave for more than half of its seconds is
// understood too.
func understood(t *testing.T, who, heard, said string) {
	t.Helper()
	const want, same = 3.5, 0.9 // the latter as in judge
	score := phone.Opinion(t, heard, said)
	if score >= want {
		t.Logf("%s heard speech of %.2f out of 4.5", who, score)
		return
	}
	if c := phone.Match(phone.Samples(t, heard), phone.Samples(t, said)); c < same {
		t.Errorf("%s heard speech of %.2f out of 4.5, want %.1f; its wave is like what was said by %.3f, want %.2f", who, score, want, c, same)
	} else {
		t.Logf("%s heard what was said: correlation %.4f, speech of %.2f out of 4.5", who, c, score)
	}
}

// account is that of a phone with what it is to speak.
func (e end) account(x *phone.Exchange, user string) phone.Account {
	a := x.Account(user, "udp")
	a.Codec, a.Encryption = e.codec, e.encryption
	return a
}

// mediaExchange is an exchange whose settings demand of each side's account what its phone can.
func mediaExchange(t *testing.T, pair [2]end) *phone.Exchange {
	t.Helper()
	extension := func(number string, e end) string {
		codec, _, _ := strings.Cut(e.codec, "/")
		media := "codecs: [" + codec + "]"
		switch e.encryption {
		case "dtls_srtp":
			media += ", srtp: required, keys: dtls"
		case "srtp-mand", "srtp":
			media += ", srtp: required"
		}
		return "  - {number: " + number + ", password: " + phone.Password + ", media: {" + media + "}}\n"
	}
	return phone.StartServe(t, "unlike.example", "tenant: unlike\ndomains: [unlike.example]\ndefault: true\nextensions:\n"+
		extension("101", pair[0])+extension("102", pair[1]))
}
