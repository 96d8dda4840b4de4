package sim

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
	// maxTagged is how many resources one CreateTags may name.
	maxTagged = 1000
)

// tagSheet is the tags of one resource as one account set them. Its maps are
// never changed in place.
type tagSheet struct {
	of         *resource
	in         *ec2Region
	viewer     string
	now, shown map[string]string
}

// tagIndex names an index of tag sheets: who sees them, a key and a value.
type tagIndex struct{ viewer, key, value string }

func (t *tagSheet) sequence() int { return t.of.seq }

// sheet is the viewer's sheet, made when it is first needed.
func (r *resource) sheet(in *ec2Region, viewer string) *tagSheet {
	t := r.sheets[viewer]
	if t == nil {
		t = &tagSheet{of: r, in: in, viewer: viewer}
		r.sheets[viewer] = t
	}
	return t
}

// shownTags are the tags that listings show to the viewer.
func (r *resource) shownTags(viewer string) map[string]string {
	if t := r.sheets[viewer]; t != nil {
		return t.shown
	}
	return nil
}

// reveal makes listings show the tags as they are now.
func (t *tagSheet) reveal() {
	for key, value := range t.shown {
		if is, still := t.now[key]; !still || is != value {
			t.untag(key, value)
			if !still {
				drop(t.in.byTagKey, tagIndex{t.viewer, key, ""}, t)
			}
		}
	}
	for key, value := range t.now {
		t.tag(key, value)
		rollOf(t.in.byTagKey, tagIndex{t.viewer, key, ""}).add(t)
	}
	if len(t.now) > 0 {
		rollOf(t.in.tagged, t.viewer).add(t)
	} else {
		drop(t.in.tagged, t.viewer, t)
	}
	t.shown = t.now
}

// tagSpecification reads the tags for a new resource of the given kind.
func (c *ec2Call) tagSpecification(kind string) (map[string]string, *apiError) {
	tags := map[string]string{}
	for _, prefix := range c.groups("TagSpecification", "ResourceType", "Tag.1.Key") {
		switch given := c.get(prefix + "ResourceType"); given {
		case kind:
		case "":
			return nil, badRequest("InvalidParameterValue", "Tag specification resource type must have a value")
		default:
			return nil, badRequest("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", given)
		}
		if problem := c.readTags(prefix+"Tag", tags); problem != nil {
			return nil, problem
		}
		if len(tags) == 0 {
			return nil, badRequest("InvalidParameterValue", "Tag specification must have at least one tag")
		}
	}
	if len(tags) > maxTags {
		return nil, tooManyTags()
	}
	return tags, nil
}

func tooManyTags() *apiError {
	return badRequest("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
}

// readTags reads <name>.N.Key and .Value into tags and checks them.
func (c *ec2Call) readTags(name string, tags map[string]string) *apiError {
	for _, prefix := range c.groups(name, "Key", "Value") {
		key, value := c.get(prefix+"Key"), c.get(prefix+"Value")
		_, duplicate := tags[key]
		switch {
		case key == "":
			return badRequest("InvalidParameterValue", "Tag key cannot be empty. Tag keys must be between 1 and %d characters in length.", maxTagKey)
		case duplicate:
			return badRequest("InvalidParameterValue", "Duplicate tag key '%s' specified.", key)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return badRequest("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
		case utf8.RuneCountInString(key) > maxTagKey:
			return badRequest("InvalidParameterValue", "Tag key exceeds the maximum length of %d characters", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue:
			return badRequest("InvalidParameterValue", "Tag value exceeds the maximum length of %d characters", maxTagValue)
		}
		tags[key] = value
	}
	return nil
}

// resourceIDs reads ResourceId.N of a call that changes tags.
func (c *ec2Call) resourceIDs() ([]string, *apiError) {
	ids := c.list("ResourceId")
	switch {
	case len(ids) == 0:
		return nil, badRequest("MissingParameter", "The request must contain the parameter resourceIdSet")
	case len(ids) > maxTagged:
		return nil, badRequest("InvalidParameterValue", "The maximum number of resources for one call is %d", maxTagged)
	}
	for _, id := range ids {
		if !resourceID.MatchString(id) {
			return nil, badRequest("InvalidID", "The ID '%s' is not valid", id)
		}
	}
	return ids, nil
}

// resource finds a resource and says whether the caller may tag it: its own,
// and any snapshot that it can use.
func (c *ec2Call) resource(id string) (r *resource, reachable bool, missing *apiError) {
	switch id[:strings.IndexByte(id, '-')] {
	case "snap":
		if s := c.in.snapshots[id]; s.reachable() {
			_, shared := s.now.sharedAt(c.account)
			return &s.resource, shared || s.owner == c.account, noSnapshot(id)
		}
		return nil, false, noSnapshot(id)
	case "vol":
		if v := c.in.volumes[id]; v != nil {
			return &v.resource, v.owner == c.account, noVolume(id)
		}
		return nil, false, noVolume(id)
	}
	if m := c.in.images[id]; m != nil {
		return &m.resource, m.owner == c.account, noImage(id)
	}
	return nil, false, noImage(id)
}

func (e *ec2) createTags(c *ec2Call) (any, *apiError) {
	ids, problem := c.resourceIDs()
	if problem != nil {
		return nil, problem
	}
	tags := map[string]string{}
	if problem := c.readTags("Tag", tags); problem != nil {
		return nil, problem
	}
	if len(tags) == 0 {
		return nil, badRequest("MissingParameter", "The request must contain the parameter tagSet")
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	sheets := make([]*tagSheet, 0, len(ids))
	after := make([]map[string]string, 0, len(ids))
	for _, id := range ids {
		r, reachable, missing := c.resource(id)
		if !reachable {
			return nil, missing
		}
		sheet := r.sheet(c.in, c.account)
		merged := maps.Clone(sheet.now)
		if merged == nil {
			merged = map[string]string{}
		}
		maps.Copy(merged, tags)
		if len(merged) > maxTags {
			return nil, tooManyTags()
		}
		sheets, after = append(sheets, sheet), append(after, merged)
	}
	for i, sheet := range sheets {
		sheet.now = after[i]
		e.lagged(c.now, sheet.reveal)
	}
	return returned{true}, nil
}

// deleteTags removes the caller's own tags, also from a snapshot that is no
// longer shared with it.
func (e *ec2) deleteTags(c *ec2Call) (any, *apiError) {
	ids, problem := c.resourceIDs()
	if problem != nil {
		return nil, problem
	}
	unwanted := c.groups("Tag", "Key")
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	var sheets []*tagSheet
	for _, id := range ids {
		r, reachable, missing := c.resource(id)
		if r == nil || !reachable && r.sheets[c.account] == nil {
			return nil, missing
		}
		if sheet := r.sheets[c.account]; sheet != nil {
			sheets = append(sheets, sheet)
		}
	}
	for _, sheet := range sheets {
		left := map[string]string{}
		if len(unwanted) > 0 {
			left = maps.Clone(sheet.now)
		}
		for _, prefix := range unwanted {
			key := c.get(prefix + "Key")
			if c.has(prefix+"Value") && left[key] != c.get(prefix+"Value") {
				continue
			}
			delete(left, key)
		}
		sheet.now = left
		e.lagged(c.now, sheet.reveal)
	}
	return returned{true}, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
