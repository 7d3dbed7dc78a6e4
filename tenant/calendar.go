package tenant

// ShippedNames are the calendars that the exchange has.
var ShippedNames = []string{"ir"}

// Shipped gives a calendar that the exchange has, or nil.
func Shipped(id string) *Calendar {
	if id == "ir" {
		return &Calendar{ID: id}
	}
	return nil
}
