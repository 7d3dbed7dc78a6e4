package prompt

import (
	_ "embed" // the numbers
	"strconv"
	"strings"
	"sync"
)

// numbered are the numbers of clips by which people name them on a telephone's keys. A number stays with its clip for
// good: new clips are added at the end, with the next number, and that of a clip that goes is not given again.
//
//go:embed numbers.txt
var numbered string

// byNumber finds numbers by clips, and clips by numbers.
var byNumber = sync.OnceValues(func() (numbers map[string]int, clips map[int]string) {
	numbers, clips = map[string]int{}, map[int]string{}
	for line := range strings.Lines(numbered) {
		number, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(number); err == nil {
			numbers[id], clips[n] = n, id
		}
	}
	return numbers, clips
})

// Number gives the number of a clip, 0 for none.
func Number(id string) int {
	numbers, _ := byNumber()
	return numbers[id]
}

// Numbered gives the clip of a number, "" for none.
func Numbered(n int) string {
	_, clips := byNumber()
	if id := clips[n]; entries()[id].id != "" {
		return id
	}
	return ""
}
