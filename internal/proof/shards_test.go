package proof

import (
	"fmt"
	"runtime"
	"testing"
)

// atOnce calls f for 0 to n-1, in as many subtests at once as there are
// processors. They are over when the test's cleanup begins.
func atOnce(t *testing.T, n int, f func(t *testing.T, i int)) {
	t.Helper()
	shards := runtime.GOMAXPROCS(0)
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for i := shard; i < n; i += shards {
				f(t, i)
			}
		})
	}
}
