package membership

import (
	"context"
	"errors"
	"iter"
	"time"
)

// ProvisionedGroup is one group of a connection's view. Its members are those
// that the connection put there, in the order of their ids, as they were when the
// group had this version. They can be ranged over once, before the next group
// is taken.
type ProvisionedGroup struct {
	GroupLink
	Members iter.Seq2[NamedMember, error]
}

// MemberDetail is what is read of the members of a group.
type MemberDetail int

// The details: nothing, their ids, and their names as well, which costs a look at
// each user.
const (
	NoMembers MemberDetail = iota
	MemberIDs
	MemberNames
)

// ProvisionedGroup returns one group of the calling connection's view without its
// members.
func (d *Directory) ProvisionedGroup(ctx context.Context, call Call, id ID) (GroupLink, error) {
	if err := d.allow(ctx, call, OpReadGroups, id, ID{}); err != nil {
		return GroupLink{}, err
	}
	return d.store.LookUpGroupLink(ctx, call.Tenant, call.Connection, id)
}

// VisitProvisionedGroup shows one group of the calling connection's view to visit.
// Of its members is read what wanted says, which may be asked more than once.
// visit may run while they are read, in another goroutine, but the store never
// waits for it: what visit has not taken yet is held, and counted.
func (d *Directory) VisitProvisionedGroup(
	ctx context.Context, call Call, id ID, wanted func(GroupLink) MemberDetail, visit func(ProvisionedGroup) error,
) error {
	if err := d.allow(ctx, call, OpReadGroups, id, ID{}); err != nil {
		return err
	}
	s := d.newGroupStream(ctx, call)
	s.visit = func() error {
		for g, err := range s.groups {
			if err != nil {
				return err
			}
			return visit(g)
		}
		return NotFound("group")
	}
	return s.run(func(r Reader) error {
		l, err := r.GroupLink(ctx, call.Connection, id)
		if err != nil {
			return err
		}
		return s.putGroup(r, l, wanted(l))
	}, func() {}, func() bool { return true })
}

// VisitProvisionedGroups is to groups what VisitProvisionedUsers is to users; it
// reads so much of their members. See VisitProvisionedGroup.
func (d *Directory) VisitProvisionedGroups(
	ctx context.Context, call Call, q LinkQuery, members MemberDetail,
	visit func(*ProvisionedPage[ProvisionedGroup]) error,
) error {
	if err := d.allow(ctx, call, OpReadGroups, ID{}, ID{}); err != nil {
		return err
	}
	s := d.newGroupStream(ctx, call)
	page := &ProvisionedPage[ProvisionedGroup]{Items: s.groups}
	s.visit = func() error { return visit(page) }
	p := linkPager[GroupLink]{view: groupLinks, connection: call.Connection, query: q}
	before := p.at
	return s.run(func(r Reader) error {
		before = p.at
		links, err := p.next(ctx, r)
		if err != nil {
			return err
		}
		tell := func() {
			total, more := p.total(), p.at.more
			s.tell(func() { page.Total, page.More = total, more })
		}
		tell()
		for i, l := range links {
			if err := s.putGroup(r, l, members); err != nil {
				return err
			}
			if s.size > partBytes {
				p.giveBack(links, i+1)
				break
			}
		}
		tell()
		return nil
	}, func() { p.at = before }, p.ended)
}

// groupStream carries groups from snapshots to their writer, part by part.
// What is small is read first and written then. Of what is larger the writing
// begins in a goroutine of its own while it is read: the first bytes leave early,
// and still no snapshot waits for a reader.
type groupStream struct {
	ctx   context.Context //nolint:containedctx // of the request
	call  Call
	store Store
	held  *HeldAnswer
	visit func() error

	// Of the part that is read.
	blocks  []groupBlock // gathered, and not passed on
	passing bool         // blocks are passed on as they come
	counted bool         // blocks are counted
	size    int64

	queue   blockQueue
	running bool          // the visit, in its goroutine
	ended   chan struct{} // closed when the visit has
	result  error         // of the visit
	panic   any           // of the visit
}

func (d *Directory) newGroupStream(ctx context.Context, call Call) *groupStream {
	return &groupStream{ctx: ctx, call: call, store: d.store, held: d.HoldAnswer(call.Tenant)}
}

// earlyAnswer is from how many bytes on groups are written while they are read:
// few enough that the first of them leave early.
const earlyAnswer = 16 << 10

var (
	// errNoRoom ends a snapshot whose part has no room in the budget.
	errNoRoom = errors.New("no room for the answer")
	// errBrokenOff ends the visit when reading has panicked.
	errBrokenOff = errors.New("the answer was broken off")
	// errReaderGone ends a snapshot when the visit has ended.
	errReaderGone = errors.New("the answer is not written any more")
)

// run reads part after part until done. again undoes what read has done of a part
// that has to be read once more.
func (s *groupStream) run(read func(Reader) error, again func(), done func() bool) error {
	defer s.held.End()
	err := errBrokenOff
	defer func() { // also when reading panics, the visit ends before this does
		if s.running {
			s.queue.close(err)
			<-s.ended
		}
	}()
	err = s.parts(read, again, done)
	if !s.running {
		if err == nil {
			err = s.visit()
		}
		return err
	}
	s.queue.close(err)
	<-s.ended
	if s.panic != nil {
		panic(s.panic)
	}
	if s.result == nil && !errors.Is(err, errReaderGone) {
		return err
	}
	return s.result
}

// parts reads them. One that is small and has no other behind it stays in the
// queue.
func (s *groupStream) parts(read func(Reader) error, again func(), done func() bool) error {
	for {
		if err := s.part(read, again); err != nil {
			return err
		}
		last := done()
		if last && !s.running && s.size <= earlyAnswer {
			s.queue.close(nil)
			return s.queue.add(s.blocks...)
		}
		if err := s.pass(); err != nil || last {
			return err
		}
		s.queue.drained()
	}
}

// part reads one part, with room for it.
func (s *groupStream) part(read func(Reader) error, again func()) error {
	until := time.Now().Add(answerTimeout)
	for {
		s.passing, s.counted, s.size = false, false, 0
		err := s.store.Read(s.ctx, s.call.Tenant, read)
		if !errors.Is(err, errNoRoom) {
			return err
		}
		if s.passing { // what was passed on cannot be read again
			return answersHeld()
		}
		need := s.size
		if s.counted {
			s.held.shrink(s.size - s.blocks[len(s.blocks)-1].size())
			need = min(2*need, max(need, s.held.budget.limits.Tenant)) // whatever it is, it is more
		}
		for _, b := range s.blocks {
			b.free()
		}
		s.blocks = s.blocks[:0]
		again()
		if err := s.held.budget.wait(s.ctx, s.call.Tenant, need, until); err != nil {
			return err
		}
	}
}

// putGroup takes a group, and so much of its members.
func (s *groupStream) putGroup(r MemberReader, l GroupLink, members MemberDetail) error {
	if err := s.put(groupBlock{group: &l}); err != nil {
		return err
	}
	switch members {
	case MemberIDs:
		return s.putIDs(r.MemberIDs(s.ctx, l.Connection, l.Group))
	case MemberNames:
		return s.putNamed(r.NamedMembers(s.ctx, l.Connection, l.Group))
	}
	return nil
}

func (s *groupStream) putIDs(members iter.Seq2[ID, error]) error {
	ids, n := newIDBlock(), 0
	for id, err := range members {
		if err != nil {
			return err
		}
		if n == len(ids) {
			if err := s.put(blockOf(ids, n)); err != nil {
				return err
			}
			ids, n = newIDBlock(), 0
		}
		ids[n] = id
		n++
	}
	return s.put(blockOf(ids, n))
}

func (s *groupStream) putNamed(members iter.Seq2[NamedMember, error]) error {
	const blockBytes = 32 << 10
	var b groupBlock
	for m, err := range members {
		if err != nil {
			return err
		}
		b.addNamed(m)
		if b.namedBytes >= blockBytes {
			if err := s.put(b); err != nil {
				return err
			}
			b = groupBlock{}
		}
	}
	return s.put(b)
}

// put takes a block. It never waits.
func (s *groupStream) put(b groupBlock) error {
	size := b.size()
	s.size += size
	if s.passing {
		if size > 0 && !s.held.grow(size) {
			return errNoRoom
		}
		b.counted = true
		return s.queue.add(b)
	}
	s.blocks = append(s.blocks, b)
	switch {
	case size == 0, s.size <= earlyAnswer:
		return nil
	case s.counted && !s.held.grow(size), !s.counted && !s.held.grow(s.size):
		return errNoRoom
	}
	s.counted = true
	if s.held.halfUsed() { // to begin now could mean to break off
		return nil
	}
	return s.pass()
}

// tell runs fn before what is put next is used.
func (s *groupStream) tell(fn func()) {
	if s.running {
		_ = s.put(groupBlock{then: fn}) // it takes no room
	} else {
		fn()
	}
}

// pass passes on what was gathered, and begins the visit.
func (s *groupStream) pass() error {
	for i := range s.blocks {
		s.blocks[i].counted = s.counted
	}
	blocks := s.blocks
	s.blocks, s.passing = nil, true
	if !s.running {
		s.running, s.ended = true, make(chan struct{})
		s.queue.share()
		go func() {
			defer close(s.ended)
			defer s.queue.leave()
			defer func() { s.panic = recover() }()
			s.result = s.visit()
		}()
	}
	return s.queue.add(blocks...)
}

// groups are those of the queue, for the visit.
func (s *groupStream) groups(yield func(ProvisionedGroup, error) bool) {
	for {
		b, ok, err := s.queue.peek()
		switch {
		case err != nil:
			yield(ProvisionedGroup{}, err)
			return
		case !ok:
			return
		}
		s.queue.take()
		s.use(b) // without a group: members that were not ranged over
		if b.group != nil && !yield(ProvisionedGroup{GroupLink: *b.group, Members: s.members}, nil) {
			return
		}
	}
}

// members are those of the group that was taken last.
func (s *groupStream) members(yield func(NamedMember, error) bool) {
	for {
		b, ok, err := s.queue.peek()
		switch {
		case err != nil:
			yield(NamedMember{}, err)
			return
		case !ok, b.group != nil:
			return
		}
		s.queue.take()
		for _, id := range b.ids {
			if !yield(NamedMember{User: id}, nil) {
				return
			}
		}
		for _, m := range b.named {
			if !yield(m, nil) {
				return
			}
		}
		s.use(b)
	}
}

// use lets go of a block.
func (s *groupStream) use(b groupBlock) {
	if b.then != nil {
		b.then()
	}
	if b.counted {
		s.held.shrink(b.size())
	}
	b.free()
}
