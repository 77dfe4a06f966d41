package admission

import (
	"bytes"
	"context"
	"errors"
	"sync"
)

// keptBuffer is the size up to which a buffer is kept for the next review. Few
// pods are larger.
const keptBuffer = 64 << 10

// maxLarge is how many reviews may be larger than that at once, whoever sends them:
// each costs several times its size until it is answered.
const maxLarge = 16

// buffers keeps the memory of bodies between reviews. A request that was decoded
// from a body refers to it until its answer is written, and nothing does after.
type buffers struct {
	pool  sync.Pool
	large chan struct{}
}

func newBuffers() *buffers { return &buffers{large: make(chan struct{}, maxLarge)} }

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

// grow waits until there is room for one more large body. The caller returns it with
// release, also after an error.
func (b *buffers) grow(ctx context.Context) (release func(), err error) {
	select {
	case b.large <- struct{}{}:
		return func() { <-b.large }, nil
	case <-ctx.Done():
		return func() {}, errBusy
	}
}

var errBusy = errors.New("too many large reviews at once")
