package loop

import (
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTakeReturnsAllThatWaits(t *testing.T) {
	var q Queue[int]
	for i := range 3 {
		if !q.Put(i) {
			t.Fatal("put refused")
		}
	}
	if q.Len() != 3 || q.High() != 3 {
		t.Fatalf("len %d, high %d", q.Len(), q.High())
	}
	got := q.Take(nil)
	if len(got) != 3 || got[0] != 0 || got[2] != 2 || q.Len() != 0 || q.High() != 3 {
		t.Fatalf("took %v; len %d, high %d", got, q.Len(), q.High())
	}
}

func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue[string]
		var got []string
		done := false
		go func() {
			got = q.Take(nil)
			done = true
		}()
		synctest.Wait()
		if done {
			t.Fatal("Take did not wait")
		}
		q.Put("a")
		synctest.Wait()
		if !done || len(got) != 1 {
			t.Fatalf("took %v", got)
		}
	})
}

func TestCloseEndsTheConsumerAfterTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q Queue[int]
		q.Put(7)
		q.Close()
		q.Close()
		if q.Put(8) {
			t.Fatal("put after close")
		}
		buf := q.Take(nil)
		if len(buf) != 1 || buf[0] != 7 {
			t.Fatalf("took %v", buf)
		}
		if buf = q.Take(buf); buf != nil {
			t.Fatalf("took %v after the end", buf)
		}
		ended := make(chan bool)
		var w Queue[int]
		go func() { ended <- w.Take(nil) == nil }()
		synctest.Wait()
		w.Close()
		if !<-ended {
			t.Fatal("a waiting consumer got something")
		}
	})
}

func TestBuffersAreClearedAndBurstsLetGo(t *testing.T) {
	var q Queue[*int]
	q.Put(new(int))
	first := q.Take(nil)
	q.Put(new(int))
	second := q.Take(first)
	if first[:1][0] != nil {
		t.Fatal("the old buffer still holds its item")
	}
	for range 3 * keep {
		q.Put(nil)
	}
	big := q.Take(second)
	if q.Put(nil); cap(q.Take(big)) > keep {
		t.Fatal("unexpected buffer")
	}
	if recycle(big) != nil {
		t.Fatal("a burst's buffer is kept")
	}
}

func TestOrderOfEachProducer(t *testing.T) {
	var q Queue[[2]int]
	const producers, each = 8, 2000
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				q.Put([2]int{p, i})
			}
		})
	}
	go func() { wg.Wait(); q.Close() }()
	var next [producers]int
	var buf [][2]int
	n := 0
	for {
		if buf = q.Take(buf); buf == nil {
			break
		}
		for _, v := range buf {
			if next[v[0]] != v[1] {
				t.Fatalf("producer %d: item %d came when %d was due", v[0], v[1], next[v[0]])
			}
			next[v[0]]++
			n++
		}
	}
	if n != producers*each {
		t.Fatalf("%d items", n)
	}
}

func BenchmarkPutTakeOne(b *testing.B) {
	var q Queue[int]
	var buf []int
	b.ReportAllocs()
	for b.Loop() {
		q.Put(1)
		buf = q.Take(buf)
	}
}

func BenchmarkHandOff(b *testing.B) {
	var q Queue[int]
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf []int
		for {
			if buf = q.Take(buf); buf == nil {
				return
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		q.Put(1)
	}
	q.Close()
	<-done
}
