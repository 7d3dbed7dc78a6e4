package session

import (
	"testing"

	"santral/media"
	"santral/media/rtp"
)

// Each of several formats of one name keeps to its own: by its parameters, otherwise by its number.
func TestNumberOf(t *testing.T) {
	f := func(name string, payload uint8, params string) media.Format {
		return media.Format{Name: name, Payload: payload, Rate: 90000, Channels: 1, Params: params}
	}
	list := []media.Format{f("H264", 102, "profile-level-id=42e01f"), f("VP8", 96, ""), f("H264", 104, "profile-level-id=42001f"), f("H264", 120, "profile-level-id=640c1f")}
	for _, c := range []struct {
		f    media.Format
		want uint8
	}{
		{f("VP8", 96, ""), 96},
		{f("vp8", 100, ""), 96},
		{f("H264", 104, "profile-level-id=42001e"), 104},
		{f("H264", 98, "profile-level-id=640c1f"), 120},
		{f("H264", 104, "profile-level-id=42e01f"), 102},
		{f("H264", 99, "x"), 102},
		{f("AV1", 45, ""), rtp.NoNumber},
	} {
		if got := numberOf(c.f, list); got != c.want {
			t.Errorf("%+v: %d, want %d", c.f, got, c.want)
		}
	}
}
