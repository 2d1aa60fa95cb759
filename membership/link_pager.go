package membership

import "context"

const (
	// partBytes is how much of the attributes of a page is loaded at a time, and
	// partCount how many resources.
	partBytes = 256 << 10
	partCount = 100
)

// linksOf is how a pager reads resources of one kind.
type linksOf[L any] struct {
	list     func(ctx context.Context, r Reader, connection ID, q LinkQuery) (LinkPage[L], error)
	byID     func(ctx context.Context, r Reader, connection ID, ids []ID) ([]L, error)
	id       func(*L) ID
	size     func(*L) int64
	resource func(Resources, L) map[string]any
}

var userLinks = linksOf[UserLink]{
	list: func(ctx context.Context, r Reader, connection ID, q LinkQuery) (LinkPage[UserLink], error) {
		return r.UserLinks(ctx, connection, q)
	},
	byID: func(ctx context.Context, r Reader, connection ID, ids []ID) ([]UserLink, error) {
		return r.UserLinksByID(ctx, connection, ids)
	},
	id:       func(l *UserLink) ID { return l.User },
	size:     func(l *UserLink) int64 { return linkSize + int64(len(l.Attributes)) },
	resource: Resources.User,
}

var groupLinks = linksOf[GroupLink]{
	list: func(ctx context.Context, r Reader, connection ID, q LinkQuery) (LinkPage[GroupLink], error) {
		return r.GroupLinks(ctx, connection, q)
	},
	byID: func(ctx context.Context, r Reader, connection ID, ids []ID) ([]GroupLink, error) {
		return r.GroupLinksByID(ctx, connection, ids)
	},
	id:       func(l *GroupLink) ID { return l.Group },
	size:     func(l *GroupLink) int64 { return linkSize + int64(len(l.Attributes)) },
	resource: Resources.Group,
}

// linkSize is what a link takes beside its attributes.
const linkSize = 512

// linkPager loads one page of a view in parts.
type linkPager[L any] struct {
	view       linksOf[L]
	connection ID
	query      LinkQuery
	at         pagerState[L]
}

// pagerState is how far a pager has come: a part that has to be read again begins
// with the state before it.
type pagerState[L any] struct {
	asked bool      // the page was selected once
	keys  []LinkKey // to be loaded
	full  bool      // the last selection was as long as it could be
	given int       // resources
	last  *L        // that was given
	total int
	more  bool
}

// next loads the next part on a snapshot. It may be empty although the page has
// not ended.
func (p *linkPager[L]) next(ctx context.Context, r Reader) ([]L, error) {
	if len(p.at.keys) == 0 {
		links, err := p.choose(ctx, r)
		if err != nil || len(p.at.keys) == 0 {
			p.give(links)
			return links, err
		}
	}
	n, size := 0, int64(0)
	ids := make([]ID, 0, min(len(p.at.keys), partCount))
	for ; n < len(p.at.keys) && n < partCount; n++ {
		if size += linkSize + p.at.keys[n].Size; size > partBytes && n > 0 {
			break
		}
		ids = append(ids, p.at.keys[n].ID)
	}
	links, err := p.view.byID(ctx, r, p.connection, ids)
	p.at.keys = p.at.keys[n:]
	p.give(links)
	return links, err
}

func (p *linkPager[L]) give(links []L) {
	if n := len(links); n > 0 {
		last := links[n-1]
		p.at.given, p.at.last = p.at.given+n, &last
	}
}

// giveBack leaves links, the last of a part, to the next part.
func (p *linkPager[L]) giveBack(part []L, from int) {
	if from == len(part) {
		return
	}
	keys := make([]LinkKey, 0, len(part)-from+len(p.at.keys))
	for i := from; i < len(part); i++ {
		keys = append(keys, LinkKey{ID: p.view.id(&part[i]), Size: p.view.size(&part[i]) - linkSize})
	}
	p.at.keys = append(keys, p.at.keys...)
	p.at.given -= len(part) - from
	p.at.last = nil
	if from > 0 {
		last := part[from-1]
		p.at.last = &last
	}
}

// choose selects the page, or what of it follows the last that was given.
func (p *linkPager[L]) choose(ctx context.Context, r Reader) ([]L, error) {
	q := p.query
	q.Limit -= p.at.given
	if p.at.last != nil {
		var last map[string]any
		if q.Sort.Attribute.Name != "" {
			last = p.view.resource(q.Resources, *p.at.last)
		}
		m := q.Sort.Cursor(last, p.view.id(p.at.last))
		q.Offset, q.After = 0, &m
	}
	most := q.Limit
	if q.More {
		q.Limit++
	}
	page, err := p.view.list(ctx, r, p.connection, q)
	if err != nil {
		return nil, err
	}
	if !p.at.asked {
		p.at.total = page.Total
	}
	p.at.asked, p.at.more = true, false
	p.at.full = max(len(page.Links), len(page.Keys)) >= most
	if len(page.Links) > most {
		page.Links, p.at.more = oneLess(page.Links, q.Before != nil), true
	}
	if len(page.Keys) > most {
		page.Keys, p.at.more = oneLess(page.Keys, q.Before != nil), true
	}
	p.at.keys = page.Keys
	return page.Links, nil
}

func oneLess[T any](all []T, first bool) []T {
	if first {
		return all[1:]
	}
	return all[:len(all)-1]
}

// ended reports whether there is no further part. A page that leads backwards is
// not filled up: what would come is not what follows.
func (p *linkPager[L]) ended() bool {
	return p.at.asked && len(p.at.keys) == 0 && (p.at.given >= p.query.Limit || !p.at.full || p.query.Before != nil)
}

// total is of all that the query selects, as far as is known. An index that was
// given is never beyond it, and where the list has ended, it has.
func (p *linkPager[L]) total() int {
	reached := p.query.Offset + p.at.given
	switch {
	case p.query.After != nil || p.query.Before != nil || p.at.given == 0:
		return p.at.total
	case p.ended() && p.at.given < p.query.Limit:
		return reached
	}
	return max(p.at.total, reached)
}
