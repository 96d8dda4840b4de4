package sim

import "time"

// The shapes of EC2's answers, with the element names of Amazon's API model.

type xmlTag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type xmlTags struct {
	Items []xmlTag `xml:"item"`
}

type snapshotItem struct {
	SnapshotID   string   `xml:"snapshotId"`
	VolumeID     string   `xml:"volumeId"`
	Status       string   `xml:"status"`
	Message      string   `xml:"statusMessage,omitempty"`
	StartTime    string   `xml:"startTime"`
	Completion   string   `xml:"completionTime,omitempty"`
	Progress     string   `xml:"progress"`
	OwnerID      string   `xml:"ownerId"`
	VolumeSize   int      `xml:"volumeSize"`
	Description  string   `xml:"description"`
	Encrypted    bool     `xml:"encrypted"`
	KmsKeyID     string   `xml:"kmsKeyId,omitempty"`
	StorageTier  string   `xml:"storageTier"`
	TransferType string   `xml:"transferType"`
	Minutes      int      `xml:"completionDurationMinutes,omitempty"`
	FullSize     *int64   `xml:"fullSnapshotSizeInBytes"`
	Tags         *xmlTags `xml:"tagSet"`
}

// item is the snapshot as DescribeSnapshots shows it to the viewer. To the
// recipient of a share it shows the volume's own id, as to the owner: no record
// of a snapshot of a real volume says otherwise, or says so.
func (s *ebsSnapshot) item(now time.Time, viewer string) snapshotItem {
	f := &s.shown
	item := snapshotItem{
		SnapshotID:   s.id,
		VolumeID:     s.volume,
		Status:       f.state,
		Message:      f.message,
		StartTime:    ec2Time(s.start),
		Progress:     s.progress(now),
		OwnerID:      s.owner,
		VolumeSize:   f.gib,
		Description:  s.description,
		Encrypted:    f.encrypted,
		KmsKeyID:     f.key,
		StorageTier:  f.tier(),
		TransferType: s.transferType(),
		Minutes:      s.minutes,
		Tags:         tagItems(s.shownTags(viewer)),
	}
	if f.state == "completed" {
		size := int64(f.gib) << 30
		item.Completion, item.FullSize = ec2Time(f.completed), &size
	}
	return item
}

// pendingItem is the answer to CreateSnapshot, which no lag holds up.
func pendingItem(s *ebsSnapshot, tags map[string]string) snapshotItem {
	return snapshotItem{
		SnapshotID:   s.id,
		VolumeID:     s.volume,
		Status:       s.now.state,
		StartTime:    ec2Time(s.start),
		Progress:     "0%",
		OwnerID:      s.owner,
		VolumeSize:   s.now.gib,
		Description:  s.description,
		Encrypted:    s.now.encrypted,
		KmsKeyID:     s.now.key,
		StorageTier:  s.now.tier(),
		TransferType: s.transferType(),
		Tags:         tagItems(tags),
	}
}

func (f *snapshotFacts) tier() string {
	if f.archived {
		return "archive"
	}
	return "standard"
}

func (s *ebsSnapshot) transferType() string {
	if s.minutes > 0 {
		return "time-based"
	}
	return "standard"
}

// tagItems lists tags in the order of their keys; nil for none.
func tagItems(tags map[string]string) *xmlTags {
	if len(tags) == 0 {
		return nil
	}
	list := &xmlTags{Items: make([]xmlTag, 0, len(tags))}
	for _, key := range sortedKeys(tags) {
		list.Items = append(list.Items, xmlTag{key, tags[key]})
	}
	return list
}
