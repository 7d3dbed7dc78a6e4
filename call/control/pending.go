package control

import (
	"context"
	"errors"

	"santral/call"
	"santral/media/mixer"
)

func (s *story) Record(context.Context, call.Recording) (call.Recorded, error) {
	return call.Recorded{}, errors.ErrUnsupported
}
func (s *story) Dial(context.Context, call.Wish) (call.Party, error) {
	return call.Party{}, errors.ErrUnsupported
}
func (s *story) Join(context.Context) (bool, error)                     { return false, errors.ErrUnsupported }
func (s *story) Hold(context.Context) error                             { return errors.ErrUnsupported }
func (s *story) Drop(context.Context, call.Cause) error                 { return errors.ErrUnsupported }
func (s *story) Move(context.Context, call.Cause) error                 { return errors.ErrUnsupported }
func (s *story) Transfer(context.Context, string) error                 { return errors.ErrUnsupported }
func (s *story) Park(context.Context, string) error                     { return errors.ErrUnsupported }
func (s *story) Take(context.Context, call.ID) error                    { return errors.ErrUnsupported }
func (s *story) Attend(context.Context, call.ID, call.Attendance) error { return errors.ErrUnsupported }
func (s *story) Meet(*mixer.Room, mixer.Options) (*mixer.Member, error) {
	return nil, errors.ErrUnsupported
}
func (s *story) Leave() {}
