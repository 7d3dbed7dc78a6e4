package player

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrNoFFmpeg is the error for sound of a foreign kind where ffmpeg is missing.
var ErrNoFFmpeg = errors.New("sound of this kind is converted by ffmpeg, which is not installed: install it (on Debian and Ubuntu: apt-get install ffmpeg), or give it as WAV, G.722 or Ogg with Opus")

// Bounds of a conversion.
const (
	convertTime  = 2 * time.Minute
	convertBlock = 128 << 20 // octets that ffmpeg may ask for at once
	convertSaid  = 4 << 10   // of its complaints that are read
)

// containers are the kinds of files that ffmpeg may read. Playlists are not among them, nor anything else that names
// other files or places in the network.
const containers = "aac,ac3,aiff,amr,ape,asf,au,caf,eac3,flac,flv,matroska,webm,mov,mp4,m4a,mp3,mpeg,ogg,w64,wav,wv"

// Convert reads sound of any kind that ffmpeg knows: MP3, M4A, FLAC, Ogg with Vorbis and so on, and the sound of
// pictures; it is mixed into one channel. rate is that of the result in Hz, 0 for MaxRate. The file is bounded as
// those of Load are, and ffmpeg by time, by the kinds of files that hold sound themselves, and by having no protocol of
// the network. Errors are sentences for people; that of a machine without ffmpeg is ErrNoFFmpeg.
func Convert(ctx context.Context, in io.Reader, rate int) (*Sound, error) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, ErrNoFFmpeg
	}
	dir, err := os.MkdirTemp("", "santral-convert-")
	if err != nil {
		return nil, fmt.Errorf("convert sound: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Some kinds have their index at the end: ffmpeg needs a file that it can seek in.
	path := filepath.Join(dir, "sound")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("convert sound: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(in, MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("convert sound: %w", err)
	}
	if n > MaxSize {
		return nil, fmt.Errorf("larger than %d MiB", MaxSize>>20)
	}
	return convert(ctx, ffmpeg, path, rate)
}

// Import reads a file as Load does, and by Convert, to a rate, where it is of a foreign kind.
func Import(ctx context.Context, path string, rate int) (*Sound, error) {
	s, err := Load(path)
	if !errors.Is(err, ErrForeign) {
		return s, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load sound: %w", err)
	}
	defer func() { _ = f.Close() }()
	if s, err = Convert(ctx, f, rate); err != nil {
		return nil, fmt.Errorf("load sound: %s: %w", path, err)
	}
	return s, nil
}

func convert(ctx context.Context, ffmpeg, path string, rate int) (*Sound, error) {
	if rate <= 0 {
		rate = MaxRate
	}
	ctx, cancel := context.WithTimeout(ctx, convertTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-v", "error", "-max_alloc", strconv.Itoa(convertBlock),
		"-protocol_whitelist", "file", "-format_whitelist", containers, "-vn", "-sn", "-dn", "-i", "file:"+path,
		"-map", "0:a:0", "-map_metadata", "-1", "-ac", "1", "-ar", strconv.Itoa(rate), "-c:a", "pcm_s16le", "-fs", strconv.Itoa(2*maxSamples+4096),
		"-f", "wav", "pipe:1")
	cmd.Dir = filepath.Dir(path)
	cmd.Env = []string{"LC_ALL=C"}
	cmd.WaitDelay = time.Second
	said := &most{n: convertSaid}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("convert sound: %w", err)
	}
	wav, err := io.ReadAll(io.LimitReader(out, 2*maxSamples+4096))
	cancelled := ctx.Err()
	if len(wav) == 2*maxSamples+4096 {
		cancel()
		_ = cmd.Wait()
		return nil, errLong
	}
	err = errors.Join(err, cmd.Wait())
	switch {
	case cancelled != nil && errors.Is(cancelled, context.DeadlineExceeded):
		return nil, fmt.Errorf("ffmpeg has not converted it within %v", convertTime)
	case cancelled != nil:
		return nil, cancelled
	case err != nil:
		return nil, fmt.Errorf("ffmpeg can't read it%s", said.reason(path))
	}
	return parse(wav, 2*maxSamples+4096)
}

// most keeps the first n octets of what is written to it.
type most struct {
	text bytes.Buffer
	n    int
}

func (m *most) Write(p []byte) (int, error) {
	m.text.Write(p[:min(len(p), m.n-m.text.Len())])
	return len(p), nil
}

// reason is the last thing that ffmpeg said, for people.
func (m *most) reason(path string) string {
	lines := strings.Split(strings.TrimSpace(m.text.String()), "\n")
	last := lines[len(lines)-1]
	last = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(last, "file:"+path, ""), path, ""))
	if last = strings.TrimLeft(last, ": "); last == "" {
		return ""
	}
	return ": " + strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, last)
}
