package level

import (
	"math"

	"santral/media/pcm"
)

// Prompts are how loud prompts are, in LUFS.
const Prompts = -16.

// peak is what no sample goes over, nor what lies between them: −1 dB of full scale.
const peak = 29204.

// Normalize gives samples at rate, in Hz, brought to target LUFS (Integrated of a Meter). Peaks that would go over −1 dB of full scale are
// held down, those between samples too, so that speech can be brought to Prompts whatever its peaks are. Silence, and what is no more
// than noise (below −60 LUFS), is given as it is.
func Normalize(samples []int16, rate int, target float64) []int16 {
	out := append([]int16(nil), samples...)
	loud := measure(samples, rate)
	if loud < -60 {
		return out
	}
	peaks := peaksOf(samples, rate)
	gain := target - loud
	for range 8 { // what is held down is softer than it was to be
		limited(out, samples, peaks, rate, math.Pow(10, gain/20))
		off := target - measure(out, rate)
		if math.Abs(off) < 0.1 {
			break
		}
		gain += off
	}
	return out
}

func measure(samples []int16, rate int) float64 {
	m := NewMeter(rate)
	m.Write(samples)
	return m.Integrated()
}

// peaksOf gives of each sample the largest that is at it or up to the next, by sampling four times as often.
func peaksOf(samples []int16, rate int) []float32 {
	peaks := make([]float32, len(samples))
	times := 4
	for times > 1 && rate*times > pcm.MaxRate {
		times /= 2
	}
	fine := pcm.Resample(samples, rate, rate*times)
	for i := range peaks {
		for _, v := range fine[min(i*times, len(fine)):min((i+1)*times, len(fine))] {
			peaks[i] = max(peaks[i], float32(max(int(v), -int(v))))
		}
		peaks[i] = max(peaks[i], float32(max(int(samples[i]), -int(samples[i]))))
	}
	return peaks
}

// limited writes samples with a gain to dst. Where that is too much the gain goes down within 5 ms before the peak, and
// comes back in a tenth of a second.
func limited(dst, samples []int16, peaks []float32, rate int, gain float64) {
	span := max(rate/200, 1)
	n := len(samples)
	need := make([]float64, n+2*span) // the least of the factors that are to come within the span
	for i := range need {
		need[i] = 1
	}
	for i, p := range peaks {
		if over := float64(p) * gain / peak; over > 1 {
			for k := i; k <= i+span; k++ { // need[k] is for sample k−span
				need[k] = min(need[k], 1/over)
			}
		}
	}
	back := 1 - math.Exp(-1/(0.05*float64(rate)))
	held := 1.
	for i := range need {
		held = min(need[i], held+back*(1-held))
		need[i] = held
	}
	sum := 0.
	for _, v := range need[:span] {
		sum += v
	}
	for i, v := range samples {
		sum += need[i+span] - need[i]
		dst[i] = int16(math.Round(min(max(float64(v)*gain*sum/float64(span), -32768), 32767)))
	}
}
