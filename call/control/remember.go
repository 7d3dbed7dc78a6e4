package control

import "encoding/json"

// A story is told on in another instance of the exchange that takes its call over (decision 040): it is begun
// there from its beginning with what it saved, and the verb that was under way finds how far it was.

// HandoverStory is a story on paper.
type HandoverStory struct {
	Saved  json.RawMessage `json:"saved,omitempty"`  // by the story
	Joined bool            `json:"joined,omitempty"` // the caller talks with the other
	Keys   string          `json:"keys,omitempty"`   // pressed, and not asked for yet
	Verbs  []HandoverVerb  `json:"verbs,omitempty"`  // under way
}

// HandoverVerb is how far a verb of a story is.
type HandoverVerb struct {
	Name  string          `json:"name"`
	State json.RawMessage `json:"state,omitempty"` // the verb's own
}

// verb is what a story was told to do last. It stands until the next is begun or the story saves its state: a
// story whose call is taken over between the end of one verb and the beginning of the next would ask again for
// what it has been given.
type verb struct {
	name  string
	state func() any // how far it is, called under the story's lock; nil for a verb without progress
}

// begin notes the verb that is under way from now on.
func (s *story) begin(name string, state func() any) {
	s.mu.Lock()
	s.doing = verb{name, state}
	s.mu.Unlock()
}

// resumes reads how far a verb of that name was when the call was taken over. It is so once, for the first of its
// kind.
func (s *story) resumes(name string, state any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, v := range s.before {
		if v.Name == name {
			s.before = append(s.before[:i:i], s.before[i+1:]...)
			return v.State != nil && json.Unmarshal(v.State, state) == nil
		}
	}
	return false
}

// Save keeps the state of the story over a take-over. What can't be written as JSON is not kept, and what was
// kept before is.
func (s *story) Save(state any) {
	text, err := json.Marshal(state)
	if err != nil {
		s.c.house.log.Error("state of a story is not kept", "call", s.c.id, "tenant", s.c.from.Tenant, "service", s.c.dest.Service, "error", err)
		return
	}
	s.mu.Lock()
	s.saved, s.doing = text, verb{}
	s.mu.Unlock()
}

// Saved reads what was kept last.
func (s *story) Saved(state any) bool {
	s.mu.Lock()
	text := s.saved
	s.mu.Unlock()
	return text != nil && json.Unmarshal(text, state) == nil
}

// write puts the story on paper.
func (s *story) write() *HandoverStory {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &HandoverStory{Saved: s.saved, Keys: waiting(s.keys)}
	for _, v := range s.before {
		if v.Name != s.doing.name {
			h.Verbs = append(h.Verbs, v)
		}
	}
	if s.doing.state != nil {
		if text, err := json.Marshal(s.doing.state()); err == nil {
			h.Verbs = append(h.Verbs, HandoverVerb{s.doing.name, text})
		}
	}
	return h
}

// read takes the story from paper, before it is told.
func (s *story) read(h *HandoverStory) {
	s.saved, s.before = h.Saved, h.Verbs
	for i := range len(h.Keys) {
		s.keys = append(s.keys, keyPress{key: h.Keys[i]})
	}
	s.again = true
	close(s.acked)
}
