package music

import (
	"slices"
	"time"

	"santral/media"
	"santral/media/rtp"
)

// Clock is the media clock (rtp.Pool).
type Clock interface{ Speak(rtp.Speaker) }

// mostVoices is how many speak on one turn of the clock, which belongs to one core: 20 ms are enough for some thousands.
const mostVoices = 250

// choir is voices that say a stream in one turn: what one encoder makes is sent by all of them. It takes turns while it
// has any. What it holds of the stream is behind the stream's lock, but what a turn alone touches.
type choir struct {
	stream *stream
	voices []media.Voice

	now   []media.Voice // of a turn
	src   *listener
	mixed media.Mixed
}

// Lead has v say the stream on turns of it (media.Leader).
func (l *listener) Lead(v media.Voice) bool {
	st := l.stream
	if st.clock == nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	l.leaveLocked()
	i := slices.IndexFunc(st.choirs, func(c *choir) bool { return len(c.voices) < mostVoices })
	if i < 0 {
		i = len(st.choirs)
		c := &choir{stream: st, src: st.listen()}
		c.mixed.Rate, c.mixed.Sound = mostRate, make(media.Frame, mostRate*int(rtp.FrameTime/time.Millisecond)/1000)
		st.choirs = append(st.choirs, c)
		st.clock.Speak(c)
	}
	l.choir, l.voice = st.choirs[i], v
	l.choir.voices = append(l.choir.voices, v)
	return true
}

// Dismiss has v say it no longer (media.Leader).
func (l *listener) Dismiss(v media.Voice) {
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	if l.voice == v {
		l.leaveLocked()
	}
}

func (l *listener) leaveLocked() {
	if l.choir == nil {
		return
	}
	if i := slices.Index(l.choir.voices, l.voice); i >= 0 {
		l.choir.voices = slices.Delete(l.choir.voices, i, i+1)
	}
	l.choir, l.voice = nil, nil
}

// Speak is a turn (rtp.Speaker).
func (c *choir) Speak(now time.Duration) bool {
	st := c.stream
	st.mu.Lock()
	if len(c.voices) == 0 {
		st.choirs = slices.DeleteFunc(st.choirs, func(o *choir) bool { return o == c })
		st.mu.Unlock()
		return false
	}
	c.now = append(c.now[:0], c.voices...)
	st.mu.Unlock()
	_, _ = c.src.Read(c.mixed.Sound) // it has no end
	c.mixed.Turn++
	for _, v := range c.now {
		v.Take(&c.mixed)
	}
	for _, v := range c.now {
		v.Say(&c.mixed, now)
	}
	clear(c.now)
	return true
}
