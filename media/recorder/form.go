package recorder

import (
	"errors"
	"io"
)

// form is how sound becomes octets of the plain file.
type form interface {
	// begin appends the octets before all sound.
	begin(to []byte) []byte
	// sound appends the octets of a piece of sound, its channels' samples in turn; up to 20 ms of it may come with the
	// next piece.
	sound(to []byte, both []int16) []byte
	// end appends what is still to be written once all sound is there.
	end(to []byte) []byte
	// cut says how many octets of the plain file stay when it is to end after so many samples of each channel, and
	// appends what follows them.
	cut(to []byte, f io.ReaderAt, size, samples int64) (stay int64, more []byte, err error)
	// mend gives what is to be written at the beginning of a plain file with so many octets, nil for nothing.
	mend(size int64) []byte
}

// formOf says how a recording lies in its file.
func formOf(o Options) (form, error) {
	switch o.Format {
	case WAV:
		return &wav{channels: o.Channels, rate: o.Rate, sealed: o.Seal != nil}, nil
	case Opus:
		return newOpus(o.Channels, o.Rate)
	}
	return nil, errors.New("a format that is not known")
}
