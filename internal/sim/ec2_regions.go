package sim

import "slices"

// commercialRegions are the Regions that exist from the beginning.
var commercialRegions = []string{
	"af-south-1",
	"ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
	"ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7",
	"ca-central-1", "ca-west-1",
	"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
	"il-central-1",
	"me-central-1", "me-south-1",
	"mx-central-1",
	"sa-east-1",
	"us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

// optInRegions are the Regions, of those above, that an account has to opt in to.
var optInRegions = []string{
	"af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7",
	"ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1", "mx-central-1",
}

// knows says whether there is a Region of that name.
func (e *ec2) knows(region string) bool {
	return slices.Contains(commercialRegions, region) || e.regions[region] != nil
}

// zonesOf are the names of a Region's Availability Zones.
func zonesOf(region string) []string {
	return []string{region + "a", region + "b", region + "c"}
}

type regionItem struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

// regionFilters are the filters of DescribeRegions.
var regionFilters = map[string]func(regionItem) string{
	"endpoint":      func(r regionItem) string { return r.Endpoint },
	"opt-in-status": func(r regionItem) string { return r.OptIn },
	"region-name":   func(r regionItem) string { return r.Name },
}

// describeRegions answers as an account that opted in to every Region would
// see it.
func (e *ec2) describeRegions(c *ec2Call) (any, *apiError) {
	names := c.list("RegionName")
	for _, name := range names {
		if !e.knows(name) {
			return nil, badRequest("InvalidParameterValue", "Invalid region provided: %s", name)
		}
	}
	filters, problem := c.filters(func(name string) bool { return regionFilters[name] != nil })
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	all := slices.Concat(commercialRegions, sortedKeys(e.regions))
	slices.Sort(all)
	reply := struct {
		Regions struct {
			Items []regionItem `xml:"item"`
		} `xml:"regionInfo"`
	}{}
	for _, name := range slices.Compact(all) {
		item := regionItem{name, "ec2." + name + ".amazonaws.com", "opt-in-not-required"}
		if slices.Contains(optInRegions, name) {
			item.OptIn = "opted-in"
		}
		pass := len(names) == 0 || slices.Contains(names, name)
		for i := range filters {
			pass = pass && filters[i].matches(regionFilters[filters[i].name](item))
		}
		if pass {
			reply.Regions.Items = append(reply.Regions.Items, item)
		}
	}
	return reply, nil
}

type zoneItem struct {
	OptIn  string `xml:"optInStatus"`
	Region string `xml:"regionName"`
	Name   string `xml:"zoneName"`
	ID     string `xml:"zoneId"`
	Group  string `xml:"groupName"`
	Border string `xml:"networkBorderGroup"`
	Type   string `xml:"zoneType"`
	State  string `xml:"zoneState"`
}

// zoneFilters are the filters of DescribeAvailabilityZones.
var zoneFilters = map[string]func(zoneItem) string{
	"opt-in-status": func(z zoneItem) string { return z.OptIn },
	"region-name":   func(z zoneItem) string { return z.Region },
	"state":         func(z zoneItem) string { return z.State },
	"zone-id":       func(z zoneItem) string { return z.ID },
	"zone-name":     func(z zoneItem) string { return z.Name },
	"zone-type":     func(z zoneItem) string { return z.Type },
}

func (e *ec2) describeAvailabilityZones(c *ec2Call) (any, *apiError) {
	names, ids := c.list("ZoneName"), c.list("ZoneId")
	filters, problem := c.filters(func(name string) bool { return zoneFilters[name] != nil })
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	for _, name := range names {
		if !slices.Contains(zonesOf(c.region), name) {
			return nil, badRequest("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	reply := struct {
		Zones struct {
			Items []zoneItem `xml:"item"`
		} `xml:"availabilityZoneInfo"`
	}{}
	for i, name := range zonesOf(c.region) {
		item := zoneItem{
			OptIn: "opt-in-not-required", Region: c.region, Name: name, ID: c.region + "-az" + string(rune('1'+i)),
			Group: c.region, Border: c.region, Type: "availability-zone", State: "available",
		}
		pass := (len(names) == 0 || slices.Contains(names, name)) && (len(ids) == 0 || slices.Contains(ids, item.ID))
		for i := range filters {
			pass = pass && filters[i].matches(zoneFilters[filters[i].name](item))
		}
		if pass {
			reply.Zones.Items = append(reply.Zones.Items, item)
		}
	}
	return reply, nil
}
