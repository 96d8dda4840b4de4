package sim

import (
	"context"
	"net/http"
	"time"
)

// ec2 is the part of Amazon EC2 that has to do with EBS snapshots: volumes,
// snapshots and their copies, shares, tags and locks, and the few AMI calls
// that keep a snapshot in use.
type ec2 struct {
	w       *World
	regions map[string]*ec2Region
	// settings, copying and buckets are kept per account and Region.
	settings map[place]*ebsSettings
	copying  map[place]int
	buckets  map[bucketKey]*bucket
	lineages map[lineageKey]*lineage
}

// place is an account in a Region, the scope of most of EC2's settings.
type place struct{ account, region string }

// ec2Region holds what exists in one Region, of all accounts.
type ec2Region struct {
	name      string
	seq       int // of the newest resource; the order of every listing
	snapshots map[string]*ebsSnapshot
	volumes   map[string]*ebsVolume
	images    map[string]*machineImage
	owned     map[string]int // snapshots that exist, by owner

	// The indices of what listings show, which may lag behind what is.
	byOwner    map[string]*roll[*ebsSnapshot]
	sharedWith map[string]*roll[*ebsSnapshot]
	public     *roll[*ebsSnapshot]
	pending    *roll[*ebsSnapshot]
	locked     map[string]*roll[*ebsSnapshot] // by owner
	volumeRoll map[string]*roll[*ebsVolume]   // by owner
	tagged     map[string]*roll[*tagSheet]    // by viewer
	byTag      map[tagIndex]*roll[*tagSheet]
	byTagKey   map[tagIndex]*roll[*tagSheet] // value ""
	values     map[tagIndex]*tagValues       // value ""
}

// resource is what snapshots, volumes and images have in common.
type resource struct {
	id, owner string
	kind      string // "snapshot", "volume", "image"
	seq       int
	// sheets are the tags by viewer: tags on a shared snapshot belong to the
	// account that set them, and no other account sees them.
	sheets map[string]*tagSheet
}

func (r *resource) sequence() int { return r.seq }

func newEC2(w *World) *ec2 {
	return &ec2{
		w:        w,
		regions:  map[string]*ec2Region{},
		settings: map[place]*ebsSettings{},
		copying:  map[place]int{},
		buckets:  map[bucketKey]*bucket{},
		lineages: map[lineageKey]*lineage{},
	}
}

// ec2Call is a call to EC2 within a step of the world.
type ec2Call struct {
	*call
	ec2 *ec2
	now time.Time
	in  *ec2Region
}

// ec2Actions are the calls that EC2 answers. Each validates its parameters, then
// asks whether the caller may (ec2Permissions), answers a dry run, and only then
// looks at what exists.
var ec2Actions = map[string]func(*ec2, *ec2Call) (any, *apiError){
	"CreateVolume":    (*ec2).createVolume,
	"DescribeVolumes": (*ec2).describeVolumes,
	"DeleteVolume":    (*ec2).deleteVolume,

	"CreateSnapshot":    (*ec2).createSnapshot,
	"CopySnapshot":      (*ec2).copySnapshot,
	"DescribeSnapshots": (*ec2).describeSnapshots,
	"DeleteSnapshot":    (*ec2).deleteSnapshot,

	"CreateTags":   (*ec2).createTags,
	"DeleteTags":   (*ec2).deleteTags,
	"DescribeTags": (*ec2).describeTags,

	"ModifySnapshotAttribute":   (*ec2).modifySnapshotAttribute,
	"DescribeSnapshotAttribute": (*ec2).describeSnapshotAttribute,
	"ResetSnapshotAttribute":    (*ec2).resetSnapshotAttribute,

	"LockSnapshot":            (*ec2).lockSnapshot,
	"UnlockSnapshot":          (*ec2).unlockSnapshot,
	"DescribeLockedSnapshots": (*ec2).describeLockedSnapshots,
	"ModifySnapshotTier":      (*ec2).modifySnapshotTier,

	"RegisterImage":   (*ec2).registerImage,
	"DeregisterImage": (*ec2).deregisterImage,
	"DescribeImages":  (*ec2).describeImages,

	"DescribeRegions":           (*ec2).describeRegions,
	"DescribeAvailabilityZones": (*ec2).describeAvailabilityZones,

	"GetEbsEncryptionByDefault":     (*ec2).getEncryptionByDefault,
	"EnableEbsEncryptionByDefault":  (*ec2).enableEncryptionByDefault,
	"DisableEbsEncryptionByDefault": (*ec2).disableEncryptionByDefault,
	"GetEbsDefaultKmsKeyId":         (*ec2).getDefaultKey,
	"ModifyEbsDefaultKmsKeyId":      (*ec2).modifyDefaultKey,
	"ResetEbsDefaultKmsKeyId":       (*ec2).resetDefaultKey,
}

func (e *ec2) serve(_ context.Context, c *call) (reply any, problem *apiError) {
	action, known := ec2Actions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	e.w.step(func(now time.Time) {
		if e.throttled(c, now) {
			problem = &apiError{Status: http.StatusServiceUnavailable, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
			return
		}
		var body any
		if body, problem = action(e, &ec2Call{call: c, ec2: e, now: now, in: e.region(c.region)}); problem == nil {
			reply = ec2Reply{Body: body}
		}
	})
	return reply, problem
}

// region is the named Region, which comes into being when it is first used.
func (e *ec2) region(name string) *ec2Region {
	r := e.regions[name]
	if r == nil {
		r = &ec2Region{
			name:       name,
			snapshots:  map[string]*ebsSnapshot{},
			volumes:    map[string]*ebsVolume{},
			images:     map[string]*machineImage{},
			owned:      map[string]int{},
			byOwner:    map[string]*roll[*ebsSnapshot]{},
			sharedWith: map[string]*roll[*ebsSnapshot]{},
			public:     &roll[*ebsSnapshot]{},
			pending:    &roll[*ebsSnapshot]{},
			locked:     map[string]*roll[*ebsSnapshot]{},
			volumeRoll: map[string]*roll[*ebsVolume]{},
			tagged:     map[string]*roll[*tagSheet]{},
			byTag:      map[tagIndex]*roll[*tagSheet]{},
			byTagKey:   map[tagIndex]*roll[*tagSheet]{},
			values:     map[tagIndex]*tagValues{},
		}
		e.regions[name] = r
	}
	return r
}

// newResource makes the common part of something new in the Region, with an
// id such as snap-0123456789abcdef0.
func (e *ec2) newResource(r *ec2Region, prefix, kind, owner string) resource {
	r.seq++
	return resource{
		id:     prefix + "-0" + e.w.hexID(16),
		owner:  owner,
		kind:   kind,
		seq:    r.seq,
		sheets: map[string]*tagSheet{},
	}
}

// ec2Time is a time as EC2 writes it, in XML and in filters.
func ec2Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// returned is the answer of calls that have nothing to say.
type returned struct {
	Return bool `xml:"return"`
}
