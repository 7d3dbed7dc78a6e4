// Package level is about how loud sound is: it measures loudness as listeners perceive it (ITU-R BS.1770), brings
// speakers and prompts to one loudness, and takes noise away.
//
// What lives here changes samples and knows no streams. Whose sound is changed is decided elsewhere.
package level

import (
	"time"

	"santral/media"
)

// Suppressor takes noise from a stream of sound, frame by frame. Process changes a frame in place, any number of
// samples of it, and never blocks; the sound comes later by Delay. It belongs to one stream and is used by one
// goroutine at a time. Denoiser is ours; a library can take its place wherever one is made.
type Suppressor interface {
	Process(media.Frame)
	Delay() time.Duration
}
