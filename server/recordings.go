package server

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"santral/api/rest"
	"santral/call"
	"santral/config"
	"santral/media/codec"
	"santral/media/recorder"
	"santral/observe/metric"
	"santral/service/alarm"
	"santral/service/recording"
	"santral/store"
	"santral/store/blob"
	"santral/tenant"
)

// tapes is what the API shows of recordings: their rows, those just filed too, and what they hold.
type tapes struct {
	*records
	*recording.Archive
}

// openRecordings opens the archive of recordings, and has it see to what an earlier process left.
func (s *server) openRecordings() error {
	b := &s.boot.Recordings
	folder := cmp.Or(b.Folder, filepath.Join(s.boot.Data, "recordings"))
	c := recording.Config{
		Folder: filepath.Join(folder, "spool"), Rows: s.records, Ledger: toldLedger{s.records, s}, Current: s.current.Load, Random: s.random,
		Format: recorder.WAV, Rate: b.Rate, Seal: b.Seal, Identities: b.Identities,
		Floor: recording.Floor{Octets: b.Free.Octets, Share: b.Free.Share}, Most: b.Most, Longest: b.Longest,
		Alarmed: func(what recording.Alarm, err error) {
			if err == nil {
				s.alarms.Clear(alarm.Recordings, tenant.OperatorID, what.String())
				s.log.Info("recordings are well again", "alarm", what.String())
				return
			}
			s.alarms.Raise(alarm.Recordings, tenant.OperatorID, what.String(), err.Error())
			s.log.Error("recordings have trouble; calls go on", "alarm", what.String(), "error", err)
		},
		Failed: func(what string, r *call.Recorded, err error) { s.log.Error(what, "recording", r.Name, "error", err) },
	}
	if b.Format == recorder.Opus.String() {
		c.Format = recorder.Opus
		if _, err := codec.NewOpusFile(cmp.Or(b.Rate, config.DefaultRate), 2, 0); err != nil {
			return fmt.Errorf("recordings.format: %w: install libopus (Debian's package libopus0), or write wav", err)
		}
	}
	var err error
	if c.Blobs, err = s.blobs(filepath.Join(folder, "filed"), &b.S3); err != nil {
		return fmt.Errorf("open the recordings: %w", err)
	}
	if s.tapes, err = recording.Open(c); err != nil {
		return fmt.Errorf("open the recordings: %w", err)
	}
	s.later(func() {
		ctx, stop := context.WithTimeout(context.Background(), closeTime)
		defer stop()
		if err := s.tapes.Close(ctx); err != nil {
			s.log.Warn("close the recordings", "error", err)
		}
	})
	return nil
}

// blobs opens where recordings stay: a folder, or a bucket, which may be away now.
func (s *server) blobs(folder string, at *config.S3) (store.Blobs, error) {
	if at.Endpoint == "" {
		return blob.OpenFiles(folder)
	}
	bucket, err := blob.OpenS3(blob.Bucket{
		Endpoint: at.Endpoint, Name: at.Bucket, Region: at.Region, Prefix: at.Prefix, PathStyle: at.PathStyle, AccessKey: at.AccessKey, SecretKey: at.SecretKey,
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := bucket.Check(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the bucket of recordings can't be reached; recordings wait in the spool", "error", err)
		}
	}()
	s.later(func() {
		stop()
		<-done
		bucket.Close()
	})
	return bucket, nil
}

// recordCall has a live call recorded, or not.
func (s *server) recordCall(id, action string) error {
	if _, ok := s.control.Call(call.ID(id)); !ok {
		return store.ErrNotFound
	}
	if err := s.control.Record(call.ID(id), action); err != nil {
		return &rest.Refusal{Text: err.Error()}
	}
	return nil
}

// Recording implements store.Recordings. What was filed before is in it.
func (r *records) Recording(ctx context.Context, tenant, name string) (store.Recording, error) {
	r.sync(ctx)
	return r.db.Recording(ctx, tenant, name)
}

// Recordings implements store.Recordings.
func (r *records) Recordings(ctx context.Context, filter store.RecordingFilter, cursor string, limit int) ([]store.Recording, string, error) {
	r.sync(ctx)
	return r.db.Recordings(ctx, filter, cursor, limit)
}

// recordingMetrics adds the figures of recordings.
func (s *server) recordingMetrics(r *metric.Registry) {
	now := s.tapes.Stats
	r.Gauge("santral_recordings_active", "Recordings that are going on.", func() float64 { return float64(now().Open) })
	r.Gauge("santral_recordings_waiting", "Recordings that are over and wait to be finished or filed.", func() float64 { return float64(now().Waiting) })
	r.Counters("santral_recordings_total", "Recordings, by what became of them.", []string{"result"}, func() []metric.Labelled {
		n := now()
		return []metric.Labelled{
			{Values: []string{"begun"}, Value: float64(n.Begun)},
			{Values: []string{"filed"}, Value: float64(n.Filed)},
			{Values: []string{"torn"}, Value: float64(n.Torn)},
			{Values: []string{"refused: no room"}, Value: float64(n.NoRoom)},
			{Values: []string{"refused: too many"}, Value: float64(n.Many)},
		}
	})
	r.Counter("santral_recording_bytes", "Octets of recordings that were filed.", func() uint64 { return now().Octets })
	r.Counter("santral_recording_lost_milliseconds_total", "Sound that could not be written, in recordings that are over.", func() uint64 { return uint64(now().Lost.Milliseconds()) })
	r.Gauge("santral_recordings_free_bytes", "Room on the disk that recordings are written to.", func() float64 { return float64(now().Free) })
	r.Gauges("santral_recordings_alarm", "1 while recordings have trouble: no room for new ones, a bad disk, a place that takes none.", []string{"what"}, func() (list []metric.Labelled) {
		for what, up := range now().Alarms {
			l := metric.Labelled{Values: []string{recording.Alarm(what).String()}}
			if up {
				l.Value = 1
			}
			list = append(list, l)
		}
		return list
	})
}
