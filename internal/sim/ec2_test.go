package sim

import (
	"net/url"
	"strings"
	"testing"
)

// Whatever a caller sends, the world answers.
func TestGarbage(t *testing.T) {
	values := []string{"", "x", "-1", "99999999999999999999", "true", "self", "snap-0123456789abcdef0", "vol-01234567", "ami-01234567", "\x00\xff", "*?\\", strings.Repeat("y", 300)}
	names := []string{
		"SnapshotId", "SnapshotId.1", "VolumeId", "VolumeId.1", "ImageId", "Name", "SourceSnapshotId", "SourceRegion", "Encrypted", "KmsKeyId", "Owner.1", "RestorableBy.1",
		"Filter.1.Name", "Filter.1.Value.1", "MaxResults", "NextToken", "ResourceId.1", "Tag.1.Key", "Tag.1.Value", "Attribute", "OperationType", "UserId.1", "UserGroup.1",
		"CreateVolumePermission.Add.1.UserId", "CreateVolumePermission.Remove.1.Group", "LockMode", "LockDuration", "ExpirationDate", "CoolOffPeriod", "StorageTier", "DryRun",
		"AvailabilityZone", "Size", "BlockDeviceMapping.1.Ebs.SnapshotId", "TagSpecification.1.ResourceType", "TagSpecification.1.Tag.1.Key", "RegionName.1", "ZoneName.1", "PresignedUrl", "CompletionDurationMinutes",
	}
	bubble(t, "every action answers every parameter", Options{}, func(l *lab) {
		for _, action := range sortedKeys(ec2Actions) {
			l.code(vault, west, action)
			for _, value := range values {
				everything := url.Values{}
				for _, name := range names {
					l.code(vault, west, action, name, value)
					everything.Set(name, value)
				}
				if err := l.w.Do(t.Context(), vault, west, "ec2", action, everything, nil); err != nil && !strings.Contains(err.Error(), action) {
					t.Errorf("%s: %v", action, err)
				}
			}
		}
	})
}
