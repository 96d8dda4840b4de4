package sim

import (
	"cmp"
	"iter"
	"slices"
)

// roll is an index whose members are listed in the order of their sequence
// numbers. Adding in that order and removing cost nothing to speak of; a page
// costs its own length, however many members there are.
type roll[T sequenced] struct {
	items []T
	// state says of everything in items whether it is still a member. What
	// was removed stays in items until half of them are such.
	state    map[T]bool
	gone     int
	unsorted bool
}

type sequenced interface {
	comparable
	sequence() int
}

func (r *roll[T]) add(item T) {
	if r.state == nil {
		r.state = map[T]bool{}
	}
	member, present := r.state[item]
	switch {
	case member:
		return
	case present:
		r.gone--
	default:
		if n := len(r.items); n > 0 && r.items[n-1].sequence() > item.sequence() {
			r.unsorted = true
		}
		r.items = append(r.items, item)
	}
	r.state[item] = true
}

func (r *roll[T]) remove(item T) {
	if !r.state[item] {
		return
	}
	r.state[item] = false
	r.gone++
	if r.gone <= len(r.items)/2 {
		return
	}
	r.items = slices.DeleteFunc(r.items, func(item T) bool {
		if r.state[item] {
			return false
		}
		delete(r.state, item)
		return true
	})
	r.gone = 0
}

func (r *roll[T]) len() int {
	if r == nil {
		return 0
	}
	return len(r.items) - r.gone
}

// from is the position in items of the first with a sequence number beyond
// after.
func (r *roll[T]) from(after int) int {
	if r.unsorted {
		slices.SortFunc(r.items, func(a, b T) int { return cmp.Compare(a.sequence(), b.sequence()) })
		r.unsorted = false
	}
	at, found := slices.BinarySearchFunc(r.items, after, func(item T, after int) int { return cmp.Compare(item.sequence(), after) })
	if found {
		at++
	}
	return at
}

// merged lists the members of several rolls, each once, beyond after.
func merged[T sequenced](after int, rolls []*roll[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		rest := make([][]T, 0, len(rolls))
		states := make([]map[T]bool, 0, len(rolls))
		for _, r := range rolls {
			if r.len() > 0 {
				rest = append(rest, r.items[r.from(after):])
				states = append(states, r.state)
			}
		}
		for {
			next := -1
			for i := range rest {
				for len(rest[i]) > 0 && (!states[i][rest[i][0]] || rest[i][0].sequence() <= after) {
					rest[i] = rest[i][1:]
				}
				if len(rest[i]) > 0 && (next < 0 || rest[i][0].sequence() < rest[next][0].sequence()) {
					next = i
				}
			}
			if next < 0 {
				return
			}
			item := rest[next][0]
			after = item.sequence()
			if !yield(item) {
				return
			}
		}
	}
}

// rollOf is the roll under key, made when it is first needed.
func rollOf[K comparable, T sequenced](rolls map[K]*roll[T], key K) *roll[T] {
	r := rolls[key]
	if r == nil {
		r = &roll[T]{}
		rolls[key] = r
	}
	return r
}

// drop removes item from the roll under key, and the roll with its last item.
func drop[K comparable, T sequenced](rolls map[K]*roll[T], key K, item T) {
	r := rolls[key]
	if r == nil {
		return
	}
	r.remove(item)
	if r.len() == 0 {
		delete(rolls, key)
	}
}
