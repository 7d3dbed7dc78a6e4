package journal

import (
	"fmt"
	"time"
)

type alarmNews struct {
	alarm Alarm
	err   error
}

// watch is the second goroutine: it calls commits that have waited for Patience, whatever the writer is
// stuck in, commits of records that could not be taken, and OnAlarm.
func (j *Journal) watch() {
	defer close(j.watchGone)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		nap := j.overdue()
		j.tellNews()
		timer.Reset(nap)
		select {
		case <-j.poke:
		case <-timer.C:
		case <-j.gone:
			j.overdue()
			j.tellNews()
			return
		}
	}
}

// overdue calls what has waited long enough and gives the time to the next deadline.
func (j *Journal) overdue() time.Duration {
	now := time.Now()
	nap := time.Hour
	j.mu.Lock()
	late := j.orphans
	j.orphans = nil
	j.watching = false
	sick := false
	line := j.line
	if j.open != nil {
		line = append(line[:len(line):len(line)], j.open)
	}
search:
	for _, b := range line {
		for b.claimed < len(b.dones) {
			c := b.dones[b.claimed]
			if rest := j.o.Patience - now.Sub(c.at); rest > 0 {
				nap = rest
				j.watching = true
				break search
			}
			late = append(late, c.done)
			b.claimed++
			j.status.Late++
			sick = true
		}
	}
	j.mu.Unlock()
	if sick {
		j.setAlarm(Slow, fmt.Errorf("a write takes longer than %v", j.o.Patience))
	}
	for _, done := range late {
		done()
	}
	return nap
}

// setAlarm changes the disk's state; the change is told by the watch, so that changes come in order.
// What is known better (full, failing) is not replaced by slow.
func (j *Journal) setAlarm(alarm Alarm, err error) {
	j.mu.Lock()
	was := j.status.Alarm
	if was == alarm || alarm == Slow && was > Slow {
		if err != nil && was == alarm {
			j.status.Error = err
		}
		j.mu.Unlock()
		return
	}
	j.status.Alarm, j.status.Error, j.status.Since = alarm, err, time.Now()
	j.news = append(j.news, alarmNews{alarm, err})
	j.mu.Unlock()
	poke(j.poke)
}

func (j *Journal) tellNews() {
	j.mu.Lock()
	news := j.news
	j.news = nil
	j.mu.Unlock()
	for _, n := range news {
		j.o.OnAlarm(n.alarm, n.err)
	}
}
