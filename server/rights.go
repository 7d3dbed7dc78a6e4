package server

import "santral/api/rest"

// mostDepartments bounds how deep departments are parts of each other, should a document ever make a ring of them.
const mostDepartments = 32

// place tells where an account stands in its tenant: what rights that are bounded to a part are judged by.
func (s *server) place(tenantID, number string) (at rest.Place, ok bool) {
	now := s.current.Load()
	t, a := now.Tenant(tenantID), now.Account(tenantID, number)
	if t == nil || a == nil {
		return at, false
	}
	if at.Site = a.Site; at.Site == "" && len(t.Sites) > 0 {
		at.Site = t.Sites[0].ID
	}
	for id := a.Department; id != "" && len(at.Departments) < mostDepartments; {
		at.Departments = append(at.Departments, id)
		parent := ""
		for i := range t.Departments {
			if t.Departments[i].ID == id {
				parent = t.Departments[i].Parent
			}
		}
		id = parent
	}
	return at, true
}
