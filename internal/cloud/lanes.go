package cloud

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// DefaultLanes is how many queues a target Region has where the queues' URL has
// a place for the lane and nothing else is said: as many as a deployment makes
// unless its settings say otherwise, since lanes that are not there can't be
// read. mostLanes is how many a Region may have: each is looked into whenever a
// slot is free.
const (
	DefaultLanes = 8
	mostLanes    = 64
)

// numberOfLanes reads ORDERS_LANES, for queues whose URL is template.
func numberOfLanes(value, template string) (int, error) {
	n, err := strconv.Atoi(value)
	placed := strings.Contains(template, "{lane}")
	switch {
	case value == "" && placed:
		return DefaultLanes, nil
	case value == "":
		return 1, nil
	case err != nil || n < 1 || n > mostLanes:
		return 0, fmt.Errorf("ORDERS_LANES is %q: write how many queues each target Region has, 1 to %d", value, mostLanes)
	case n > 1 && !placed:
		return 0, fmt.Errorf("ORDERS_LANES is %q, and ORDERS_QUEUE_URL has no place for the lane: write {lane} into it, in whose place a number from 0 to %d is put, or leave ORDERS_LANES out", value, n-1)
	}
	return n, nil
}

// giveOut gives every account a lane: with no more accounts than lanes one of
// its own, else one that it shares with as few others as can be. It is the same
// for everybody who knows the same accounts.
func giveOut(accounts []string, lanes int) map[string]int {
	given := map[string]int{}
	for rank, account := range slices.Compact(slices.Sorted(slices.Values(accounts))) {
		given[account] = rank % lanes
	}
	return given
}

// anyLane is a lane for an account that none was given to. It is read like any
// other, whoever has it.
func anyLane(account string, lanes int) int {
	h := fnv.New32a()
	h.Write([]byte(account))
	return int(h.Sum32() % uint32(lanes))
}
