package cloud

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"snapferry/internal/plan"
	"snapferry/internal/reactor"
	"snapferry/internal/snapshot"
)

const (
	pageSize = 1000 // of a listing
	perLook  = 200  // values in one filter, Amazon's limit
)

// EC2 is the snapshots of all Regions as one account sees them. It serves the
// reactor's ports Copies, Expiring and Catching.
type EC2 struct {
	config aws.Config

	mu      sync.Mutex
	clients map[string]*ec2.Client
}

// EC2 makes the door to EC2; clients for Regions are made when they are needed.
func (c *Cloud) EC2() *EC2 {
	return &EC2{config: c.config, clients: map[string]*ec2.Client{}}
}

func (e *EC2) in(region string) *ec2.Client {
	e.mu.Lock()
	defer e.mu.Unlock()
	client, ok := e.clients[region]
	if !ok {
		client = ec2.NewFromConfig(e.config, func(o *ec2.Options) { o.Region = region })
		e.clients[region] = client
	}
	return client
}

// Find implements reactor.Copies. It asks by filter, because asking by id fails
// for all when one of them is not visible.
func (e *EC2) Find(ctx context.Context, region string, ids []string) ([]snapshot.Snapshot, error) {
	return e.look(ctx, region, nil, "snapshot-id", ids)
}

// Kin implements reactor.Copies.
func (e *EC2) Kin(ctx context.Context, region string, patterns []string) ([]snapshot.Snapshot, error) {
	return e.look(ctx, region, []string{"self"}, "tag:"+snapshot.TagLineage, patterns)
}

func (e *EC2) look(ctx context.Context, region string, owners []string, filter string, values []string) ([]snapshot.Snapshot, error) {
	var all []snapshot.Snapshot
	for some := range slices.Chunk(values, perLook) {
		for s, err := range e.list(ctx, region, &ec2.DescribeSnapshotsInput{
			OwnerIds: owners,
			Filters:  []types.Filter{{Name: &filter, Values: some}},
		}) {
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// Pending implements reactor.Copies.
func (e *EC2) Pending(ctx context.Context, region string) (int, error) {
	n := 0
	for _, err := range e.list(ctx, region, &ec2.DescribeSnapshotsInput{
		OwnerIds: []string{"self"},
		Filters:  []types.Filter{marked(), {Name: aws.String("status"), Values: []string{string(snapshot.Pending)}}},
	}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Marked implements reactor.Expiring and reactor.Catching.
func (e *EC2) Marked(ctx context.Context, region string) iter.Seq2[snapshot.Snapshot, error] {
	return e.list(ctx, region, &ec2.DescribeSnapshotsInput{
		OwnerIds: []string{"self"},
		Filters:  []types.Filter{marked()},
	})
}

// Shared implements reactor.Catching.
func (e *EC2) Shared(ctx context.Context, region string, owners []string, page string) ([]snapshot.Snapshot, string, error) {
	input := &ec2.DescribeSnapshotsInput{
		OwnerIds:            owners,
		RestorableByUserIds: []string{"self"},
		Filters:             []types.Filter{{Name: aws.String("status"), Values: []string{string(snapshot.Completed)}}},
		MaxResults:          aws.Int32(pageSize),
	}
	if page != "" {
		input.NextToken = &page
	}
	output, err := e.in(region).DescribeSnapshots(ctx, input)
	if err != nil {
		return nil, "", classify(err)
	}
	shared := make([]snapshot.Snapshot, len(output.Snapshots))
	for i, s := range output.Snapshots {
		shared[i] = read(region, s)
	}
	return shared, aws.ToString(output.NextToken), nil
}

func marked() types.Filter {
	return types.Filter{Name: aws.String("tag-key"), Values: []string{snapshot.TagOrder}}
}

// list pages through a listing.
func (e *EC2) list(ctx context.Context, region string, input *ec2.DescribeSnapshotsInput) iter.Seq2[snapshot.Snapshot, error] {
	return func(yield func(snapshot.Snapshot, error) bool) {
		input := *input
		input.MaxResults = aws.Int32(pageSize)
		pages := ec2.NewDescribeSnapshotsPaginator(e.in(region), &input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(snapshot.Snapshot{}, classify(err))
				return
			}
			for _, s := range page.Snapshots {
				if !yield(read(region, s), nil) {
					return
				}
			}
		}
	}
}

// Copy implements reactor.Copies. CopySnapshot has no client token, so the SDK
// may repeat it only where Amazon says that it did nothing.
func (e *EC2) Copy(ctx context.Context, r plan.Request) (string, error) {
	key := r.KeyARN
	if r.DefaultKey {
		var err error
		if key, err = e.defaultKey(ctx, r.Target); err != nil {
			return "", err
		}
	}
	// A fresh input per call: the SDK writes the presigned URL for this target
	// Region into it.
	input := &ec2.CopySnapshotInput{
		SourceRegion:     &r.Source.Region,
		SourceSnapshotId: &r.Source.ID,
		Description:      &r.Description,
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeSnapshot,
			Tags:         tagsOf(r.Tags),
		}},
	}
	if r.Encrypted {
		input.Encrypted = aws.Bool(true)
	}
	if key != "" {
		input.KmsKeyId = &key
	}
	if r.CompletionMinutes > 0 {
		input.CompletionDurationMinutes = &r.CompletionMinutes
	}
	output, err := e.in(r.Target).CopySnapshot(ctx, input, func(o *ec2.Options) {
		o.Retryer = retry.NewStandard(func(so *retry.StandardOptions) {
			so.Retryables = []retry.IsErrorRetryable{
				retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes},
			}
		})
	})
	if err != nil {
		return "", classify(err)
	}
	if aws.ToString(output.SnapshotId) == "" {
		return "", fmt.Errorf("EC2 took the copy and named no snapshot: look for it by tag %s", snapshot.TagOrder)
	}
	return *output.SnapshotId, nil
}

// awsManagedKey is EBS's own key. It need not be named: EC2 takes it by itself
// where DefaultKey is asked for, and naming it would take more permissions.
const awsManagedKey = "alias/aws/ebs"

// defaultKey is the key for encryption by default in the Region, "" if it is
// the AWS managed one.
func (e *EC2) defaultKey(ctx context.Context, region string) (string, error) {
	output, err := e.in(region).GetEbsDefaultKmsKeyId(ctx, &ec2.GetEbsDefaultKmsKeyIdInput{})
	if err != nil {
		return "", fmt.Errorf("get the default EBS key of %s: %w", region, classify(err))
	}
	switch key := aws.ToString(output.KmsKeyId); key {
	case "":
		return "", fmt.Errorf("get the default EBS key of %s: EC2 named none", region)
	case awsManagedKey:
		return "", nil
	default:
		return key, nil
	}
}

// Settled implements reactor.Copies.
func (e *EC2) Settled(ctx context.Context, region string, ids []string) error {
	key, value := snapshot.Told()
	for some := range slices.Chunk(ids, perLook) {
		_, err := e.in(region).CreateTags(ctx, &ec2.CreateTagsInput{
			Resources: some,
			Tags:      []types.Tag{{Key: &key, Value: &value}},
		})
		if err != nil {
			return classify(err)
		}
	}
	return nil
}

// Regions implements reactor.Expiring.
func (e *EC2) Regions(ctx context.Context) ([]string, error) {
	output, err := e.in(e.config.Region).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	if err != nil {
		return nil, classify(err)
	}
	regions := make([]string, 0, len(output.Regions))
	for _, r := range output.Regions {
		regions = append(regions, aws.ToString(r.RegionName))
	}
	return regions, nil
}

// Stuck implements reactor.Expiring.
func (e *EC2) Stuck(ctx context.Context, region string, ids []string) (map[string]string, error) {
	stuck := map[string]string{}
	client := e.in(region)
	for some := range slices.Chunk(ids, perLook) {
		locks, err := client.DescribeLockedSnapshots(ctx, &ec2.DescribeLockedSnapshotsInput{SnapshotIds: some})
		if err != nil {
			return nil, fmt.Errorf("look for locks: %w", classify(err))
		}
		for _, lock := range locks.Snapshots {
			if lock.LockState != types.LockStateExpired {
				stuck[aws.ToString(lock.SnapshotId)] = fmt.Sprintf("locked (%s) until %s", lock.LockState, timeOf(lock.LockExpiresOn).Format(time.RFC3339))
			}
		}
		images, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{
			Owners:  []string{"self"},
			Filters: []types.Filter{{Name: aws.String("block-device-mapping.snapshot-id"), Values: some}},
		})
		if err != nil {
			return nil, fmt.Errorf("look for images: %w", classify(err))
		}
		for _, image := range images.Images {
			for _, device := range image.BlockDeviceMappings {
				if device.Ebs != nil {
					stuck[aws.ToString(device.Ebs.SnapshotId)] = "in use by image " + aws.ToString(image.ImageId)
				}
			}
		}
	}
	return stuck, nil
}

// Delete implements reactor.Expiring. What EC2 answers to deleting a locked
// snapshot is documented nowhere: whatever it refuses and is neither busy nor
// gone is denied.
func (e *EC2) Delete(ctx context.Context, s snapshot.Ref) error {
	_, err := e.in(s.Region).DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: &s.ID})
	answer, answered := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err)
	err = classify(err)
	known := errors.Is(err, reactor.ErrBusy) || errors.Is(err, reactor.ErrGone) || errors.Is(err, reactor.ErrDenied)
	if answered && answer.HTTPStatusCode()/100 == 4 && !known {
		return fmt.Errorf("%w: %w", reactor.ErrDenied, err)
	}
	return err
}

// read is the noun as EC2 shows it.
func read(region string, s types.Snapshot) snapshot.Snapshot {
	tags := make(map[string]string, len(s.Tags))
	for _, tag := range s.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return snapshot.Snapshot{
		Ref:          snapshot.Ref{Region: region, ID: aws.ToString(s.SnapshotId)},
		Owner:        aws.ToString(s.OwnerId),
		Volume:       aws.ToString(s.VolumeId),
		Description:  aws.ToString(s.Description),
		State:        snapshot.State(s.State),
		StateMessage: aws.ToString(s.StateMessage),
		Encrypted:    aws.ToBool(s.Encrypted),
		KeyARN:       aws.ToString(s.KmsKeyId),
		SizeGiB:      aws.ToInt32(s.VolumeSize),
		Started:      timeOf(s.StartTime),
		Completed:    timeOf(s.CompletionTime),
		Tier:         string(s.StorageTier),
		Tags:         tags,
	}
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// tagsOf is a map as EC2's tags, in the order of their keys.
func tagsOf(m map[string]string) []types.Tag {
	tags := make([]types.Tag, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(m[key])})
	}
	return tags
}
