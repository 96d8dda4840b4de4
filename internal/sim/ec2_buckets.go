package sim

import (
	"strings"
	"time"
)

// EC2 counts requests with a token bucket per account, Region and action
// (Amazon EC2 developer guide, "Request throttling"): each request takes one
// token, and tokens come back at a steady rate.
type bucket struct {
	tokens float64
	filled time.Time
}

type bucketKey struct {
	place
	action string
}

type bucketSize struct{ size, refill float64 }

var (
	unmutating = bucketSize{100, 20}
	mutating   = bucketSize{50, 5}
	// unbounded is for a DescribeSnapshots with neither filter nor page.
	unbounded = bucketSize{50, 10}
	// Actions with a bucket of a size of their own.
	bucketSizes = map[string]bucketSize{
		"CreateSnapshot":          {100, 5},
		"DeleteSnapshot":          {100, 5},
		"CreateTags":              {100, 10},
		"ModifySnapshotAttribute": {100, 5},
	}
)

// bucketFor says which bucket a call draws from, and its size.
func bucketFor(c *call) (string, bucketSize) {
	if size, special := bucketSizes[c.action]; special {
		return c.action, size
	}
	if !strings.HasPrefix(c.action, "Describe") && !strings.HasPrefix(c.action, "Get") {
		return c.action, mutating
	}
	bounded := c.form.Has("MaxResults") || c.form.Has("NextToken") || c.form.Has("Filter.1.Name")
	if c.action == "DescribeSnapshots" && !bounded {
		return c.action + " unbounded", unbounded
	}
	return c.action, unmutating
}

// throttled takes a token for the call, or says that there is none.
func (e *ec2) throttled(c *call, now time.Time) bool {
	if e.w.options.NoThrottling {
		return false
	}
	name, size := bucketFor(c)
	key := bucketKey{place{c.account, c.region}, name}
	b := e.buckets[key]
	if b == nil {
		b = &bucket{tokens: size.size, filled: now}
		e.buckets[key] = b
	}
	b.tokens = min(size.size, b.tokens+now.Sub(b.filled).Seconds()*size.refill)
	b.filled = now
	if b.tokens < 1 {
		return true
	}
	b.tokens--
	return false
}
