package sim

import (
	"encoding/xml"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The list says what encoding/xml says of the same items.
func TestSnapshotList(t *testing.T) {
	size := int64(8 << 30)
	items := []snapshotItem{
		{},
		{SnapshotID: "snap-1", Status: "pending", Message: "Metadata not updated", Minutes: 15},
		{SnapshotID: "snap-2", VolumeID: "vol-2", Status: "completed", StartTime: "2026-11-23T01:02:03.000Z", Completion: "2026-11-23T02:02:03.000Z",
			Progress: "100%", OwnerID: "111111111111", VolumeSize: 8, Description: `<a & "b" 'c'>` + "\n\tÄ\x01 ", Encrypted: true,
			KmsKeyID: "arn:aws:kms:us-east-1:111111111111:key/1", StorageTier: "standard", TransferType: "time-based", FullSize: &size,
			Tags: &xmlTags{Items: []xmlTag{{"Name", "data & more"}, {"empty", ""}}}},
	}
	var list snapshotList
	for _, item := range items {
		list.add(item)
	}
	got, err := xml.Marshal(struct {
		XMLName xml.Name     `xml:"x"`
		Items   snapshotList `xml:"snapshotSet"`
	}{Items: list})
	if err != nil {
		t.Fatal(err)
	}
	want, err := xml.Marshal(struct {
		XMLName xml.Name       `xml:"x"`
		Items   []snapshotItem `xml:"snapshotSet>item"`
	}{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
}
