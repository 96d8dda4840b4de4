package sim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxVolume is the size of the largest volume, in GiB.
const maxVolume = 65_536

// creating is how long a new volume is not yet available.
const creating = time.Second

// ebsVolume is a volume: here only something to make snapshots of.
type ebsVolume struct {
	resource
	gib       int
	zone      string
	encrypted bool
	key       string // ARN
	snapshot  string // it was made from, or ""
	created   time.Time
}

func (v *ebsVolume) status(now time.Time) string {
	if now.Before(v.created.Add(creating)) {
		return "creating"
	}
	return "available"
}

type volumeItem struct {
	VolumeID   string   `xml:"volumeId"`
	Size       int      `xml:"size"`
	SnapshotID string   `xml:"snapshotId"`
	Zone       string   `xml:"availabilityZone"`
	Status     string   `xml:"status"`
	Created    string   `xml:"createTime"`
	VolumeType string   `xml:"volumeType"`
	Encrypted  bool     `xml:"encrypted"`
	KmsKeyID   string   `xml:"kmsKeyId,omitempty"`
	Tags       *xmlTags `xml:"tagSet"`
}

func (v *ebsVolume) item(now time.Time, tags map[string]string) volumeItem {
	return volumeItem{
		VolumeID:   v.id,
		Size:       v.gib,
		SnapshotID: v.snapshot,
		Zone:       v.zone,
		Status:     v.status(now),
		Created:    ec2Time(v.created),
		VolumeType: "gp3",
		Encrypted:  v.encrypted,
		KmsKeyID:   v.key,
		Tags:       tagItems(tags),
	}
}

// volumeID reads the parameter VolumeId of a call about one volume.
func (c *ec2Call) volumeID() (string, *apiError) {
	id, problem := c.required("VolumeId")
	if problem != nil {
		return "", problem
	}
	return id, checkVolumeID(id)
}

func checkVolumeID(id string) *apiError {
	switch {
	case !strings.HasPrefix(id, "vol-"):
		return badRequest("InvalidParameterValue", "Value (%s) for parameter volumeId is invalid. Expected: 'vol-...'.", id)
	case !resourceID.MatchString(id):
		return badRequest("InvalidVolumeID.Malformed", "Value ( %s ) for parameter VOLUME is invalid. ", id)
	}
	return nil
}

func noVolume(id string) *apiError {
	return badRequest("InvalidVolume.NotFound", "The volume '%s' does not exist.", id)
}

func (c *ec2Call) ownVolume(id string) (*ebsVolume, *apiError) {
	v := c.in.volumes[id]
	if v == nil || v.owner != c.account {
		return nil, noVolume(id)
	}
	return v, nil
}

func (e *ec2) createVolume(c *ec2Call) (any, *apiError) {
	zone, problem := c.required("AvailabilityZone")
	if problem != nil {
		return nil, problem
	}
	if !slices.Contains(zonesOf(c.region), zone) {
		return nil, badRequest("InvalidZone.NotFound", "The zone '%s' does not exist.", zone)
	}
	gib, sized, problem := c.number("Size")
	if problem != nil {
		return nil, problem
	}
	from := c.get("SnapshotId")
	switch {
	case !sized && from == "":
		return nil, badRequest("MissingParameter", "The request must contain the parameter size/snapshot")
	case sized && (gib < 1 || gib > maxVolume):
		return nil, badRequest("InvalidParameterValue", "The volume size is invalid for volumes: %d GiB. The size must be from 1 to %d GiB", gib, maxVolume)
	case from != "":
		if problem := checkSnapshotID(from); problem != nil {
			return nil, problem
		}
	}
	encrypted, problem := c.flag("Encrypted")
	if problem != nil {
		return nil, problem
	}
	tags, problem := c.tagSpecification("volume")
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	wish, problem := e.encryption(c, encrypted)
	if problem != nil {
		return nil, problem
	}
	source, own := snapshotFacts{}, false
	if from != "" {
		s, problem := c.usable(from)
		if problem != nil {
			return nil, problem
		}
		source, own = s.now, s.owner == c.account
		if !sized {
			gib = source.gib
		}
		if gib < source.gib {
			return nil, badRequest("InvalidParameterValue", "The specified size %d is smaller than the snapshot's %d GiB.", gib, source.gib)
		}
	}
	v := &ebsVolume{
		resource: e.newResource(c.in, "vol", "volume", c.account),
		gib:      gib,
		zone:     zone,
		snapshot: from,
		created:  c.now,
	}
	v.encrypted, v.key = e.outcome(place{c.account, c.region}, wish, source.encrypted, c.now)
	if own && source.encrypted && wish.key == "" {
		v.key = source.key // unlike a copy, a volume stays under its snapshot's key (EBS user guide, encryption outcomes)
	}
	c.in.volumes[v.id] = v
	rollOf(c.in.volumeRoll, v.owner).add(v)
	if len(tags) > 0 {
		sheet := v.sheet(c.in, v.owner)
		sheet.now = tags
		sheet.reveal()
	}
	return v.item(c.now, tags), nil
}

// usable finds a snapshot that a volume can be made from.
func (c *ec2Call) usable(id string) (*ebsSnapshot, *apiError) {
	s := c.in.snapshots[id]
	if !s.reachable() {
		return nil, noSnapshot(id)
	}
	if _, shared := s.now.sharedAt(c.account); !shared && s.owner != c.account {
		return nil, noSnapshot(id)
	}
	if s.now.state != "completed" || s.now.archived {
		return nil, badRequest("IncorrectState", "Snapshot is in invalid state - %s", s.now.state)
	}
	return s, nil
}

func (e *ec2) deleteVolume(c *ec2Call) (any, *apiError) {
	id, problem := c.volumeID()
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	v, problem := c.ownVolume(id)
	if problem != nil {
		return nil, problem
	}
	delete(c.in.volumes, id)
	drop(c.in.volumeRoll, v.owner, v)
	for _, sheet := range v.sheets {
		sheet.now = nil
		sheet.reveal()
	}
	return returned{true}, nil
}

// volumeFilters are the filters of DescribeVolumes besides those on tags.
var volumeFilters = map[string]func(v *ebsVolume, now time.Time) string{
	"availability-zone": func(v *ebsVolume, _ time.Time) string { return v.zone },
	"create-time":       func(v *ebsVolume, _ time.Time) string { return ec2Time(v.created) },
	"encrypted":         func(v *ebsVolume, _ time.Time) string { return strconv.FormatBool(v.encrypted) },
	"size":              func(v *ebsVolume, _ time.Time) string { return strconv.Itoa(v.gib) },
	"snapshot-id":       func(v *ebsVolume, _ time.Time) string { return v.snapshot },
	"status":            func(v *ebsVolume, now time.Time) string { return v.status(now) },
	"volume-id":         func(v *ebsVolume, _ time.Time) string { return v.id },
}

func (e *ec2) describeVolumes(c *ec2Call) (any, *apiError) {
	ids := c.list("VolumeId")
	for _, id := range ids {
		if problem := checkVolumeID(id); problem != nil {
			return nil, problem
		}
	}
	p, problem := c.page()
	if problem != nil {
		return nil, problem
	}
	if len(ids) > 0 && (p.size > 0 || p.after > 0) {
		return nil, badRequest("InvalidParameterCombination", "The parameter volumeSet cannot be used with the parameter maxResults")
	}
	filters, problem := c.filters(func(name string) bool { return volumeFilters[name] != nil || isTagFilter(name) })
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	rolls := []*roll[*ebsVolume]{c.in.volumeRoll[c.account]}
	if len(ids) > 0 {
		named := &roll[*ebsVolume]{}
		for _, id := range ids {
			v, problem := c.ownVolume(id)
			if problem != nil {
				return nil, problem
			}
			named.add(v)
		}
		rolls = []*roll[*ebsVolume]{named}
	}
	reply := struct {
		Volumes struct {
			Items []volumeItem `xml:"item"`
		} `xml:"volumeSet"`
		NextToken string `xml:"nextToken,omitempty"`
	}{}
	last := 0
	for v := range merged(p.after, rolls) {
		if !passVolumeFilters(filters, v, c) {
			continue
		}
		if p.size > 0 && len(reply.Volumes.Items) == p.size {
			reply.NextToken = nextToken(last, "")
			break
		}
		reply.Volumes.Items = append(reply.Volumes.Items, v.item(c.now, v.shownTags(c.account)))
		last = v.seq
	}
	return reply, nil
}

func passVolumeFilters(filters []filter, v *ebsVolume, c *ec2Call) bool {
	for i := range filters {
		f := &filters[i]
		pass, isTag := f.matchesTags(v.shownTags(c.account))
		if !isTag {
			pass = f.matches(volumeFilters[f.name](v, c.now))
		}
		if !pass {
			return false
		}
	}
	return true
}
