package rest

// rounds is how many pages of the store are gone through for one page of what somebody may see of it.
const rounds = 50

// sifted gives a page of those rows that keep wants, of a list that is paged by cursor. It may be shorter than limit and
// not the last, where few are wanted.
func sifted[T any](cursor string, limit int, read func(cursor string, limit int) ([]T, string, error), keep func(*T) bool) (page []T, next string, err error) {
	page = []T{}
	for range rounds {
		rows, after, err := read(cursor, limit-len(page))
		if err != nil {
			return nil, "", err
		}
		for i := range rows {
			if keep(&rows[i]) {
				page = append(page, rows[i])
			}
		}
		if cursor = after; cursor == "" || len(page) == limit {
			break
		}
	}
	return page, cursor, nil
}
