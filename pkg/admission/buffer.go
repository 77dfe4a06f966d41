package admission

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/semaphore"
)

// keptBuffer is the size up to which a buffer is kept for the next review. Few
// pods are larger.
const keptBuffer = 64 << 10

// largeBudget is how many bytes all reviews together may have that are larger than keptBuffer
// and not answered yet, because each takes several times its size of memory. Each counts as
// largeLeast bytes at least, so no more of them are under way than processors can work on.
const (
	largeBudget = 32 << 20
	largeLeast  = 2 << 20
)

// buffers keeps the memory of bodies between reviews. A request refers to the body that it was
// decoded from until its answer is written, and not after.
type buffers struct {
	pool  sync.Pool
	large *semaphore.Weighted
}

func newBuffers() *buffers { return &buffers{large: semaphore.NewWeighted(largeBudget)} }

// take returns an empty buffer. The caller returns it with release.
func (b *buffers) take() (buffer *bytes.Buffer, release func()) {
	buffer, ok := b.pool.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	return buffer, func() {
		if buffer.Cap() <= keptBuffer {
			buffer.Reset()
			b.pool.Put(buffer)
		}
	}
}

// grow waits until there is room for one more large body of a size; a size below zero is not
// known, and stands for the largest. The error is errBusy. The caller gives the room back with
// release, also after an error.
func (b *buffers) grow(ctx context.Context, size int64) (release func(), err error) {
	if size < 0 {
		size = maxBody
	}
	size = max(size, largeLeast)
	if b.large.Acquire(ctx, size) != nil {
		return func() {}, errBusy
	}
	return func() { b.large.Release(size) }, nil
}

var errBusy = errors.New("too many large reviews at once")
