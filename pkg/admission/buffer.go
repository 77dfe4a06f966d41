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

// largeBudget is how many bytes reviews may have together that are larger than that,
// whoever sends them: each costs several times its size until it is answered. None counts
// for less than largeLeast, so there are never more than the processors have use for.
const (
	largeBudget = 32 << 20
	largeLeast  = 2 << 20
)

// buffers keeps the memory of bodies between reviews. A request that was decoded
// from a body refers to it until its answer is written, and nothing does after.
type buffers struct {
	pool  sync.Pool
	large *semaphore.Weighted
}

func newBuffers() *buffers { return &buffers{large: semaphore.NewWeighted(largeBudget)} }

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

// grow waits until there is room for one more large body, of that size or, where it is
// not known, below zero, of any. The caller returns it with release, also after an error.
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
