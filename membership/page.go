package membership

// pageBytes is about how much memory a page of a native list takes at most, in
// bytes. A page may end before its limit: the next one goes on from there.
const pageBytes = 1 << 20

// fillPage reads a page in parts until it has limit items, or pageBytes. read
// returns at most n items behind last, which is nil for the first part. more: there
// may be another page.
func fillPage[T any](
	limit int, size func(*T) int, read func(last *T, n int) ([]T, error),
) (page []T, more bool, err error) {
	const fewest, most = 16, 64
	bytes := 0
	for n := fewest; ; n = min(2*n, most) {
		var last *T
		if len(page) > 0 {
			last = &page[len(page)-1]
		}
		asked := min(n, limit+1-len(page)) // one more tells whether there is another page
		part, err := read(last, asked)
		if err != nil {
			return nil, false, err
		}
		for i := range part {
			bytes += size(&part[i])
		}
		page = append(page, part...)
		switch {
		case len(page) > limit:
			return page[:limit], true, nil
		case len(part) < asked:
			return page, false, nil
		case bytes >= pageBytes:
			return page, true, nil
		}
	}
}
