package event

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// Every sample in events/ has a golden that says what it is to the decoder.
func TestSamples(t *testing.T) {
	samples, err := filepath.Glob("../../events/*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	goldens := map[string]bool{}
	for _, sample := range samples {
		name := strings.TrimSuffix(filepath.Base(sample), ".json")
		golden := filepath.Join("testdata", "samples", name+".txt")
		goldens[golden] = true
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(sample)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(data)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("the sample has no golden: %v; read what -update writes", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
	written, err := filepath.Glob("testdata/samples/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, golden := range written {
		if !goldens[golden] {
			t.Errorf("%s is the golden of no sample", golden)
		}
	}
}

// tell decodes an event, or each record of an SQS batch of them.
func tell(data []byte) string {
	var batch struct{ Records []struct{ Body string } }
	if json.Unmarshal(data, &batch) == nil && len(batch.Records) > 0 {
		var b strings.Builder
		for _, r := range batch.Records {
			b.WriteString(tell([]byte(r.Body)))
		}
		return b.String()
	}
	decoded, err := Decode(data)
	if err != nil {
		return fmt.Sprintf("unreadable: %v\n", err)
	}
	return fmt.Sprintf("%T %+v\n", decoded, decoded)
}
