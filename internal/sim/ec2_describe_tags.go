package sim

import "strings"

type tagItem struct {
	ResourceID string `xml:"resourceId"`
	Kind       string `xml:"resourceType"`
	Key        string `xml:"key"`
	Value      string `xml:"value"`
}

// tagFilters are the filters of DescribeTags besides tag:<key>.
var tagFilters = map[string]func(tagItem) string{
	"key":           func(t tagItem) string { return t.Key },
	"value":         func(t tagItem) string { return t.Value },
	"resource-id":   func(t tagItem) string { return t.ResourceID },
	"resource-type": func(t tagItem) string { return t.Kind },
}

func (e *ec2) describeTags(c *ec2Call) (any, *apiError) {
	p, problem := c.page()
	if problem != nil {
		return nil, problem
	}
	filters, problem := c.filters(func(name string) bool {
		return tagFilters[name] != nil || strings.HasPrefix(name, "tag:")
	})
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	reply := struct {
		Tags struct {
			Items []tagItem `xml:"item"`
		} `xml:"tagSet"`
		NextToken string `xml:"nextToken,omitempty"`
	}{}
	// A page may end between two tags of one resource: go on with that one.
	lastSeq, lastKey := 0, ""
	for sheet := range merged(p.after-1, c.tagCandidates(filters)) {
		for _, key := range sortedKeys(sheet.shown) {
			if sheet.of.seq == p.after && key <= p.key {
				continue
			}
			item := tagItem{sheet.of.id, sheet.of.kind, key, sheet.shown[key]}
			if !passTagFilters(filters, item) {
				continue
			}
			if p.size > 0 && len(reply.Tags.Items) == p.size {
				reply.NextToken = nextToken(lastSeq, lastKey)
				return reply, nil
			}
			reply.Tags.Items = append(reply.Tags.Items, item)
			lastSeq, lastKey = sheet.of.seq, key
		}
	}
	return reply, nil
}

// tagCandidates are the shortest rolls with all sheets that can pass.
func (c *ec2Call) tagCandidates(filters []filter) []*roll[*tagSheet] {
	rolls := []*roll[*tagSheet]{c.in.tagged[c.account]}
	for i := range filters {
		f := &filters[i]
		if len(f.globs) > 0 {
			continue
		}
		var found []*roll[*tagSheet]
		key, isTag := strings.CutPrefix(f.name, "tag:")
		for value := range f.exact {
			switch {
			case f.name == "resource-id":
				one := &roll[*tagSheet]{}
				if sheet := c.in.sheetOf(value, c.account); sheet != nil && len(sheet.shown) > 0 {
					one.add(sheet)
				}
				found = append(found, one)
			case f.name == "key":
				found = append(found, c.in.byTagKey[tagIndex{c.account, value, ""}])
			case isTag:
				found = append(found, c.in.byTag[tagIndex{c.account, key, value}])
			default:
				found = rolls
			}
		}
		rolls = shorter(rolls, found)
	}
	return rolls
}

func (in *ec2Region) sheetOf(id, viewer string) *tagSheet {
	if s := in.snapshots[id]; s != nil {
		return s.sheets[viewer]
	}
	if v := in.volumes[id]; v != nil {
		return v.sheets[viewer]
	}
	if m := in.images[id]; m != nil {
		return m.sheets[viewer]
	}
	return nil
}

func passTagFilters(filters []filter, item tagItem) bool {
	for i := range filters {
		f := &filters[i]
		if key, isTag := strings.CutPrefix(f.name, "tag:"); isTag {
			if item.Key != key || !f.matches(item.Value) {
				return false
			}
		} else if !f.matches(tagFilters[f.name](item)) {
			return false
		}
	}
	return true
}
