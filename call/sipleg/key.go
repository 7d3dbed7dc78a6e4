package sipleg

import (
	"strconv"
	"strings"
	"time"

	"santral/media/dtmf"
	"santral/media/session"
	"santral/sip"
)

// Keys by INFO have no standard (RFC 6086 §2 keeps the old kind alive). What phones and gateways do is
// application/dtmf-relay with lines of a signal and its duration in milliseconds, application/dtmf with the key
// alone, and application/hook-flash. Signals above 9 are numbered as telephone events are.
const (
	keyRelay  = "application/dtmf-relay"
	keyPlain  = "application/dtmf"
	keyFlash  = "application/hook-flash"
	someLong  = 160 * time.Millisecond // a key of which nobody knows how long it was
	mostLong  = dtmf.MaxPress
	keySignal = "Signal"
)

// keyOf is the key that an INFO says, 0 for none, and how long it was, 0 where that is not said.
func keyOf(m *sip.Message) (key byte, long time.Duration) {
	switch m.MediaType() {
	case keyFlash:
		return dtmf.Flash, 0
	case keyRelay, keyPlain:
	default:
		return 0, 0
	}
	signal := ""
	for line := range strings.Lines(m.Body) {
		name, value, ok := strings.Cut(line, "=")
		switch name, value = strings.TrimSpace(name), strings.TrimSpace(value); {
		case !ok && signal == "" && m.MediaType() == keyPlain:
			signal = name
		case ok && signal == "" && strings.EqualFold(name, keySignal):
			signal = value
		case ok && strings.EqualFold(name, "Duration"):
			if ms, err := strconv.Atoi(value); err == nil && ms > 0 {
				long = min(time.Duration(min(ms, 1<<20))*time.Millisecond, mostLong)
			}
		}
	}
	if key = signalOf(signal); key == 0 {
		long = 0
	}
	return key, long
}

// signalOf reads the name of a key, 0 for what is none.
func signalOf(s string) byte {
	if len(s) == 1 {
		if _, ok := dtmf.CodeOf(s[0]); ok {
			return strings.ToUpper(s)[0]
		}
		return 0
	}
	switch strings.ToLower(s) {
	case "hf", "flash":
		return dtmf.Flash
	}
	code, err := strconv.Atoi(s)
	if err != nil || code < 10 || code > 16 {
		return 0
	}
	key, _ := dtmf.Event{Code: uint8(code)}.Key()
	return key
}

// relayed is the body of an INFO that says a key.
func relayed(key byte, long time.Duration) string {
	signal := string(key)
	if key == dtmf.Flash {
		signal = "16"
	}
	return keySignal + "=" + signal + "\r\nDuration=" + strconv.Itoa(int(long/time.Millisecond)) + "\r\n"
}

// SendKey has the peer get a key, in the way that it takes keys: what is set for it, else telephone events where they
// were agreed on, else INFO where it has sent keys by INFO itself, else tones in the sound. What none of them can carry
// goes by INFO.
func (l *Leg) SendKey(key byte, long time.Duration) {
	if _, ok := dtmf.CodeOf(key); !ok {
		return
	}
	if long <= 0 {
		long = someLong
	}
	l.do(func() {
		if l.byMedia() && l.media.SendDigit(key, int(long/time.Millisecond)) == nil {
			return
		}
		l.session.Inform("", keyRelay, relayed(key, long))
	})
}

// byMedia reports whether the peer gets keys in its media.
func (l *Leg) byMedia() bool {
	switch l.manners.Media.Digits {
	case session.DigitsInfo:
		return false
	case session.DigitsAuto:
		return !l.informs || l.media.Digits() == session.DigitsEvents
	}
	return true
}
