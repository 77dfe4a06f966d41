package admission

import (
	"bytes"
	"sync"
)

// keptBuffer is the size up to which a buffer is kept for the next review. Few
// pods are larger.
const keptBuffer = 64 << 10

// buffers keeps the memory of bodies between reviews. A request that was decoded
// from a body refers to it until its answer is written, and nothing does after.
type buffers struct{ pool sync.Pool }

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
