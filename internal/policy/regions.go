package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/aws-sdk-go-base/v2/endpoints"

	"snapferry/internal/snapshot"
)

// partitions is every Region of every partition, and the partition's id.
var partitions = knownRegions()

// regionNames is the Regions in order, so that suggestions never vary.
var regionNames = slices.Sorted(maps.Keys(partitions))

// RegionFault says what is wrong with a Region's name, and the fix; "" is nothing.
func RegionFault(name string) string {
	if partitions[name] != "" {
		return ""
	}
	const fault = "is not a Region that this version of snapferry knows: "
	if near := nearest(name, regionNames); near != "" {
		return fault + fmt.Sprintf("did you mean %q?", near)
	}
	return fault + `write one such as "eu-west-2"`
}

// Partition is the partition that a Region is in, such as aws, and what the names
// of AWS's hosts there end with; both "" if the Region is not known.
func Partition(region string) (id, domain string) {
	for _, partition := range endpoints.DefaultPartitions() {
		if partition.ID() == partitions[region] {
			return partition.ID(), partition.DNSSuffix()
		}
	}
	return "", ""
}

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
