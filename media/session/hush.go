package session

import (
	"santral/media/codec"
	"santral/media/rtp"
)

// hushOf gives what finds silences in what is said, for a peer that takes descriptions of them in their place
// (RFC 3389 §4). A codec that knows silence by itself has no comfort noise at its clock, and needs none.
func hushOf(sp speech, o codec.Options) *codec.Hush {
	if !o.DTX || sp.noise.Rate == 0 {
		return nil
	}
	return codec.NewHush(sp.codec.Rate)
}

// quietLocked reports whether the packet to be sent is silence, and sends the description of it when one is due.
// What follows begins a talk spurt (RFC 3551 §4.1).
func (v *voice) quietLocked() bool {
	if v.hush == nil {
		return false
	}
	verdict := v.hush.Hear(v.sound)
	if verdict == codec.Speech {
		return false
	}
	if verdict == codec.Described {
		v.packet = v.hush.Append(v.headerLocked(v.speech.noise.Payload, false, v.timestamp))
		if v.speech.noise.Rate != v.speech.codec.Rate {
			v.packet = v.packet[:rtp.HeaderSize+1] // a spectrum of sound at another rate would be misheard: the level alone
		}
		v.sendLocked(v.packet)
	}
	v.marker = true
	return true
}
