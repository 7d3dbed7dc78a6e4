package recorder

import "errors"

// formOf says how a recording lies in its file.
func formOf(o Options) (form, error) {
	if o.Seal != nil {
		return nil, errors.New("recordings can't be sealed yet")
	}
	if o.Format == WAV {
		return &wav{channels: o.Channels, rate: o.Rate}, nil
	}
	return nil, errors.New("recordings can't be Opus yet")
}
