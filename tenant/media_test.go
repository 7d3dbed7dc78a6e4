package tenant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/base/doc"
)

// TestAnAccountsMediaCountsBeforeItsTenants: what an account says counts, what it leaves out is the tenant's, wherever
// in the document that stands.
func TestAnAccountsMediaCountsBeforeItsTenants(t *testing.T) {
	var problems doc.Problems
	got := Read("a.yaml", []byte(`tenant: a
domains: [a.example]
extensions:
  - {number: 101, password: correct-horse}
  - number: 102
    password: correct-horse
    media: {codecs: [PCMA], srtp: off, video: true, ptime: 30, comfort-noise: true, denoise: false}
media: {codecs: [opus, G722, g729], srtp: required, keys: dtls, video: false, digits: info, fax: sound, lossy: true, ice: true, early: false, redundancy: false, gain: true, denoise: true}
trunks:
  - {name: t, mode: static, to: 192.0.2.1, media: {digits: inband, fax: none, keys: sdes, gain: true}}
`), &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	want := []Media{
		{Codecs: []string{"opus", "g722", "g729"}, SRTP: SRTPRequired, Keys: KeysDTLS, Video: No, Digits: DigitsInfo, Fax: FaxSound, Lossy: Yes, ICE: Yes, Early: No, Redundancy: No, Gain: Yes, Denoise: Yes},
		{Codecs: []string{"pcma"}, SRTP: SRTPOff, Keys: KeysDTLS, Video: Yes, Ptime: 30, Noise: Yes, Digits: DigitsInfo, Fax: FaxSound, Lossy: Yes, ICE: Yes, Early: No, Redundancy: No, Gain: Yes, Denoise: No},
		{Digits: DigitsInband, Fax: FaxNone, Keys: KeysSDES, Gain: Yes},
	}
	if diff := cmp.Diff(want, []Media{got.Accounts[0].Media, got.Accounts[1].Media, got.Trunks[0].Media}); diff != "" {
		t.Errorf("media (-want +got):\n%s", diff)
	}
}

// TestMediaThatCannotBe: what is wrong is said at its place.
func TestMediaThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"{codecs: []}":            "at least one encoding",
		"{codecs: [pcma, PCMA]}":  "stands twice",
		"{codecs: ['a b']}":       "names no encoding",
		"{ptime: 25}":             "10, 20, 30, 40, 50 or 60",
		"{ptime: 100}":            "from 10 to 60",
		"{digits: morse}":         "auto, events, info, inband",
		"{srtp: off, keys: sdes}": "keys: says nothing",
		"{fax: g4}":               "t38, sound, none",
		"{video: sometimes}":      "true or false",
		"{comfort_noise: true}":   "unknown key",
		"{codecs: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]}": "at most 16",
	} {
		var problems doc.Problems
		Read("a.yaml", []byte("tenant: a\ndomains: [a.example]\nmedia: "+text+"\n"), &problems)
		if err := problems.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want …%s…", text, err, want)
		}
	}
}

// TestZones: a tenant's zone is one that there is.
func TestZones(t *testing.T) {
	for text, want := range map[string]string{"": "", "zone: Asia/Tehran": "Asia/Tehran", "zone: UTC": "UTC", "zone: Atlantis/Poseidonis": "not a time zone", "zone: Local": "not a time zone"} {
		var problems doc.Problems
		got := Read("a.yaml", []byte("tenant: a\ndomains: [a.example]\n"+text+"\n"), &problems)
		if err := problems.Err(); err != nil {
			if !strings.Contains(err.Error(), want) || want == "" {
				t.Errorf("%s: %v", text, err)
			}
		} else if got.Zone != want {
			t.Errorf("%q is in %q", text, got.Zone)
		}
	}
}

// TestCountries: a tenant's country is one of those that have tones.
func TestCountries(t *testing.T) {
	for text, want := range map[string]string{"": "", "country: us": "us", "country: ir": "ir", "country: atlantis": "itu, tr, uk, us"} {
		var problems doc.Problems
		got := Read("a.yaml", []byte("tenant: a\ndomains: [a.example]\n"+text+"\n"), &problems)
		if err := problems.Err(); err != nil {
			if !strings.Contains(err.Error(), want) || want == "" {
				t.Errorf("%s: %v", text, err)
			}
		} else if got.Country != want {
			t.Errorf("%q is in %q", text, got.Country)
		}
	}
}
