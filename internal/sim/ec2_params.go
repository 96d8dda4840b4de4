package sim

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// The forms of EC2's ids: eight hexadecimal digits in old ones, 17 since.
var resourceID = regexp.MustCompile(`^(snap|vol|ami)-([0-9a-f]{8}|[0-9a-f]{17})$`)

func (c *ec2Call) get(name string) string { return c.form.Get(name) }

func (c *ec2Call) has(name string) bool { return c.form.Has(name) }

// list reads Name.1, Name.2, and so on up to the first gap.
func (c *ec2Call) list(name string) []string {
	var values []string
	for n := 1; ; n++ {
		key := name + "." + strconv.Itoa(n)
		if !c.has(key) {
			return values
		}
		values = append(values, c.get(key))
	}
}

// groups lists the prefixes Name.1., Name.2. of a list of structures, of which
// each has at least one of the given members.
func (c *ec2Call) groups(name string, members ...string) []string {
	var prefixes []string
	for n := 1; ; n++ {
		prefix := name + "." + strconv.Itoa(n) + "."
		present := false
		for _, member := range members {
			present = present || c.has(prefix+member)
		}
		if !present {
			return prefixes
		}
		prefixes = append(prefixes, prefix)
	}
}

// flag reads a boolean; absent is false.
func (c *ec2Call) flag(name string) (bool, *apiError) {
	switch strings.ToLower(c.get(name)) {
	case "true", "1":
		return true, nil
	case "", "false", "0":
		return false, nil
	}
	return false, badRequest("InvalidParameterValue", "Value (%s) for parameter %s is invalid. Invalid boolean.", c.get(name), name)
}

// number reads an integer; given says whether there was one.
func (c *ec2Call) number(name string) (n int, given bool, problem *apiError) {
	if !c.has(name) {
		return 0, false, nil
	}
	n, err := strconv.Atoi(c.get(name))
	if err != nil {
		return 0, true, badRequest("InvalidParameterValue", "Value (%s) for parameter %s is invalid. Invalid integer.", c.get(name), name)
	}
	return n, true, nil
}

// dryRun answers a dry run whose parameters are in order.
func (c *ec2Call) dryRun() *apiError {
	dry, problem := c.flag("DryRun")
	if problem != nil {
		return problem
	}
	if !dry {
		return nil
	}
	return &apiError{Status: http.StatusPreconditionFailed, Code: "DryRunOperation",
		Message: "Request would have succeeded, but DryRun flag is set."}
}

// required reads a parameter that must be there.
func (c *ec2Call) required(name string) (string, *apiError) {
	if c.get(name) == "" {
		return "", badRequest("MissingParameter", "The request must contain the parameter %s", name)
	}
	return c.get(name), nil
}

// snapshotID reads the parameter SnapshotId of a call about one snapshot.
func (c *ec2Call) snapshotID() (string, *apiError) {
	id, problem := c.required("SnapshotId")
	if problem != nil {
		return "", problem
	}
	return id, checkSnapshotID(id)
}

// checkSnapshotID tells the two ways apart in which EC2 refuses an id.
func checkSnapshotID(id string) *apiError {
	switch {
	case !strings.HasPrefix(id, "snap-"):
		return badRequest("InvalidParameterValue", "Value (%s) for parameter snapshotId is invalid. Expected: 'snap-...'.", id)
	case !resourceID.MatchString(id):
		return badRequest("InvalidSnapshotID.Malformed", "Value ( %s ) for parameter SNAPSHOT is invalid. ", id)
	}
	return nil
}

func noSnapshot(id string) *apiError {
	return badRequest("InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id)
}

// ownSnapshot finds a snapshot that the caller owns. To anybody else, also to
// an account it is shared with, it does not exist as far as changing it goes.
func (c *ec2Call) ownSnapshot(id string) (*ebsSnapshot, *apiError) {
	s := c.in.snapshots[id]
	if !s.reachable() || s.owner != c.account {
		return nil, noSnapshot(id)
	}
	return s, nil
}

// page says which part of a listing is asked for.
type page struct {
	after int // sequence number of the last item of the page before
	key   string
	size  int // 0: no limit
}

// Amazon's model names no bounds of MaxResults. These are the narrowest that are
// told of, so that a caller that lives with them lives with any.
const (
	minPage = 5
	maxPage = 1000
)

// page reads MaxResults and NextToken. More than 1,000 are never returned at
// once, which is no error; fewer than 5 can't be asked for.
func (c *ec2Call) page() (page, *apiError) {
	var p page
	size, given, problem := c.number("MaxResults")
	switch {
	case problem != nil:
		return p, problem
	case given && size < minPage:
		return p, badRequest("InvalidParameterValue", "Value ( %d ) for parameter maxResults is invalid. Expecting a value greater than or equal to %d.", size, minPage)
	case given:
		p.size = min(size, maxPage)
	}
	next := c.get("NextToken")
	if next == "" {
		return p, nil
	}
	if p.size == 0 {
		p.size = maxPage
	}
	position, valid := untoken(next)
	seq, key, _ := strings.Cut(position, "/")
	after, err := strconv.Atoi(seq)
	if !valid || err != nil || after < 0 {
		return p, badRequest("InvalidNextToken", "The pagination token '%s' is not valid.", next)
	}
	p.after, p.key = after, key
	return p, nil
}

// nextToken leads on from the item with the given sequence number and key.
func nextToken(seq int, key string) string {
	return token(strconv.Itoa(seq) + "/" + key)
}
