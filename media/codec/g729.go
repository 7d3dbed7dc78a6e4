package codec

import "santral/media"

// G.729 is spoken by a plug-in alone: a library under a licence that Santral is not under. It is never
// linked, and only loaded where the operator names it. Without it G.729 passes from peer to peer as it is.
var g729Format = media.Format{Name: "G729", Payload: 18, Rate: 8000, Channels: 1, Params: "annexb=no"}

const (
	g729Frame  = 80 // samples in 10 ms
	g729Octets = 10 // of a frame of speech
	g729SID    = 2  // of one that describes silence (G.729 Annex B)
)
