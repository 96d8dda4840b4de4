package policy

import (
	"maps"
	"slices"

	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"

	"snapferry/internal/snapshot"
)

// partitions is every Region of every partition, and the partition's id.
var partitions = knownRegions()

// regionNames is the Regions in order, so that suggestions never vary.
var regionNames = slices.Sorted(maps.Keys(partitions))

func knownRegions() map[string]string {
	known := make(map[string]string)
	for _, partition := range endpoints.DefaultPartitions() {
		for region := range partition.Regions() {
			// The list also has pseudo-Regions such as aws-global.
			if snapshot.LooksLikeRegion(region) {
				known[region] = partition.ID()
			}
		}
	}
	return known
}
