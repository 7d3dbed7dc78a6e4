package phone

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// baresipModules is where Debian puts baresip's modules.
const baresipModules = "/usr/lib/baresip/modules"

// needModule is Need for a module of baresip's that comes in a package of its own.
func needModule(t testing.TB, name, from string) {
	t.Helper()
	needFile(t, filepath.Join(baresipModules, name), from)
}

// testCard makes a film of a moving test card, 320 by 240, 15 pictures a second, in H.264.
func testCard(t testing.TB) string {
	t.Helper()
	Need(t, "ffmpeg")
	file := filepath.Join(t.TempDir(), "card.mp4")
	run(t, "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=15", "-t", "60",
		"-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-g", "30", "-pix_fmt", "yuv420p", file)
	return file
}

// pictures is what baresip's configuration and account say for a codec of pictures, "H264" or "VP8": an H.264 phone
// shows a film, a VP8 one colours.
func pictures(t testing.TB, codec string) (config, account string) {
	t.Helper()
	config = "video_size 320x240\nvideo_fps 15\nvideo_bitrate 300000\nvideo_display fakevideo,nil\nmodule fakevideo.so\n"
	switch codec {
	case "":
		return "", ""
	case "H264":
		needModule(t, "avcodec.so", "baresip-ffmpeg")
		return config + "module avcodec.so\nmodule avformat.so\nvideo_source avformat," + testCard(t) + "\n", ";video_codecs=h264"
	default:
		return config + "module vp8.so\nvideo_source fakevideo,nil\n", ";video_codecs=vp8"
	}
}

var shown = regexp.MustCompile(`vidisp: fakevideo (\d+) x (\d+) frames=(\d+)`)

// Seen waits until this phone has decoded and shown so many pictures of its call, and gives how many and their width.
func (b *Baresip) Seen(frames int) (n, width int) {
	b.t.Helper()
	Eventually(b.t, 20*time.Second, fmt.Sprintf("baresip %s sees %d pictures", b.User, frames), func() bool {
		b.Command("video_debug", "")
		time.Sleep(200 * time.Millisecond) // a real program outside
		all := shown.FindAllStringSubmatch(b.Out.String(), -1)
		if len(all) == 0 {
			return false
		}
		last := all[len(all)-1]
		width, _ = strconv.Atoi(last[1])
		n, _ = strconv.Atoi(last[3])
		return n >= frames
	})
	return n, width
}

// Snapshot has Linphone write the picture that it sees into a file, and gives its content.
func (l *Linphone) Snapshot() []byte {
	l.t.Helper()
	file := filepath.Join(l.folder, "seen.jpg")
	var data []byte
	Eventually(l.t, 20*time.Second, "linphone "+l.User+" writes what it sees", func() bool {
		l.Command("snapshot " + file)
		time.Sleep(500 * time.Millisecond) // a real program outside
		data, _ = os.ReadFile(file)
		return len(data) > 0
	})
	time.Sleep(500 * time.Millisecond) // the rest of it
	data, _ = os.ReadFile(file)
	return data
}
