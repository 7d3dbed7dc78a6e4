package feature_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/call/calltest"
	"santral/media"
	"santral/service/feature"
)

// tell has a story told to its end, and gives its verbs.
func tell(t *testing.T, name string, c *calltest.Caller) []string {
	t.Helper()
	tehran := time.FixedZone("Asia/Tehran", 3*3600+1800)
	if cause := feature.Stories(func(string) *time.Location { return tehran })[name].Serve(t.Context(), c); cause != call.NormalClearing {
		t.Errorf("%s ended with %v", name, cause)
	}
	return c.Verbs()
}

// The hash ends an echo, and the delay is said that the phone has shown.
func TestEchoOfAKnownDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &calltest.Caller{Digits: "#", Leg: call.LegDetail{Quality: []media.Quality{{RoundTrip: 123456 * time.Microsecond}}}}
		got := tell(t, feature.EchoName, c)
		if last := got[len(got)-1]; last != `Say "" [echo.delay 123 unit.milliseconds echo.end]` {
			t.Errorf("did %q", got)
		}
		c = &calltest.Caller{Leg: c.Leg}
		ctx, hangUp := context.WithCancel(t.Context())
		done := make(chan call.Cause)
		go func() { done <- feature.Echo{}.Serve(ctx, c) }()
		time.Sleep(time.Minute)
		hangUp()
		<-done
		if n := len(slices.DeleteFunc(c.Verbs(), func(v string) bool { return v != `Show "123 ms"` })); n != 1 {
			t.Errorf("a delay that does not change was shown %d times", n)
		}
	})
}

// The time is told by both calendars, that of the caller's language first, in the tenant's zone.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight of 2000 in UTC
		tehran := time.FixedZone("Asia/Tehran", 3*3600+1800)
		now := time.Date(2000, 1, 1, 3, 30, 0, 0, tehran)
		for language, other := range map[string]media.Calendar{"en": media.Jalali, "fa": media.Gregorian} {
			c := &hearer{caller: &calltest.Caller{Tongue: language}}
			feature.Stories(func(string) *time.Location { return tehran })[feature.TimeName].Serve(t.Context(), c)
			var clocks []time.Time
			var days []media.Date
			for _, p := range c.said {
				switch p := p.(type) {
				case media.Clock:
					clocks = append(clocks, p.Time)
				case media.Date:
					days = append(days, p)
				}
			}
			if len(clocks) != 1 || !clocks[0].Equal(now) || clocks[0].Hour() != 3 || len(days) != 2 || days[0].Calendar != media.UsualCalendar || days[1].Calendar != other || days[1].Day() != 1 {
				t.Errorf("%s: said %v", language, c.said)
			}
		}
		got := tell(t, feature.TimeName, &calltest.Caller{Errors: map[string]error{"Say": errors.New("no voice")}})
		if !slices.Equal(got[2:], []string{`Tones "  0330  "`}) {
			t.Errorf("without a voice: %q", got)
		}
	})
}

// hearer keeps what is said.
type hearer struct {
	*caller
	said []media.Phrase
}

type caller = calltest.Caller // by another name, as it has a method of this one

func (h *hearer) Say(_ context.Context, _ string, what ...media.Phrase) (byte, error) {
	h.said = append(h.said, what...)
	return 0, nil
}

func TestPlayback(t *testing.T) {
	c := &calltest.Caller{Tape: call.Recorded{Sound: silence{}}}
	want := []string{"Answer", `Say "#" [300000000 test.record]`, "Record scrap", `Play "#"`}
	if got := tell(t, feature.PlaybackName, c); !slices.Equal(got, want) {
		t.Errorf("did %q", got)
	}
	if got := tell(t, feature.PlaybackName, &calltest.Caller{}); len(got) != 3 { // nothing was said
		t.Errorf("did %q", got)
	}
}

type silence struct{}

func (silence) Read(f media.Frame) (int, error) { return len(f), nil }

func TestLine(t *testing.T) {
	g711 := media.Quality{Format: "PCMA", Packets: 1000, MOS: 4.3, RoundTrip: 12 * time.Millisecond}
	lossy, bad, heardBadly, other := g711, g711, g711, g711
	lossy.Lost, lossy.MOS = 4, 4.0
	bad.Lost, bad.MOS = 100, 2.2
	heardBadly.Heard = media.Heard{Reports: 1, Packets: 100, Lost: 2, MOS: 3.3}
	other.Format = "GSM"
	for name, test := range map[string]struct {
		q                []media.Quality
		moved            bool
		shown            string
		codec, loss      string
		address, verdict string
	}{
		"excellent":   {[]media.Quality{g711}, false, "PCMA, MOS 4.3, 0.0 % lost, 12 ms", "test.codec codec.pcma", "test.no-loss", "good", "excellent"},
		"lossy":       {[]media.Quality{{}, lossy}, false, "PCMA, MOS 4.0, 0.4 % lost, 12 ms", "test.codec codec.pcma", "test.loss test.less-than 1 unit.percent", "good", "good"},
		"translated":  {[]media.Quality{heardBadly}, true, "PCMA, MOS 3.3, 2.0 % lost, 12 ms", "test.codec codec.pcma", "test.loss 2 unit.percent", "fair", "fair"},
		"bad":         {[]media.Quality{bad}, false, "PCMA, MOS 2.2, 9.1 % lost, 12 ms", "test.codec codec.pcma", "test.loss 9 unit.percent", "good", "bad"},
		"other codec": {[]media.Quality{other}, false, "GSM, MOS 4.3, 0.0 % lost, 12 ms", "test.codec codec.other", "test.no-loss", "good", "excellent"},
		"nothing":     {[]media.Quality{{Format: "PCMA"}}, false, "nothing comes", "", "", "bad", "bad"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &calltest.Caller{Party: call.Party{Number: "101"}, Leg: call.LegDetail{Quality: test.q, Moved: test.moved}}
			got := tell(t, feature.LineName, c)
			words := func(what string) string { return `Say "" [` + strings.TrimSpace(what+" 250000000") + "]" }
			want := []string{"Answer", `Say "" [300000000 test.your-number 101]`, "Collect 1", `Show "` + test.shown + `"`}
			for _, w := range []string{test.codec, test.loss, "test.address-" + test.address, "test.line-" + test.verdict} {
				if w != "" {
					want = append(want, words(w))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("did   %q\nwanted %q", got, want)
			}
		})
	}
}
