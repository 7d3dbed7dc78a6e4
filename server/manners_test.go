package server

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/media/session"
	"santral/media/tone"
	"santral/tenant"
)

// TestAProfileOfEveryKey: each key of a document's media changes the profile that legs are negotiated by, and
// what nobody says is the zero profile.
func TestAProfileOfEveryKey(t *testing.T) {
	if got := profile(&tenant.Media{}); !cmp.Equal(got, session.Profile{}) {
		t.Errorf("the profile of nothing is %+v", got)
	}
	for _, c := range []struct {
		media tenant.Media
		want  session.Profile
	}{
		{tenant.Media{Codecs: []string{"opus"}, Ptime: 40}, session.Profile{Codecs: []string{"opus"}, Ptime: 40}},
		{tenant.Media{Digits: tenant.DigitsAuto, SRTP: tenant.SRTPOptional, Keys: tenant.KeysSDES, Fax: tenant.FaxT38, Video: tenant.Yes, Early: tenant.Yes}, session.Profile{}},
		{tenant.Media{Digits: tenant.DigitsEvents, SRTP: tenant.SRTPOff}, session.Profile{Digits: session.DigitsEvents, Secure: session.SecureOff}},
		{tenant.Media{Digits: tenant.DigitsInfo, SRTP: tenant.SRTPRequired}, session.Profile{Digits: session.DigitsInfo, Secure: session.SecureRequired}},
		{tenant.Media{Digits: tenant.DigitsInband, Keys: tenant.KeysDTLS, ICE: tenant.Yes}, session.Profile{Digits: session.DigitsInband, DTLS: true, ICE: true}},
		{tenant.Media{Fax: tenant.FaxSound, Video: tenant.No}, session.Profile{Fax: session.FaxSound, NoVideo: true}},
		{tenant.Media{Fax: tenant.FaxNone, Early: tenant.No}, session.Profile{Fax: session.FaxRefuse, NoEarly: true}},
		{tenant.Media{Lossy: tenant.Yes, Noise: tenant.Yes}, session.Profile{Lossy: true, Red: true, Noise: true}},
		{tenant.Media{Lossy: tenant.Yes, Redundancy: tenant.No}, session.Profile{Lossy: true}},
		{tenant.Media{Redundancy: tenant.Yes}, session.Profile{Red: true}},
		{tenant.Media{Gain: tenant.Yes, Denoise: tenant.No}, session.Profile{Gain: true}},
		{tenant.Media{Denoise: tenant.Yes}, session.Profile{Denoise: true}},
	} {
		if diff := cmp.Diff(c.want, profile(&c.media)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.media, diff)
		}
	}
}

// TestEveryCountryHasItsTones: what a document may name is what there are tones of.
func TestEveryCountryHasItsTones(t *testing.T) {
	if !slices.Equal(tenant.CountryNames, tone.Countries()) {
		t.Errorf("documents know %v, tones are of %v", tenant.CountryNames, tone.Countries())
	}
	var s server
	s.current.Store(tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "a", Country: "us"}, {ID: "b"}}))
	for id, want := range map[string]string{"a": "us", "b": "itu", "c": "itu"} {
		if got := s.tones(id).Code(); got != want {
			t.Errorf("tenant %s hears the tones of %s, want %s", id, got, want)
		}
	}
}
