package kernel

// This file is memory for partial results, which is used again by whoever needs some next.

import "sync"

var scratch32, scratch64 sync.Pool

// withScratch calls f with n zeros, which are lent for that time.
func withScratch[T Float](n int, f func(zeros []T)) {
	pool := &scratch64
	if short[T]() {
		pool = &scratch32
	}
	memory, _ := pool.Get().(*[]T)
	if memory == nil || cap(*memory) < n {
		memory = new([]T)
		*memory = make([]T, n)
	}
	*memory = (*memory)[:n]
	clear(*memory)
	f(*memory)
	pool.Put(memory)
}
