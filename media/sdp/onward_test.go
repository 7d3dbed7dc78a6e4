package sdp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"santral/base/golden"
	"santral/media"
)

// speak is what a node with libopus can make out of one another.
var speak = []media.Format{
	{Name: "opus", Payload: 96, Rate: 48000, Channels: 2, Params: "useinbandfec=1"},
	{Name: "G722", Payload: 9, Rate: 8000, Channels: 1},
	pcma, pcmu,
}

// wishes are peers of several kinds.
var wishes = map[string]Wish{
	"plain":   {Speak: speak},
	"choosy":  {Speak: speak, Codecs: []string{"G722", "opus", "pcma"}, Ptime: 30, NoEvents: true, NoVideo: true, NoFax: true},
	"browser": {Speak: speak, Browser: true, Proto: "UDP/TLS/RTP/SAVPF"},
	"lossy":   {Speak: speak, Lossy: true, Red: true, Noise: true, Proto: "RTP/SAVP"},
}

// read gives an offer of testdata, as phones of several makes write theirs.
func read(t testing.TB, name string) *Description {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "offers", name+".sdp"))
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, string(text))
}

func parsed(t testing.TB, text string) *Description {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// shown is a description without its origin, as files have it.
func shown(d *Description) string {
	return strings.ReplaceAll(string(d.AppendBody(nil)), "\r\n", "\n")
}

// What each phone's offer becomes for each kind of peer.
func TestOnward(t *testing.T) {
	for _, offer := range []string{"chromium", "firefox", "linphone", "desk", "gateway", "mobile"} {
		for _, peer := range []string{"plain", "choosy", "lossy"} {
			onward(t, offer, peer)
		}
	}
}

// What browsers are offered: extensions, feedback and tags of lines, but nothing of another's path.
func TestOnwardBrowsers(t *testing.T) {
	for _, offer := range []string{"chromium", "firefox", "desk", "mobile"} {
		onward(t, offer, "browser")
	}
}

func onward(t *testing.T, offer, peer string) {
	t.Run(offer+" to "+peer, func(t *testing.T) {
		other, w := read(t, offer), wishes[peer]
		before := other.String()
		d, err := Onward(other, &w)
		if errors.Is(err, ErrNoMatch) {
			golden.Compare(t, filepath.Join("onward", offer+"-"+peer+".sdp"), err.Error()+"\n")
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, filepath.Join("onward", offer+"-"+peer+".sdp"), shown(d))
		if other.String() != before {
			t.Error("the other side's description was changed")
		}
	})
}

// What comes back: the caller's offer, what the callee answered to ours, and what the caller is told.
func TestBack(t *testing.T) {
	const (
		desk = "m=audio 5004 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:30\r\n"
		soft = "m=audio 5004 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 maxplaybackrate=16000\r\na=recvonly\r\n"
		amr  = "m=audio 5004 RTP/AVP 104\r\na=rtpmap:104 AMR-WB/16000\r\n"
	)
	for name, c := range map[string]struct{ offer, far, peer string }{
		"chromium to a desk phone":                    {"chromium", desk + "m=video 0 RTP/AVP 96\r\n", "browser"},
		"chromium to a soft phone":                    {"chromium", soft + "m=video 5006 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;profile-level-id=420016\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 nack tmmbr\r\n", "browser"},
		"chromium to another codec":                   {"chromium", "m=audio 5004 RTP/AVP 97\r\na=rtpmap:97 PCMA/8000\r\nm=video 0 RTP/AVP 96\r\n", "browser"},
		"chromium with RED to opus":                   {"chromium", "m=audio 5004 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n", "lossy"},
		"firefox to opus":                             {"firefox", "m=audio 5004 RTP/AVP 109\r\na=rtpmap:109 opus/48000/2\r\n", "browser"},
		"linphone to a desk phone":                    {"linphone", desk + "m=video 0 RTP/AVP 96\r\n", "plain"},
		"a desk phone that may speak G.711 to opus":   {"desk", "m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", "choosy"},
		"a desk phone to what nobody can make":        {"desk", amr, "plain"},
		"a gateway's fax":                             {"gateway", "m=audio 0 RTP/AVP 18\r\nm=image 5010 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxMaxDatagram:200\r\n", "plain"},
		"a gateway's fax that is refused":             {"gateway", desk + "m=image 5010 udptl t38\r\n", "choosy"},
		"a phone that holds, to one that thinks not":  {"mobile", amr + "a=sendrecv\r\n", "plain"},
		"a phone that holds, to the hold of old":      {"mobile", amr + "c=IN IP4 0.0.0.0\r\n", "plain"},
		"an answer that has fewer lines than it must": {"linphone", desk, "plain"},
		"an answer of another kind":                   {"desk", "m=image 5010 udptl t38\r\n", "plain"},
		"a bad link that hears PCMA":                  {"linphone", desk, "lossy"},
	} {
		t.Run(name, func(t *testing.T) {
			offer, w := read(t, c.offer), wishes[c.peer]
			far := parsed(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.60\r\ns=-\r\nc=IN IP4 192.0.2.60\r\nt=0 0\r\n"+c.far)
			file := filepath.Join("back", strings.ReplaceAll(name, " ", "-")+".sdp")
			d, err := Back(offer, far, &w)
			if errors.Is(err, ErrNoMatch) {
				golden.Compare(t, file, err.Error()+"\n")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, file, shown(d))
			if err := CheckAnswer(offer, d); err != nil {
				t.Error(err)
			}
		})
	}
}
