package tenant

import (
	"cmp"
	"container/heap"
	"slices"

	"santral/base/e164"
)

// span is numbers of the public network that follow one another, and whose they are. Of those that lie over one another
// the heaviest counts, and of equal ones the first.
type span struct {
	first, last e164.Number
	of          int32
	weight      int32
}

// spans are disjoint and in order.
type spans []span

// find tells whose a number is.
func (l spans) find(n e164.Number) (of int32, ok bool) {
	low, high := 0, len(l)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if l[middle].first <= n {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 || l[low-1].last < n {
		return 0, false
	}
	return l[low-1].of, true
}

// flatten gives spans that don't lie over one another. It keeps the list.
func flatten(list []span) spans {
	if !slices.IsSortedFunc(list, byFirst) {
		slices.SortStableFunc(list, byFirst)
	}
	over := false
	for i := 1; i < len(list); i++ {
		over = over || list[i].first <= list[i-1].last
	}
	if !over {
		return join(list)
	}
	bounds := make([]e164.Number, 0, 2*len(list))
	for i := range list {
		bounds = append(bounds, list[i].first, list[i].last+1)
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	var flat []span
	active := &heaviest{list: list}
	next := 0
	for i, at := range bounds {
		for ; next < len(list) && list[next].first <= at; next++ {
			heap.Push(active, int32(next))
		}
		for len(active.open) > 0 && list[active.open[0]].last < at {
			heap.Pop(active)
		}
		if len(active.open) > 0 {
			s := list[active.open[0]]
			flat = append(flat, span{first: at, last: bounds[i+1] - 1, of: s.of})
		}
	}
	return join(flat)
}

func byFirst(a, b span) int { return cmp.Compare(a.first, b.first) }

// join puts together what follows one another and belongs to the same.
func join(list []span) spans {
	n := 0
	for i := range list {
		if n > 0 && list[n-1].of == list[i].of && list[n-1].last+1 == list[i].first {
			list[n-1].last = list[i].last
			continue
		}
		list[n] = list[i]
		n++
	}
	return slices.Clip(list[:n])
}

// heaviest is a heap of the spans that hold a number.
type heaviest struct {
	list []span
	open []int32
}

func (h *heaviest) Len() int      { return len(h.open) }
func (h *heaviest) Swap(i, j int) { h.open[i], h.open[j] = h.open[j], h.open[i] }
func (h *heaviest) Push(x any)    { h.open = append(h.open, x.(int32)) }
func (h *heaviest) Pop() any {
	last := h.open[len(h.open)-1]
	h.open = h.open[:len(h.open)-1]
	return last
}

func (h *heaviest) Less(i, j int) bool {
	a, b := h.list[h.open[i]], h.list[h.open[j]]
	if a.weight != b.weight {
		return a.weight > b.weight
	}
	return a.of < b.of
}
