package blueprint

import (
	"slices"
	"strings"

	"snapferry/internal/policy"
)

// alwaysEnabled are the Regions of the partition aws that every account has. All
// others, and every one that is yet to come, an account must opt into: so it has
// been for each Region since March 2019.
// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
var alwaysEnabled = []string{
	"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
	"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

// optional says whether an account must opt into a Region. The other partitions
// have no such Regions.
func optional(region string) bool {
	partition, _ := policy.Partition(region)
	return partition == "aws" && !slices.Contains(alwaysEnabled, region)
}

// optedInto are the Regions that the deployment needs and that the account must
// opt into.
func (d deployment) optedInto() []string {
	all := set([]string{d.HomeRegion}, d.looked, d.OwnKeys, d.ExpireRegions)
	return slices.DeleteFunc(all, func(region string) bool { return !optional(region) })
}

func (d deployment) warnOfOptional(warning func(path, value, format string, args ...any)) {
	if regions := d.optedInto(); len(regions) > 0 {
		warning("$", "", "and the policies name %s, which account %s must opt into before you deploy: in each of them EC2 and CloudFormation refuse every call until then: "+
			"aws account enable-region --region-name %s, and wait until aws account list-regions says ENABLED", strings.Join(regions, ", "), d.Account, regions[0])
	}
}
