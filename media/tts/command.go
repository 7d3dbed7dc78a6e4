package tts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"santral/media/player"
)

// WAVFile stands in a command for a file that the program writes, where it can't write to its standard output.
const WAVFile = "{wav}"

// Command is an engine that is a program for each language, with its arguments: it reads the text from its standard
// input, and writes a WAV file to its standard output, or to the file that [WAVFile] stands for. No shell is between.
type Command map[string][]string

var _ Engine = Command(nil)

// Voice is the program with its arguments.
func (c Command) Voice(language string) string { return strings.Join(c[language], "\x00") }

// complaint is how much of what a program complains of is read, in octets.
const complaint = 2 << 10

// Speak runs the program.
func (c Command) Speak(ctx context.Context, language, text string) (*player.Sound, error) {
	line := c[language]
	if len(line) == 0 {
		return nil, ErrLanguage
	}
	if err := checked(text); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "santral-speech-")
	if err != nil {
		return nil, fmt.Errorf("speak: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := ""
	arguments := slices.Clone(line[1:])
	for i, a := range arguments {
		if a == WAVFile {
			file = filepath.Join(dir, "speech.wav")
			arguments[i] = file
		}
	}
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], arguments...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8"}
	cmd.Stdin = strings.NewReader(text + "\n")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // and what it started
	cmd.WaitDelay = time.Second
	out, said := &bounded{most: MaxSound, full: cancel}, &bounded{most: complaint}
	cmd.Stdout, cmd.Stderr = out, said
	name := filepath.Base(line[0])
	err = cmd.Run()
	switch {
	case out.over:
		return nil, fmt.Errorf("%s said more than %d MiB", name, MaxSound>>20)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("%s has said nothing within %v", name, MaxTime)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("%s can't say it: %w%s", name, err, said.reason())
	}
	data := out.text.Bytes()
	if file != "" {
		if data, err = readFile(file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return decoded(name, data)
}

// readFile reads what a program wrote.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, errors.New("it has written no file")
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSound+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(data) > MaxSound {
		return nil, fmt.Errorf("it said more than %d MiB", MaxSound>>20)
	}
	return data, nil
}

// decoded reads what an engine answered: a file that says itself what it is.
func decoded(name string, data []byte) (*player.Sound, error) {
	sound, err := player.Decode("", data)
	if err != nil {
		return nil, fmt.Errorf("%s gave no sound that can be read: %w", name, err)
	}
	if sound.Duration() <= 0 {
		return nil, fmt.Errorf("%s gave no sound", name)
	}
	return sound, nil
}

// bounded keeps the first octets of what is written to it, and says so when there are more.
type bounded struct {
	text bytes.Buffer
	most int
	over bool
	full func() // nil for nobody
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.most - b.text.Len()
	b.text.Write(p[:min(room, len(p))])
	if len(p) > room && b.full != nil {
		b.over = true
		b.full()
	}
	return len(p), nil
}

// reason is the last line of it, for people.
func (b *bounded) reason() string {
	lines := strings.Split(strings.TrimSpace(b.text.String()), "\n")
	last := strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, lines[len(lines)-1])
	if last == "" {
		return ""
	}
	return ": " + last
}
