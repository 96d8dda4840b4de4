package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"

	"snapferry/internal/snapshot"
)

// TestPartitions holds the table of Regions against a list that others keep. When
// it fails after that list's module was brought up to date, take its Regions over.
func TestPartitions(t *testing.T) {
	want := make(map[string]string)
	for _, partition := range endpoints.DefaultPartitions() {
		for region := range partition.Regions() {
			// The list also has pseudo-Regions such as aws-global.
			if snapshot.LooksLikeRegion(region) {
				want[region] = partition.ID()
			}
		}
	}
	if diff := cmp.Diff(want, partitions); diff != "" {
		t.Errorf("the Regions are not those of the kept list (-list +table):\n%s", diff)
	}
}
