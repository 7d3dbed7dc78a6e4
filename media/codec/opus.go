package codec

import (
	"strconv"
	"strings"
	"time"

	"santral/media"
)

const (
	opusRate    = 48000
	opusLongest = opusRate * 120 / 1000 // samples of the longest packet
)

// opusTimes are the packet times that libopus makes (RFC 6716 §2.1.4 and up to six frames of 20 ms).
var opusTimes = []time.Duration{
	10 * time.Millisecond, 20 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond,
	80 * time.Millisecond, 100 * time.Millisecond, 120 * time.Millisecond,
}

// opusFormat is what we offer. RFC 7587 §7: the clock is 48000 and the channels are two, whatever is sent.
var opusFormat = media.Format{Name: "opus", Payload: 111, Rate: opusRate, Channels: 2, Params: "minptime=10;useinbandfec=1"}

// wishes are what a receiver of Opus asks of its sender, by the parameters of its format (RFC 7587 §6.1).
// stereo is not among them: what we send is mono, which every receiver takes.
type wishes struct {
	highest int  // maxplaybackrate in Hz: it plays nothing above half of it; 0 when unsaid
	most    int  // maxaveragebitrate in bits a second; 0 when unsaid
	fec     bool // it can use forward error correction
	dtx     bool // it would rather hear nothing in silence
	cbr     bool // every packet is to be of one size
}

// wishesOf reads the parameters. What it doesn't know, or what makes no sense, is as if it were not there.
func wishesOf(params string) (w wishes) {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "maxplaybackrate":
			if n >= 8000 {
				w.highest = n
			}
		case "maxaveragebitrate":
			if n >= 6000 { // RFC 7587 §6.1 has 6000 to 510000
				w.most = min(n, 510000)
			}
		case "useinbandfec":
			w.fec = n == 1
		case "usedtx":
			w.dtx = n == 1
		case "cbr":
			w.cbr = n == 1
		}
	}
	return w
}

// band is the widest audio band worth sending, 0 (4 kHz) to 4 (20 kHz) (RFC 6716 §2, table 1).
func (w wishes) band() int {
	switch {
	case w.highest == 0 || w.highest >= 48000:
		return 4
	case w.highest >= 24000:
		return 3
	case w.highest >= 16000:
		return 2
	case w.highest >= 12000:
		return 1
	}
	return 0
}

// bitrate is what is sent: what was asked for or what fits speech in the band (RFC 7587 §3.1.1), and no
// more than the peer takes.
func (w wishes) bitrate(asked int) int {
	rate := asked
	if rate <= 0 {
		rate = [...]int{12000, 16000, 20000, 26000, 32000}[w.band()]
	}
	if w.most > 0 {
		rate = min(rate, w.most)
	}
	return min(max(rate, 6000), 510000)
}

// hasRepair reports whether a packet carries forward error correction of the one before it: a frame of the
// SILK layer has a flag for it behind one flag of activity for each 20 ms (RFC 6716 §4.2.3).
func hasRepair(packet []byte) bool {
	if len(packet) < 2 || packet[0]&0x80 != 0 { // the upper configurations are the CELT layer alone
		return false
	}
	frames := 1 // of 20 ms at most, in the first of the packet's Opus frames
	if config := packet[0] >> 3; config < 12 {
		frames = [...]int{1, 1, 2, 3}[config&3]
	}
	at := firstFrame(packet)
	return at < len(packet) && packet[at]>>(7-frames)&1 == 1
}

// firstFrame is where the first frame of a packet of at least two octets begins (RFC 6716 §3.2). It may be
// beyond the end.
func firstFrame(packet []byte) int {
	at := 1
	length := func() { // of one frame: one octet or two
		if at < len(packet) && packet[at] >= 252 {
			at++
		}
		at++
	}
	switch packet[0] & 3 {
	case 2: // two frames, the first one's length before them
		length()
	case 3:
		how := packet[1]
		at++
		if how&0x40 != 0 { // the length of the padding: each 255 means 254 and that one more octet follows
			for at < len(packet) && packet[at] == 255 {
				at++
			}
			at++
		}
		if how&0x80 != 0 { // lengths of all frames but the last
			for range max(int(how&0x3f), 1) - 1 {
				length()
			}
		}
	}
	return at
}
