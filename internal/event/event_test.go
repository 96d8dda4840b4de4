package event

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/snapshot"
)

const (
	shareHead = `{"version":"0","id":"1","source":"aws.ec2","detail-type":"EBS Snapshot Notification","account":"222222222222","region":"us-east-1","time":"2026-09-25T15:24:13Z",`
	shareTail = `"resources":["arn:aws:ec2::us-west-2:snapshot/snap-01234567"],"detail":{"event":"shareSnapshot","result":"succeeded","cause":"","request-id":"",`
)

func TestDecodeShare(t *testing.T) {
	want := Share{
		Snapshot: snapshot.Ref{Region: "us-west-2", ID: "snap-01234567"},
		Account:  "012345678901",
		Time:     time.Date(2026, 9, 25, 15, 24, 11, 717e6, time.UTC),
	}
	ended := `,"startTime":"2026-09-25T15:24:09.925Z","endTime":"2026-09-25T15:24:11.717Z"}}`
	at := func(t time.Time) Share { s := want; s.Time = t; return s }
	envelopeTime := time.Date(2026, 9, 25, 15, 24, 13, 0, time.UTC)
	for name, test := range map[string]struct {
		event string
		want  Share
	}{
		"the Region in the account's place of the ARN": {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901"` + ended, want},
		"the Region where it belongs":                  {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2:us-west-2::snapshot/snap-01234567","source":"012345678901"` + ended, want},
		"Region and account in the ARN":                {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2:us-west-2:222222222222:snapshot/snap-01234567","source":"012345678901"` + ended, want},
		"source as a number that lost its zero":        {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":12345678901` + ended, want},
		"source as a number with a leading zero":       {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":012345678901` + ended, want},
		"unknown extra fields":                         {shareHead + `"extra":{"a":[1]},` + shareTail + `"more":null,"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901"` + ended, want},
		"a byte-order mark":                            {"\ufeff" + shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901"` + ended, want},
		"no snapshot_id, but a resource":               {shareHead + shareTail + `"source":"012345678901"` + ended, want},
		"times spelled StartTime and EndTime":          {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901","EndTime":"2026-09-25T15:24:11.717Z"}}`, want},
		"no times in the detail":                       {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901"}}`, at(envelopeTime)},
		"a placeholder for a time":                     {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901","endTime":"yyyy-mm-ddThh:mm:ssZ"}}`, at(envelopeTime)},
		"a number for a time":                          {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901","endTime":17}}`, at(envelopeTime)},
		"a time with a weekday": {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":"012345678901","endTime":"Sun Nov 24 22:32:55 UTC 2024"}}`,
			at(time.Date(2024, 11, 24, 22, 32, 55, 0, time.UTC))},
		"China": {strings.ReplaceAll(shareHead+shareTail, "arn:aws:", "arn:aws-cn:") + `"snapshot_id":"arn:aws-cn:ec2::cn-north-1:snapshot/snap-01234567890abcdef","source":"012345678901"` + ended,
			Share{snapshot.Ref{Region: "cn-north-1", ID: "snap-01234567890abcdef"}, want.Account, want.Time}},
		"GovCloud": {shareHead + shareTail + `"snapshot_id":"arn:aws-us-gov:ec2::us-gov-east-1:snapshot/snap-01234567890abcdef","source":"012345678901"` + ended,
			Share{snapshot.Ref{Region: "us-gov-east-1", ID: "snap-01234567890abcdef"}, want.Account, want.Time}},
		"no Region in the ARN: the envelope's": {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2:::snapshot/snap-01234567","source":"012345678901"` + ended,
			Share{snapshot.Ref{Region: "us-east-1", ID: "snap-01234567"}, want.Account, want.Time}},
		"a bare id: the envelope's Region": {shareHead + shareTail + `"snapshot_id":"snap-01234567","source":"012345678901"` + ended,
			Share{snapshot.Ref{Region: "us-east-1", ID: "snap-01234567"}, want.Account, want.Time}},
		"a sharer that is no account": {shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":{"a":1}` + ended,
			Share{want.Snapshot, "", want.Time}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(test.event))
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			if diff := cmp.Diff(Event(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeCopyResult(t *testing.T) {
	head := `{"detail-type":"EBS Snapshot Notification","source":"aws.ec2","account":"222222222222","region":"eu-west-2","time":"2026-09-25T15:24:13Z","resources":["arn:aws:ec2::eu-west-2:snapshot/snap-0a066287294296eb5"],`
	copied := snapshot.Ref{Region: "eu-west-2", ID: "snap-0a066287294296eb5"}
	source := snapshot.Ref{Region: "us-east-1", ID: "snap-078f7c810a210c7fc"}
	for name, test := range map[string]struct {
		event string
		want  CopyResult
	}{
		"success": {head + `"detail":{"event":"copySnapshot","result":"succeeded","cause":"","request-id":"","startTime":"2026-09-25T15:24:09.925Z","endTime":"2026-09-25T15:24:11.717Z","snapshot_id":"arn:aws:ec2::eu-west-2:snapshot/snap-0a066287294296eb5","source":"arn:aws:ec2::us-east-1:snapshot/snap-078f7c810a210c7fc","incremental":"true","completionDurationStartTime":"2026-09-25T15:24:09.937Z","transferType":"standard"}}`,
			CopyResult{Copy: copied, Source: source, Succeeded: true}},
		"failure": {head + `"detail":{"event":"copySnapshot","result":"failed","cause":"Given key ID is not accessible","snapshot_id":"arn:aws:ec2::eu-west-2:snapshot/snap-0a066287294296eb5","source":"arn:aws:ec2::us-east-1:snapshot/snap-078f7c810a210c7fc","incremental":"false","transferType":"standard"}}`,
			CopyResult{Copy: copied, Source: source, Cause: "Given key ID is not accessible"}},
		"without a readable source": {head + `"detail":{"event":"copySnapshot","result":"succeeded","snapshot_id":"arn:aws:ec2:eu-west-2::snapshot/snap-0a066287294296eb5","source":""}}`,
			CopyResult{Copy: copied, Succeeded: true}},
		"a result that nobody documented": {head + `"detail":{"event":"copySnapshot","result":"deleted","snapshot_id":"arn:aws:ec2:eu-west-2::snapshot/snap-0a066287294296eb5"}}`,
			CopyResult{Copy: copied}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(test.event))
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			if diff := cmp.Diff(Event(test.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeNotForUs(t *testing.T) {
	for name, event := range map[string]string{
		"another service":              `{"source":"aws.s3","detail-type":"Object Created","detail":{}}`,
		"another kind of EC2 event":    `{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{"state":"running"}}`,
		"a multi-volume snapshot":      `{"source":"aws.ec2","detail-type":"EBS Multi-Volume Snapshots Completion Status","detail":{"event":"createSnapshots"}}`,
		"a created snapshot":           `{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":{"event":"createSnapshot","result":"succeeded","source":"arn:aws:ec2::us-west-2:volume/vol-01234567"}}`,
		"a share that did not succeed": `{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":{"event":"shareSnapshot","result":"failed"}}`,
		"our own outcome":              `{"source":"snapferry","detail-type":"Snapshot Copy Started","detail":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(event))
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			ignored, ok := got.(Ignored)
			if !ok || ignored.Reason == "" {
				t.Errorf("got %#v, want Ignored with a reason", got)
			}
		})
	}
}

func TestDecodeUnreadable(t *testing.T) {
	for name, test := range map[string]struct{ event, want string }{
		"nothing":                       {"", "empty"},
		"no JSON":                       {"hello", "invalid character"},
		"JSON, but no event":            {`{"Records":[]}`, "neither source nor detail-type"},
		"a list":                        {`[1]`, "cannot unmarshal"},
		"two documents":                 {`{"source":"aws.s3"}{}`, "invalid character"},
		"no detail":                     {`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification"}`, "detail: empty"},
		"a detail without an event":     {`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":{}}`, "detail.event is missing"},
		"a share of nothing":            {`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","region":"us-east-1","detail":{"event":"shareSnapshot","result":"succeeded"}}`, "detail.snapshot_id: missing"},
		"a share of a volume":           {`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","region":"us-east-1","detail":{"event":"shareSnapshot","result":"succeeded","snapshot_id":"arn:aws:ec2::us-east-1:volume/vol-1"}}`, "names no snapshot"},
		"a share nowhere":               {`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":{"event":"shareSnapshot","result":"succeeded","snapshot_id":"snap-01234567"}}`, "names no Region"},
		"a wake-up for no Region":       {`{"source":"snapferry","detail-type":"Wake-Up","detail":{"region":"*"}}`, "is not a Region"},
		"unsettled copies nowhere":      {`{"source":"snapferry","detail-type":"Copies Unsettled","detail":{"region":"","copies":["snap-01234567"]}}`, "is not a Region"},
		"unsettled copies of nothing":   {`{"source":"snapferry","detail-type":"Copies Unsettled","detail":{"region":"eu-west-2","copies":["vol-1"]}}`, "is not a snapshot"},
		"unsettled without detail":      {`{"source":"snapferry","detail-type":"Copies Unsettled"}`, "detail: empty"},
		"a wake-up without detail":      {`{"source":"snapferry","detail-type":"Wake-Up"}`, "detail: empty"},
		"a result of a copy of nothing": {`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","region":"us-east-1","detail":{"event":"copySnapshot","result":"succeeded"}}`, "detail.snapshot_id: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(test.event))
			if err == nil {
				t.Fatalf("Decode = %#v, want an error", got)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not contain %q", err, test.want)
			}
		})
	}
}

func TestOwnEventsComeBack(t *testing.T) {
	for _, want := range []interface {
		Event
		Bytes() []byte
	}{
		WakeUp{Region: "eu-west-2"},
		Unsettled{Region: "eu-west-2", Copies: []string{"snap-01234567", "snap-0123456789abcdef0"}},
	} {
		got, err := Decode(want.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Event(want), got); diff != "" {
			t.Error(diff)
		}
	}
}

// The rules let through what the decoder reads, field by field.
func TestPatterns(t *testing.T) {
	for name, test := range map[string]struct {
		pattern string
		want    map[string]any
	}{
		"share": {SharePattern(), map[string]any{"event": []any{"shareSnapshot"}, "result": []any{"succeeded"}}},
		"copy":  {CopyPattern(), map[string]any{"event": []any{"copySnapshot"}}},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{
				"source":      []any{"aws.ec2", "snapferry.test"},
				"detail-type": []any{"EBS Snapshot Notification"},
				"detail":      test.want,
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(test.pattern), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	samples, err := filepath.Glob("../../events/*.json")
	if err != nil || len(samples) == 0 {
		f.Fatalf("no samples in events/: %v", err)
	}
	for _, sample := range samples {
		data, err := os.ReadFile(sample)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(shareHead + shareTail + `"snapshot_id":"arn:aws:ec2::us-west-2:snapshot/snap-01234567","source":012345678901}}`))
	f.Add([]byte(`{"source":"snapferry","detail-type":"Wake-Up","detail":{"region":"eu-west-2"}}`))
	f.Add([]byte(`{"source":"aws.ec2","detail-type":"EBS Snapshot Notification","detail":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data)
		if (got == nil) == (err == nil) {
			t.Fatalf("Decode = %#v, %v: want exactly one", got, err)
		}
		check := func(ref snapshot.Ref) {
			if parsed, err := snapshot.ParseRef(ref.String()); err != nil || parsed != ref {
				t.Errorf("%#v does not survive its own text form: %v", ref, err)
			}
		}
		switch got := got.(type) {
		case Share:
			check(got.Snapshot)
			if got.Account != "" && len(got.Account) != 12 {
				t.Errorf("account %q is not 12 digits", got.Account)
			}
		case CopyResult:
			check(got.Copy)
		case Test:
			if !testID.MatchString(got.ID) || !snapshot.LooksLikeRegion(got.Region) || got.Kind != KindShare && got.Kind != KindCopy {
				t.Errorf("a test event of another form: %#v", got)
			}
		case WakeUp:
			if back, err := Decode(got.Bytes()); err != nil || back != Event(got) {
				t.Errorf("wake-up does not come back: %#v, %v", back, err)
			}
		case Unsettled:
			back, err := Decode(got.Bytes())
			if diff := cmp.Diff(Event(got), back); diff != "" || err != nil {
				t.Errorf("unsettled copies do not come back: %s, %v", diff, err)
			}
		}
	})
}
