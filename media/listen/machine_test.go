package listen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/pcm"
)

// greeting is what is heard after an answer.
type greeting struct {
	machine bool
	voice   string
	pace    float64
	text    string   // what is said …
	more    []string // … and after pauses of half a second
	before  time.Duration
	again   bool // a person who waits says it once more after two seconds and a half
	beep    beep
	gap     time.Duration // before the beep
	noise   string
	snr     float64
	dBov    float64 // of the speech
	law     pcm.Codec
}

func (g greeting) String() string {
	return fmt.Sprintf("%s %.2f %q %q, beep of %v, %s %v dB, %v dBov", g.voice, g.pace, g.text, g.more, g.beep.long, g.noise, g.snr, g.dBov)
}

// What people and machines say. Those of even places are for setting the ear, those of odd ones for judging it.
var (
	people = []string{
		"Hello?", "Yes?", "Hello, this is Tom.", "Hi.", "Good morning, Baker and Sons, how can I help?", "Sales department, Anna speaking.",
		"Hello, who is it?", "Smith.", "Acme support, this is Linda, good afternoon.", "Reception, good evening.", "Yeah, hello?", "Hello hello?",
		"Doctor Brown's practice, can you hold please?", "Hotel Continental, good morning.", "Speaking.", "What do you want?",
	}
	persons = []string{
		"الو؟", "بله؟", "سلام، بفرمایید", "بفرمایید", "الو، سلام", "سلام، شرکت آسمان، بفرمایید", "دفتر مهندس کریمی، بفرمایید", "جانم؟",
		"روابط عمومی، سلام، روز بخیر", "هتل پارس، بفرمایید", "بله بفرمایید", "الو الو؟", "سلام، شما؟", "پذیرش درمانگاه، بفرمایید",
	}
	machines = [][]string{
		{"Hi, you have reached Tom and Mary.", "We can't come to the phone right now.", "Please leave your name and number after the tone and we will call you back."},
		{"You have reached the voicemail of five five five, one two three four.", "Please leave a message after the beep."},
		{"The person you are calling is not available at the moment, please leave your message after the tone."},
		{"Hello, this is Anna. I'm not able to take your call just now, so please leave me a message and I'll get back to you as soon as I can."},
		{"Thank you for calling Baker and Sons.", "Our office is closed. Our opening hours are from nine to five, Monday to Friday.", "Please call again later."},
		{"Your call has been forwarded to an automatic voice message system.", "At the tone, please record your message."},
		{"Welcome to the mailbox of extension two hundred and five.", "Nobody is available to take your call.", "Record your message at the tone."},
		{"Sorry I missed your call. Leave your name, your number and a short message, and I will ring you tomorrow."},
	}
	automats = [][]string{
		{"با سلام، مشترک گرامی، در حال حاضر امکان پاسخگویی وجود ندارد.", "لطفا پیغام خود را پس از شنیدن صدای بوق بگذارید."},
		{"شما با منزل احمدی تماس گرفته‌اید. ما در حال حاضر در خانه نیستیم.", "لطفا بعد از صدای بوق پیغام بگذارید."},
		{"مشترک مورد نظر در دسترس نیست، لطفا بعدا تماس بگیرید یا پس از شنیدن صدای بوق پیغام بگذارید."},
		{"سلام، من الان نمی‌توانم جواب تلفن را بدهم، لطفا اسم و شماره خود را بگویید تا با شما تماس بگیرم."},
		{"با تشکر از تماس شما با شرکت آسمان.", "ساعات کاری ما از هشت صبح تا چهار بعد از ظهر است.", "لطفا در این ساعات تماس بگیرید."},
		{"به صندوق صوتی داخلی دویست و پنج خوش آمدید.", "لطفا پیغام خود را بعد از صدای بوق ضبط کنید."},
	}
)

// greetings is a set of 80, by chance that is always the same for a seed, with the texts for setting (0) or judging (1).
func greetings(seed uint64, judging int) (list []greeting) {
	r := rand.New(rand.NewPCG(seed, 11))
	english := []string{"kal", "awb", "rms", "slt", "en-us", "en-us+f3", "en-gb+m3", "en-gb-scotland", "en-us+m7", "en-029+f2", "en-gb-x-rp+f5"}
	iranian := []string{"fa", "fa+f2", "fa+m3", "fa+f4", "fa+m7", "fa+f5"}
	for i := range 80 {
		g := greeting{
			machine: i%2 == 1, pace: 0.9 + 0.35*r.Float64(), before: time.Duration(r.IntN(1200)) * time.Millisecond,
			noise: mediatest.Noises[r.IntN(3)], snr: 15 + 20*r.Float64(), dBov: -18 - 20*r.Float64(), law: []pcm.Codec{pcm.PCMA, pcm.PCMU}[r.IntN(2)],
		}
		fa := i%5 >= 3
		voices := english
		if fa {
			voices = iranian
		}
		g.voice = voices[r.IntN(len(voices))]
		pick := func(n int) int { return r.IntN(n/2)*2 + judging }
		switch {
		case g.machine && fa:
			all := automats[pick(len(automats))]
			g.text, g.more = all[0], all[1:]
		case g.machine:
			all := machines[pick(len(machines))]
			g.text, g.more = all[0], all[1:]
		case fa:
			g.text, g.again = persons[pick(len(persons))], r.IntN(3) == 0
		default:
			g.text, g.again = people[pick(len(people))], r.IntN(3) == 0
		}
		if g.machine && r.IntN(4) > 0 {
			hz := 400 + 1400*r.Float64()
			g.beep, g.gap = beep{hz, hz, 0, time.Duration(150+r.IntN(800)) * time.Millisecond, g.dBov}, time.Duration(200+r.IntN(1000))*time.Millisecond
		}
		list = append(list, g)
	}
	return list
}

// sound is what is heard of it at 8 kHz, with six seconds of silence at the end, and when its last word ends.
func (g greeting) sound(t testing.TB, noises map[string][]int16) (sound []int16, end time.Duration) {
	t.Helper()
	silence := func(d time.Duration) { sound = append(sound, make([]int16, d*8000/time.Second)...) }
	silence(g.before)
	sound = append(sound, mediatest.Say(t, g.voice, g.text, g.pace, 8000)...)
	for _, text := range g.more {
		silence(500 * time.Millisecond)
		sound = append(sound, mediatest.Say(t, g.voice, text, g.pace, 8000)...)
	}
	if g.again {
		silence(2500 * time.Millisecond)
		sound = append(sound, mediatest.Say(t, g.voice, g.text, g.pace, 8000)...)
	}
	k := math.Pow(10, g.dBov/20) * 32768 / math.Sqrt(mediatest.ActivePower(sound, 8000))
	for i, v := range sound {
		sound[i] = int16(min(max(float64(v)*k, -32768), 32767))
	}
	end = time.Duration(len(sound)) * time.Second / 8000
	silence(g.gap)
	if g.beep.long > 0 {
		sound = append(sound, g.beep.sound(8000)...)
	}
	silence(6 * time.Second)
	sound = mediatest.Mix(sound, noises[g.noise], 8000, g.snr)
	octets := make([]byte, len(sound))
	g.law.Encode(octets, sound)
	g.law.Decode(sound, octets)
	return sound, end
}

// answered has an ear judge a greeting.
func answered(sound []int16) (j Judgment) {
	m := NewMachine(8000)
	for i := 0; i+160 <= len(sound); i += 160 {
		j, _ = m.Hear(sound[i : i+160])
	}
	return j
}

// A person is told from a machine in nine of ten greetings at least: two sets of 80, of voices, texts, paces, noises and
// levels that are not those of a third, which the ear was set by. How long it takes is told.
func TestMachines(t *testing.T) {
	noises := map[string][]int16{}
	for _, kind := range mediatest.Noises {
		noises[kind] = mediatest.Noise(t, kind, 25*8000, 8000, 1)
	}
	for seed, name := range []string{"setting", "judging", "judging anew"} {
		var right, all [2]int
		var took [2][]time.Duration
		beeps, heard := 0, 0
		for _, g := range greetings(uint64(seed), min(seed, 1)) {
			sound, end := g.sound(t, noises)
			j := answered(sound)
			kind, want := 0, Person
			if g.machine {
				kind, want = 1, Automat
			}
			all[kind]++
			if j.Verdict == want {
				right[kind]++
				took[kind] = append(took[kind], j.At-g.before)
			} else {
				t.Logf("%s: %v, the last word ends at %v: taken for %+v, %v", name, g, end, j, j.Reason)
			}
			if g.beep.long > 0 {
				beeps++
				if j.Beep {
					heard++
				}
			} else if j.Beep {
				t.Logf("%s: %v has no beep", name, g)
			}
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		t.Logf("%s: %d of %d people and %d of %d machines are known, half of them within %v and %v; %d of %d beeps are heard", name, right[0], all[0], right[1], all[1],
			took[0][len(took[0])/2], took[1][len(took[1])/2], heard, beeps)
		for kind := range right {
			if right[kind]*10 < all[kind]*9 {
				t.Errorf("%s: %d of %d are known", name, right[kind], all[kind])
			}
		}
		if heard*10 < beeps*9 {
			t.Errorf("%s: %d of %d beeps", name, heard, beeps)
		}
	}
}

// Where nobody says anything that is the verdict after five seconds.
func TestNobody(t *testing.T) {
	j := answered(mediatest.Mix(make([]int16, 8000*8), mediatest.Noise(t, "fan", 8000*8, 8000, 1), 8000, 0))
	if j.Verdict != Nobody || j.Reason != Silence || j.At != nobodySpeaks {
		t.Errorf("silence is %+v", j)
	}
}

func TestMachineAllocatesNothing(t *testing.T) {
	m, f := NewMachine(8000), make(media.Frame, 160)
	if n := testing.AllocsPerRun(100, func() { m.Hear(f) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
