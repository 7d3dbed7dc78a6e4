package feature

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"santral/call"
	"santral/media"
)

// measuring is how long a line is heard before it is judged, besides what is said meanwhile: reports of the phone come
// every five seconds (RFC 3550 §6.2).
const measuring = 6 * time.Second

// Line tells the caller its number, its codec, how many packets are lost, whether it is behind an address translator and
// how good the line is by all that (ITU-T G.107), in words and on the phone's display.
type Line struct{}

// Serve tells the story (call.Story).
func (Line) Serve(ctx context.Context, c call.Control) call.Cause {
	if err := c.Answer(ctx); err != nil {
		return over(err)
	}
	if _, _, err := say(ctx, c, "", breath, media.Clip("test.your-number"), media.Spelled(number(c))); err != nil {
		return over(err)
	}
	if _, err := c.Collect(ctx, call.Collecting{Most: 1, First: measuring}); err != nil { // a key is for who can't wait
		return over(err)
	}
	l := judge(c.Detail())
	if err := c.Show(ctx, l.text()); err != nil {
		return over(err)
	}
	const pause = media.Silence(250 * time.Millisecond)
	for _, what := range [][]media.Phrase{l.codecWords(), l.lossWords(), {media.Clip("test.address-" + l.address)}, {media.Clip("test.line-" + l.verdict)}} {
		if len(what) == 0 {
			continue
		}
		if _, _, err := say(ctx, c, "", append(what, pause)...); err != nil {
			return over(err)
		}
	}
	return over(nil)
}

// line is what is known of a caller's line.
type line struct {
	codec   string
	loss    float64 // share, of the worse direction
	mos     float64 // likewise; 0 when nothing came
	delay   time.Duration
	address string // "good", "fair" behind a translator, "bad" when nothing came
	verdict string // "excellent", "good", "fair", "bad"
}

// judge reads a leg's detail. The first stream that something came of is the sound.
func judge(d call.LegDetail) line {
	l := line{address: "bad", verdict: "bad"}
	for i := range d.Quality {
		q := &d.Quality[i]
		if q.Packets == 0 {
			continue
		}
		l.codec, l.mos, l.delay = q.Format, q.MOS, q.RoundTrip
		l.loss = float64(q.Lost) / float64(q.Packets+q.Lost)
		if h := &q.Heard; h.Reports > 0 && h.Packets > 0 {
			l.loss = max(l.loss, float64(h.Lost)/float64(h.Packets))
			if h.MOS > 0 {
				l.mos = min(l.mos, h.MOS)
			}
		}
		l.address = "good"
		if d.Moved {
			l.address = "fair"
		}
		break
	}
	switch { // ITU-T G.109: users very satisfied, satisfied, some dissatisfied
	case l.mos >= 4.2:
		l.verdict = "excellent"
	case l.mos >= 3.8:
		l.verdict = "good"
	case l.mos >= 3.1:
		l.verdict = "fair"
	}
	return l
}

// text is for a display.
func (l *line) text() string {
	if l.mos == 0 {
		return "nothing comes"
	}
	text := fmt.Sprintf("%s, MOS %.1f, %.1f %% lost", l.codec, l.mos, 100*l.loss)
	if l.delay > 0 {
		text += fmt.Sprintf(", %d ms", l.delay.Milliseconds())
	}
	return text
}

func (l *line) codecWords() []media.Phrase {
	if l.codec == "" {
		return nil
	}
	name := strings.ToLower(l.codec)
	switch name {
	case "opus", "g722", "pcma", "pcmu", "g729", "l16":
	default:
		name = "other"
	}
	return []media.Phrase{media.Clip("test.codec"), media.Clip("codec." + name)}
}

func (l *line) lossWords() []media.Phrase {
	percent := math.Round(100 * l.loss)
	switch {
	case l.codec == "":
		return nil
	case l.loss == 0:
		return []media.Phrase{media.Clip("test.no-loss")}
	case percent < 1:
		return []media.Phrase{media.Clip("test.loss"), media.Clip("test.less-than"), media.Number(1), media.Clip("unit.percent")}
	}
	return []media.Phrase{media.Clip("test.loss"), media.Number(percent), media.Clip("unit.percent")}
}
