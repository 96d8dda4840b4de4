package sim

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddSnapshot(t *testing.T) {
	w := New(Options{})
	seed := Seed{Region: "us-east-1", ID: "snap-0123456789abcdef0", Owner: "111111111111",
		Description: "nightly", GiB: 8, SharedWith: []string{"222222222222"}}
	if err := w.AddSnapshot(seed); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string]int{"111111111111": 1, "222222222222": 1, "333333333333": 0} {
		var listed struct {
			States []string `xml:"snapshotSet>item>status"`
		}
		in := url.Values{"Filter.1.Name": {"snapshot-id"}, "Filter.1.Value.1": {seed.ID}}
		if err := w.Do(t.Context(), account, seed.Region, "ec2", "DescribeSnapshots", in, &listed); err != nil {
			t.Fatal(err)
		}
		if got := len(listed.States); got != want || want == 1 && listed.States[0] != "completed" {
			t.Errorf("%s sees %v, want %d completed", account, listed.States, want)
		}
	}
	for name, change := range map[string]func(*Seed){
		"it is there already":   func(*Seed) {},
		"the id has no form":    func(s *Seed) { s.ID = "snap-1" },
		"the Region is unknown": func(s *Seed) { s.Region = "xx-nowhere-1" },
		"the state is none":     func(s *Seed) { s.ID, s.State = "snap-0123456789abcdef1", "done" },
		"the owner is nobody":   func(s *Seed) { s.ID, s.Owner = "snap-0123456789abcdef1", "me" },
	} {
		bad := seed
		change(&bad)
		if err := w.AddSnapshot(bad); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestAddSnapshotAsItIs(t *testing.T) {
	w := New(Options{})
	const key = "arn:aws:kms:us-east-1:111111111111:key/8af79514-350d-4c52-bac8-8985e84171c7"
	type shown struct {
		State   string `xml:"status"`
		Message string `xml:"statusMessage"`
		Key     string `xml:"kmsKeyId"`
		Volume  string `xml:"volumeId"`
		Tag     string `xml:"tagSet>item>key"`
	}
	for _, test := range []struct {
		seed Seed
		want shown
	}{
		{Seed{ID: "snap-0123456789abcdef0", KeyARN: key, Volume: "vol-ffffffff", Tags: map[string]string{"a": "b"}}, shown{"completed", "", key, "vol-ffffffff", "a"}},
		{Seed{ID: "snap-0123456789abcdef1", State: "error", Message: "Given key ID is not accessible", Volume: "vol-ffffffff"}, shown{"error", "Given key ID is not accessible", "", "vol-ffffffff", ""}},
	} {
		test.seed.Region, test.seed.Owner = "us-east-1", "111111111111"
		if err := w.AddSnapshot(test.seed); err != nil {
			t.Fatal(err)
		}
		var listed struct {
			Items []shown `xml:"snapshotSet>item"`
		}
		if err := w.Do(t.Context(), "111111111111", "us-east-1", "ec2", "DescribeSnapshots", url.Values{"SnapshotId.1": {test.seed.ID}}, &listed); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]shown{test.want}, listed.Items); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

func TestAddKey(t *testing.T) {
	w := New(Options{})
	const arn = "arn:aws:kms:eu-west-2:222222222222:key/8af79514-350d-4c52-bac8-8985e84171c7"
	for range 2 { // the second time changes nothing
		if err := w.AddKey(arn); err != nil {
			t.Fatal(err)
		}
	}
	var got struct {
		KeyMetadata struct{ Arn, KeyState string }
	}
	if err := w.Do(t.Context(), "222222222222", "eu-west-2", "kms", "DescribeKey", map[string]string{"KeyId": arn}, &got); err != nil {
		t.Fatal(err)
	}
	if got.KeyMetadata.Arn != arn || got.KeyMetadata.KeyState != "Enabled" {
		t.Errorf("got %+v", got)
	}
	if err := w.AddKey("alias/mine"); err == nil {
		t.Error("an alias: got no error")
	}
}
