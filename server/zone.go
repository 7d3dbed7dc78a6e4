package server

import (
	"time"
	_ "time/tzdata" // zones are known where the machine has no list of them
)

// zone is the time zone of a tenant; where it says none, that in which the exchange stands.
func (s *server) zone(tenant string) *time.Location {
	if t := s.current.Load().Tenant(tenant); t != nil && t.Zone != "" {
		if zone, err := time.LoadLocation(t.Zone); err == nil {
			return zone
		}
	}
	return time.Local
}
