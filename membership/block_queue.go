package membership

import (
	"slices"
	"sync"
)

// groupBlock is a part of a stream of groups: a group, or members of the
// group before it, or what is to be done before the next.
type groupBlock struct {
	group   *GroupLink
	ids     []ID
	pooled  *idBlock // has the ids
	named   []NamedMember
	then    func()
	counted bool

	namedBytes int64
}

func (b *groupBlock) addNamed(m NamedMember) {
	const member = 32
	b.named = append(b.named, m)
	b.namedBytes += member + int64(len(m.Name))
}

// idBlock has room for some ids.
type idBlock [512]ID

var idBlocks = sync.Pool{New: func() any { return new(idBlock) }}

func newIDBlock() *idBlock {
	b, _ := idBlocks.Get().(*idBlock)
	return b
}

// blockOf makes a block of the first n ids. Few are copied, and the room for many
// used again.
func blockOf(all *idBlock, n int) groupBlock {
	const few = 128
	if n > few {
		return groupBlock{ids: all[:n], pooled: all}
	}
	b := groupBlock{ids: slices.Clone(all[:n])}
	idBlocks.Put(all)
	return b
}

// size is the memory that the block takes, in bytes.
func (b *groupBlock) size() (n int64) {
	if b.group != nil {
		n += groupLinks.size(b.group)
	}
	return n + int64(cap(b.ids)*len(ID{})) + b.namedBytes
}

// free lets others have the memory of the ids.
func (b *groupBlock) free() {
	if b.pooled != nil {
		idBlocks.Put(b.pooled)
	}
	b.ids, b.pooled, b.named = nil, nil, nil
}

// blockQueue passes blocks from one goroutine to another. It takes as many as come:
// their memory is counted by the producer.
type blockQueue struct {
	mu      sync.Mutex
	changed *sync.Cond // nil: one goroutine fills it, and then reads it
	blocks  []groupBlock
	idle    bool // the reader waits
	left    bool // the reader has gone
	closed  bool
	err     error
}

// share prepares the queue for two goroutines.
func (q *blockQueue) share() { q.changed = sync.NewCond(&q.mu) }

func (q *blockQueue) tell() {
	if q.changed != nil {
		q.changed.Broadcast()
	}
}

// add puts blocks in; errReaderGone when the reader has gone.
func (q *blockQueue) add(blocks ...groupBlock) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.left {
		return errReaderGone
	}
	q.blocks = append(q.blocks, blocks...)
	q.tell()
	return nil
}

// close says that nothing else comes, or why.
func (q *blockQueue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.err = true, err
	q.tell()
}

// drained waits until the reader wants more than there is, or has gone.
func (q *blockQueue) drained() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.left && (!q.idle || len(q.blocks) > 0) {
		q.changed.Wait()
	}
}

// peek waits for the next block and leaves it there; false: there is none.
func (q *blockQueue) peek() (b groupBlock, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.blocks) == 0 && !q.closed {
		q.idle = true
		q.tell()
		q.changed.Wait()
	}
	q.idle = false
	if len(q.blocks) == 0 {
		return b, false, q.err
	}
	return q.blocks[0], true, nil
}

// take takes what peek has shown.
func (q *blockQueue) take() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocks[0] = groupBlock{}
	q.blocks = q.blocks[1:]
}

// leave is the reader's last word.
func (q *blockQueue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left = true
	q.tell()
}
