package sim

import (
	"maps"
	"slices"
)

// machineImage is an AMI: here only something that keeps snapshots in use.
type machineImage struct {
	resource
	name      string
	snapshots []string
}

func noImage(id string) *apiError {
	return badRequest("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
}

func (e *ec2) registerImage(c *ec2Call) (any, *apiError) {
	name, problem := c.required("Name")
	if problem != nil {
		return nil, problem
	}
	var ids []string
	for _, prefix := range c.groups("BlockDeviceMapping", "DeviceName", "Ebs.SnapshotId") {
		id := c.get(prefix + "Ebs.SnapshotId")
		if id == "" {
			continue
		}
		if problem := checkSnapshotID(id); problem != nil {
			return nil, problem
		}
		ids = append(ids, id)
	}
	tags, problem := c.tagSpecification("image")
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	for _, m := range c.in.images {
		if m.owner == c.account && m.name == name {
			return nil, badRequest("InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name, m.id)
		}
	}
	var snapshots []*ebsSnapshot
	for _, id := range ids {
		s, problem := c.ownSnapshot(id)
		if problem != nil {
			return nil, problem
		}
		if s.now.state != "completed" {
			return nil, badRequest("InvalidParameterValue", "Snapshot %s is not completed", id)
		}
		snapshots = append(snapshots, s)
	}
	m := &machineImage{resource: e.newResource(c.in, "ami", "image", c.account), name: name, snapshots: ids}
	c.in.images[m.id] = m
	for _, s := range snapshots {
		if s.images == nil {
			s.images = map[string]bool{}
		}
		s.images[m.id] = true
	}
	if len(tags) > 0 {
		sheet := m.sheet(c.in, m.owner)
		sheet.now = tags
		sheet.reveal()
	}
	return struct {
		ImageID string `xml:"imageId"`
	}{m.id}, nil
}

func (e *ec2) deregisterImage(c *ec2Call) (any, *apiError) {
	id, problem := c.required("ImageId")
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	m := c.in.images[id]
	if m == nil || m.owner != c.account {
		return nil, noImage(id)
	}
	for _, snapshot := range m.snapshots {
		if s := c.in.snapshots[snapshot]; s != nil {
			delete(s.images, id)
		}
	}
	for _, sheet := range m.sheets {
		sheet.now = nil
		sheet.reveal()
	}
	delete(c.in.images, id)
	return returned{true}, nil
}

// imageItem is an image as DescribeImages shows it.
type imageItem struct {
	ID      string `xml:"imageId"`
	Name    string `xml:"name"`
	Owner   string `xml:"imageOwnerId"`
	State   string `xml:"imageState"`
	Devices struct {
		Items []imageDevice `xml:"item"`
	} `xml:"blockDeviceMapping"`
}

type imageDevice struct {
	Snapshot string `xml:"ebs>snapshotId"`
}

// describeImages shows the caller's own images: there are no others.
func (e *ec2) describeImages(c *ec2Call) (any, *apiError) {
	filters, problem := c.filters(func(name string) bool { return name == "block-device-mapping.snapshot-id" })
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	wanted := c.list("ImageId")
	for _, id := range wanted {
		if m := c.in.images[id]; m == nil || m.owner != c.account {
			return nil, noImage(id)
		}
	}
	var reply struct {
		Images struct {
			Items []imageItem `xml:"item"`
		} `xml:"imagesSet"`
	}
	for _, id := range slices.Sorted(maps.Keys(c.in.images)) {
		m := c.in.images[id]
		pass := m.owner == c.account && (len(wanted) == 0 || slices.Contains(wanted, id))
		for i := range filters {
			pass = pass && slices.ContainsFunc(m.snapshots, filters[i].matches)
		}
		if !pass {
			continue
		}
		item := imageItem{ID: m.id, Name: m.name, Owner: m.owner, State: "available"}
		for _, snapshot := range m.snapshots {
			item.Devices.Items = append(item.Devices.Items, imageDevice{snapshot})
		}
		reply.Images.Items = append(reply.Images.Items, item)
	}
	return reply, nil
}
