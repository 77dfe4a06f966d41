package provision

import (
	"context"
	"sync"
)

// atOnce is how many resources are worked on at a time.
const atOnce = pooled

// inOrder runs one for each number below n, several at a time, and tells done the
// results in the order of the numbers, by the caller's goroutine. It returns when all
// are done; what is not begun when ctx ends is left out.
func inOrder[T any](ctx context.Context, n int, one func(int) T, done func(T)) {
	results := make([]chan T, n)
	for i := range results {
		results[i] = make(chan T, 1)
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(atOnce, n) {
		workers.Go(func() {
			for i := range next {
				results[i] <- one(i)
			}
		})
	}
	go func() {
		defer close(next)
		for i := range n {
			select {
			case next <- i:
			case <-ctx.Done():
				for ; i < n; i++ {
					close(results[i])
				}
				return
			}
		}
	}()
	for _, result := range results {
		if value, begun := <-result; begun {
			done(value)
		}
	}
	workers.Wait()
}
