package main

import (
	"testing"

	"snapferry/internal/cloud"
	"snapferry/internal/local"
)

// The deployment on this machine makes the queues that the functions send to;
// neither package may import the other.
func TestLanesAgree(t *testing.T) {
	if got, want := local.Lanes, cloud.DefaultLanes; got != want {
		t.Errorf("internal/local makes %d lanes per target Region, and internal/cloud uses %d", got, want)
	}
}
