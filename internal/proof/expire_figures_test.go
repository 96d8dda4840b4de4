package proof

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"snapferry/internal/reactor"
	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// What a Region holds when expire is measured.
const (
	expireCopies  = 100_000
	expireExpired = 1000 // their day has come
	expireHeld    = 500  // so has theirs, and people hold them
	expireTwins   = 20   // are younger copies of an order
)

// figuresOfExpire runs the real function as figuresOfReconcile does, over
// 100,000 copies in each of three Regions.
func figuresOfExpire(t *testing.T, f figures) {
	d, err := Deploy(t.Context(), Settings{Simulation: sim.Options{NoThrottling: true}, Policies: stormPolicies(t)})
	if err != nil {
		t.Fatal(err)
	}
	for region, target := range stormTargets {
		for n := range expireCopies {
			if err := d.World.AddSnapshot(copyToExpire(region, target, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	server := httptest.NewServer(d.World)
	defer server.Close()
	before := describes(d.World)
	expire := realFunction{build(t, "snapferry/functions/expire", stormDocument(t)), functionEnvironment(server.URL)}
	took, peak, answer := expire.once(t, "{}", 14*time.Minute)
	t.Logf("expire over %d x %d took %s: %.300s", len(stormTargets), expireCopies, took, answer)
	var summary reactor.Summary
	if _, body, found := strings.Cut(answer, " "); found {
		if err := json.Unmarshal([]byte(body), &summary); err != nil {
			t.Error(err)
		}
	}
	const deleted = expireExpired + expireTwins
	if got, want := summary.Counts["deleted"], len(stormTargets)*deleted; got != want {
		t.Errorf("expire deleted %d copies, want %d: %v", got, want, summary.Counts)
	}
	if got, want := summary.Counts["kept"], len(stormTargets)*(expireCopies-deleted); got != want {
		t.Errorf("expire kept %d copies, want %d: %v", got, want, summary.Counts)
	}
	// A page for every thousand copies and a call for every one that goes; for
	// every hundred of those a fresh look, their locks and their images.
	least := len(stormTargets) * (expireCopies/1000 + deleted + 3*((deleted+99)/100))
	f["expire.calls_ratio"] = float64(describes(d.World)-before) / float64(least)
	f["expire.peak_mb"], f["expire.seconds"] = peak, took.Seconds()
}

// copyToExpire is the copy number n in a Region. The first ones are of orders
// that the last ones are of too.
func copyToExpire(region int, target string, n int) sim.Seed {
	source, began := n, time.Now().Add(-48*time.Hour).UTC().Truncate(time.Second)
	if elder := n - (expireCopies - expireTwins); elder >= 0 {
		source, began = elder, began.Add(time.Hour)
	}
	mark := snapshot.Mark{
		Policy:        "storm",
		Source:        snapshot.Ref{Region: Home, ID: fmt.Sprintf("snap-0%016x", source+1)},
		SourceAccount: account(source % 40),
		SourceVolume:  fmt.Sprintf("vol-0%016x", source+1),
		SourceTime:    began,
		Expires:       began.AddDate(0, 2, 0),
	}
	const first = 1000 // that expire or are held: no twin's
	past, held := n >= first && n < first+expireExpired+expireHeld, n >= first && n < first+expireHeld
	if past {
		mark.Expires = began.Add(24 * time.Hour)
	}
	tags := mark.Tags()
	tags[snapshot.TagSettled] = "told"
	tags["Name"], tags["team"] = fmt.Sprintf("nightly-%d", n), "storage"
	if held {
		tags[snapshot.TagHold] = "case 17"
	}
	return sim.Seed{Region: target, ID: fmt.Sprintf("snap-0%x%015x", region+1, n+1), Owner: Account, Started: began, Tags: tags,
		Description: fmt.Sprintf("[Copied %s from %s] nightly", mark.Source.ID, mark.Source.Region)}
}
