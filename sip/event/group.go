package event

import (
	"sync"
	"sync/atomic"

	"santral/sip/endpoint"
)

// batch is how many members of a group are told before other work of the shard has its turn: a lamp that
// ten thousand look at must not hold up calls.
const batch = 32

// Group is those who want to know of the changes of one thing, on whichever shards they are. The zero value
// is ready for use; it must not be copied.
type Group struct {
	mu    sync.Mutex // a leaf
	parts map[*endpoint.Shard]*part
}

// part is the members of one shard, which owns all of it but posted.
type part struct {
	shard   *endpoint.Shard
	group   *Group
	posted  atomic.Bool
	members []*Member
	cursor  int // members before it are still to be told
	walking bool
}

// Member is one place in a group. It belongs to its shard.
type Member struct {
	part *part
	at   int
	tell func()
}

// Join adds a member, whose tell is called on the shard after every change; several changes may be told as
// one. It must be called on the shard.
func (g *Group) Join(shard *endpoint.Shard, tell func()) *Member {
	g.mu.Lock()
	if g.parts == nil {
		g.parts = map[*endpoint.Shard]*part{}
	}
	p := g.parts[shard]
	if p == nil {
		p = &part{shard: shard, group: g}
		g.parts[shard] = p
	}
	g.mu.Unlock()
	m := &Member{part: p, at: len(p.members), tell: tell}
	p.members = append(p.members, m)
	return m
}

// Leave takes a member out; twice does no harm. It must be called on the shard.
func (m *Member) Leave() {
	p := m.part
	if p == nil {
		return
	}
	m.part = nil
	last := len(p.members) - 1
	p.members[m.at] = p.members[last]
	p.members[m.at].at = m.at
	p.members[last] = nil
	p.members = p.members[:last]
	p.cursor = min(p.cursor, last)
	if last == 0 {
		p.members = nil
		p.group.mu.Lock()
		if p.group.parts[p.shard] == p {
			delete(p.group.parts, p.shard)
		}
		p.group.mu.Unlock()
	}
}

// Empty reports whether nobody is in the group.
func (g *Group) Empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.parts) == 0
}

// Changed has every member told. It never waits and may be called from any goroutine.
func (g *Group) Changed() {
	var few [4]*part
	todo := few[:0]
	g.mu.Lock()
	for _, p := range g.parts {
		if !p.posted.Swap(true) {
			todo = append(todo, p)
		}
	}
	g.mu.Unlock()
	for _, p := range todo {
		p.shard.Do(p.begin)
	}
}

// begin starts at the end of the list, so that members who leave meanwhile displace only who was told.
func (p *part) begin() {
	p.posted.Store(false)
	p.cursor = len(p.members)
	if !p.walking {
		p.walking = true
		p.walk()
	}
}

// walk tells a batch and lets the shard do other work before the next.
func (p *part) walk() {
	for n := 0; p.cursor > 0; n++ {
		if n == batch {
			p.shard.Do(p.walk)
			return
		}
		p.cursor--
		p.members[p.cursor].tell()
	}
	p.walking = false
}
