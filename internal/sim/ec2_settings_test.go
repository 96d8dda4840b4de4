package sim

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestSettings(t *testing.T) {
	bubble(t, "encryption by default is off, and per account and Region", Options{}, func(l *lab) {
		on := func(account, region string) string {
			return l.ec2(account, region, "GetEbsEncryptionByDefault").get("ebsEncryptionByDefault")
		}
		l.want("dry run", l.code(vault, west, "EnableEbsEncryptionByDefault", "DryRun", "true"), "DryRunOperation")
		l.want("at first", on(vault, west), "false")
		l.ec2(vault, west, "EnableEbsEncryptionByDefault")
		l.want("on", on(vault, west), "true")
		l.want("elsewhere", on(vault, east), "false")
		l.want("for others", on(owner, west), "false")
		l.ec2(vault, west, "DisableEbsEncryptionByDefault")
		l.want("off", on(vault, west), "false")
	})
	bubble(t, "the default key is alias/aws/ebs until another is set", Options{}, func(l *lab) {
		key := l.newKey(vault, west, "")
		l.want("at first", l.ec2(vault, west, "GetEbsDefaultKmsKeyId").get("kmsKeyId"), "alias/aws/ebs")
		l.want("set", l.ec2(vault, west, "ModifyEbsDefaultKmsKeyId", "KmsKeyId", key).get("kmsKeyId"), key)
		l.want("afterwards", l.ec2(vault, west, "GetEbsDefaultKmsKeyId").get("kmsKeyId"), key)
		l.want("elsewhere", l.code(vault, east, "ModifyEbsDefaultKmsKeyId", "KmsKeyId", key), "InvalidParameterValue")
		l.want("reset", l.ec2(vault, west, "ResetEbsDefaultKmsKeyId").get("kmsKeyId"), "alias/aws/ebs")
	})
	bubble(t, "the Regions are Amazon's and whatever was used", Options{}, func(l *lab) {
		names := l.ec2(vault, "moon-north-1", "DescribeRegions").list("regionInfo/item/regionName")
		for _, name := range []string{"us-east-1", "eu-west-1", "moon-north-1"} {
			if !slices.Contains(names, name) {
				t.Errorf("%s is missing", name)
			}
		}
		l.want("unknown", l.code(vault, east, "DescribeRegions", "RegionName.1", "sun-south-1"), "InvalidParameterValue")
		l.wantList("zones", l.ec2(vault, east, "DescribeAvailabilityZones").list("availabilityZoneInfo/item/zoneName"), []string{"us-east-1a", "us-east-1b", "us-east-1c"})
	})
}

func TestThrottling(t *testing.T) {
	tests := []struct {
		name         string
		action       string
		pairs        []string
		size, refill int
	}{
		{"DescribeSnapshots without filter or page", "DescribeSnapshots", nil, 50, 10},
		{"DescribeSnapshots with a page", "DescribeSnapshots", []string{"MaxResults", "5"}, 100, 20},
		{"DescribeSnapshots with a filter", "DescribeSnapshots", []string{"Filter.1.Name", "status", "Filter.1.Value.1", "x"}, 100, 20},
		{"CopySnapshot", "CopySnapshot", []string{"DryRun", "true"}, 50, 5},
		{"DeleteSnapshot", "DeleteSnapshot", nil, 100, 5},
		{"CreateSnapshot", "CreateSnapshot", nil, 100, 5},
		{"CreateTags", "CreateTags", nil, 100, 10},
		{"ModifySnapshotAttribute", "ModifySnapshotAttribute", nil, 100, 5},
	}
	for _, test := range tests {
		t.Run(test.name+" has a bucket of its own", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &lab{t: t, w: New(Options{})}
				passed := func(region string) (n int) {
					for range 300 {
						if l.code(vault, region, test.action, test.pairs...) != "RequestLimitExceeded" {
							n++
						}
					}
					return n
				}
				l.want("at once", passed(west), test.size)
				l.want("in another Region", passed(east), test.size)
				l.want("another action", l.code(vault, west, "GetEbsDefaultKmsKeyId"), "")
				time.Sleep(2 * time.Second)
				l.want("after two seconds", passed(west), 2*test.refill)
				got := l.refused(vault, west, test.action, test.pairs...)
				l.want("status", got.Status, 503)
				time.Sleep(time.Hour)
				l.want("after an hour", passed(west), test.size)
			})
		})
	}
}
