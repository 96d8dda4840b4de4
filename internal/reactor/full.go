package reactor

import (
	"sync"
	"time"
)

// fullRegions remembers where the last look found no free slot. In a storm of
// shares that saves a look for each: whoever hears of a copy's end fills its
// slot. The zero fullRegions is ready.
type fullRegions struct {
	mu    sync.Mutex
	since map[string]time.Time
}

const fullFor = 30 * time.Second

func (f *fullRegions) set(region string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since == nil {
		f.since = map[string]time.Time{}
	}
	f.since[region] = now
}

func (f *fullRegions) clear(region string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.since, region)
}

func (f *fullRegions) lately(region string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	since, known := f.since[region]
	return known && now.Sub(since) < fullFor
}
