package store

import (
	"slices"
	"strings"
	"time"
)

// anonymous is what stands for a number that is withheld.
const anonymous = "anonymous"

// Derive works out what follows from a record's legs. It is done when the record is made, and once for records that
// are older than what it works out.
func (c *CDR) Derive() {
	c.Attempts, c.Held, c.Trunk, c.Sent, c.CallerAgent, c.CalleeAgent = 0, 0, "", "", "", ""
	var mos mean
	var answered, trunk bool
	for i := range c.Legs {
		l := &c.Legs[i]
		c.Held += l.Held
		for k := range l.Streams {
			mos.stream(&l.Streams[k])
		}
		if i == 0 && l.Leg == "a" {
			c.CallerAgent = l.UserAgent
			continue
		}
		if l.Direction != "out" {
			continue
		}
		c.Attempts++
		if took := !l.Answered.IsZero(); took || !answered {
			if l.UserAgent != "" {
				c.CalleeAgent = l.UserAgent
			}
			if trunk = l.Trunk != ""; trunk || took {
				c.Trunk, c.Sent = l.Trunk, l.Sent
			}
			answered = answered || took
		}
	}
	c.MOS, c.MOSWorst = mos.values()
	switch in, out := c.FromTrunk != "", c.Trunk != ""; {
	case in && out:
		c.Direction = Transit
	case in:
		c.Direction = Inbound
	case out || c.ToTenant != "":
		c.Direction = Outbound
	default:
		c.Direction = Internal
	}
}

// Quality is the mean MOS of a leg's streams, both ways; 0 for unknown.
func (l *CDRLeg) Quality() float64 {
	var m mean
	for k := range l.Streams {
		m.stream(&l.Streams[k])
	}
	mos, _ := m.values()
	return mos
}

// mean gathers what is known of how streams sounded.
type mean struct {
	sum, worst float64
	n          int
}

func (m *mean) add(mos, worst float64) {
	if mos <= 0 {
		return
	}
	m.sum += mos
	m.n++
	if worst <= 0 {
		worst = mos
	}
	if m.worst == 0 || worst < m.worst {
		m.worst = worst
	}
}

func (m *mean) stream(s *Stream) {
	if s.Packets > 0 {
		m.add(s.MOS, s.Course.Worst)
	}
	if h := s.Heard; h != nil {
		m.add(h.MOS, h.Course.Worst)
	}
}

// values are whole thousandths, as every MOS in a record.
func (m *mean) values() (all, worst float64) {
	if m.n == 0 {
		return 0, 0
	}
	return thousandths(m.sum / float64(m.n)), thousandths(m.worst)
}

func thousandths(v float64) float64 { return float64(int64(v*1000+.5)) / 1000 }

// DirectionFor gives the direction as a tenant sees it.
func (c *CDR) DirectionFor(tenant string) CDRDirection {
	if tenant != "" && c.Tenant != tenant && c.ToTenant == tenant {
		return Inbound
	}
	return c.Direction
}

// For gives the record as a tenant sees it: without what is inside of another's house. "" sees all. Both sides of a call
// between two tenants are one record; what the one knows of the other is what the telephone network would have told it.
func (c *CDR) For(tenant string) CDR {
	if tenant == "" || c.Tenant == tenant && c.ToTenant == "" {
		return *c
	}
	v := *c
	v.Direction = c.DirectionFor(tenant)
	v.Legs, v.Recordings = nil, nil
	v.Attempts, v.Held = 0, 0
	var mos mean
	for i := range c.Legs {
		l := &c.Legs[i]
		if l.Tenant != tenant {
			continue
		}
		v.Legs = append(v.Legs, *l)
		v.Held += l.Held
		if l.Direction == "out" {
			v.Attempts++
		}
		for k := range l.Streams {
			mos.stream(&l.Streams[k])
		}
	}
	if v.Legs == nil {
		v.Legs = []CDRLeg{}
	}
	v.MOS, v.MOSWorst = mos.values()
	for _, r := range c.Recordings {
		if r.Tenant == tenant {
			v.Recordings = append(v.Recordings, r)
		}
	}
	if c.Tenant == tenant {
		v.To, v.ToSite, v.ToDepartment, v.CalleeAgent = c.Number, "", "", ""
		if c.AnsweredBy != "" {
			v.AnsweredBy = c.Number
		}
		if c.Direction != Outbound || c.Trunk == "" { // the rule that decided is the callee's
			v.Because = ""
		}
		return v
	}
	v.FromAccount, v.FromTrunk, v.Source, v.Said, v.Site, v.Department, v.CallerAgent = "", "", "", "", "", "", ""
	if c.Shown != "" {
		v.FromNumber = c.Shown
	}
	if v.FromNumber == anonymous {
		v.FromName = ""
	}
	if c.Number != "" {
		v.Dialled = c.Number
	}
	v.FromCall, v.MadeBy = "", ""
	return v
}

// JoinCDRs makes one row of the calls of a story: the first call's, with the legs and the recordings of all, which each name their
// call. What was talked is the time in which at least one of the calls was; nothing is counted twice. Calls are in any order.
func JoinCDRs(calls []CDR) CDR {
	calls = slices.Clone(calls)
	slices.SortFunc(calls, func(a, b CDR) int {
		if n := a.Began.Compare(b.Began); n != 0 {
			return n
		}
		return strings.Compare(a.Call, b.Call)
	})
	first := 0
	for i := range calls {
		if calls[i].Story == "" || calls[i].Story == calls[i].Call {
			first = i
			break
		}
	}
	calls[0], calls[first] = calls[first], calls[0]
	row := calls[0]
	row.Story = row.Call
	row.Legs, row.Recordings, row.Attempts, row.Held = nil, nil, 0, 0
	var mos mean
	type span struct{ from, until time.Time }
	var talked []span
	for i := range calls {
		c := &calls[i]
		row.Parts = append(row.Parts, c.Call)
		for _, l := range c.Legs {
			l.Call = c.Call
			row.Legs = append(row.Legs, l)
		}
		row.Recordings = append(row.Recordings, c.Recordings...)
		row.Attempts += c.Attempts
		row.Held += c.Held
		if c.MOS > 0 {
			mos.add(c.MOS, c.MOSWorst)
		}
		if !c.Answered.IsZero() {
			talked = append(talked, span{c.Answered, c.Ended})
			if row.Answered.IsZero() || c.Answered.Before(row.Answered) {
				row.Answered = c.Answered
			}
		}
		if c.Ended.After(row.Ended) {
			row.Ended, row.EndedBy, row.SIP, row.Q850, row.Cause = c.Ended, c.EndedBy, c.SIP, c.Q850, c.Cause
		}
	}
	row.MOS, row.MOSWorst = mos.values()
	slices.SortFunc(talked, func(a, b span) int { return a.from.Compare(b.from) })
	row.TalkTime = 0
	var until time.Time
	for _, s := range talked {
		if s.from.Before(until) {
			s.from = until
		}
		if s.until.After(s.from) {
			row.TalkTime += Millis(s.until.Sub(s.from).Milliseconds())
			until = s.until
		}
	}
	return row
}
