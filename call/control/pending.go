package control

import (
	"context"
	"errors"

	"santral/call"
)

func (s *story) Record(context.Context, call.Recording) (call.Recorded, error) {
	return call.Recorded{}, errors.ErrUnsupported
}
