package sim

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// CloudFormation's limits of a template
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html):
// bytes within a request, bytes of a file in S3, and resources.
const (
	maxTemplateBody = 51_200
	maxTemplateFile = 1_000_000
	maxResources    = 500
)

// template reads the template that a call gives, in itself or as the address of
// an object in S3, which the caller must be allowed to read.
func (f *cloudformation) template(c *cfCall) (text string, summary TemplateSummary, problem *apiError) {
	body, address := c.form.Get("TemplateBody"), c.form.Get("TemplateURL")
	switch {
	case (body == "") == (address == ""):
		return "", summary, validation("Either Template URL or Template Body must be specified.")
	case len(body) > maxTemplateBody:
		return "", summary, validation("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", maxTemplateBody)
	case body != "":
		text = body
	default:
		if text, problem = f.fetch(c, address); problem != nil {
			return "", summary, problem
		}
		if len(text) > maxTemplateFile {
			return "", summary, validation("Template may not exceed %d bytes in size.", maxTemplateFile)
		}
	}
	summary, err := f.templates.Read(text)
	if err != nil {
		return "", summary, validation("Template format error: %v", err)
	}
	if summary.Resources > maxResources {
		return "", summary, validation("Template format error: Number of resources, %d, is greater than maximum allowed, %d", summary.Resources, maxResources)
	}
	return text, summary, nil
}

// fetch reads a template's file from the simulated S3.
func (f *cloudformation) fetch(c *cfCall, address string) (text string, problem *apiError) {
	bucket, key, ok := objectAt(address, c.host)
	if !ok {
		return "", validation("S3 error: Domain name specified in %s is not a valid S3 domain", address)
	}
	f.w.step(func(now time.Time) {
		o, refused := f.w.s3.read(now, c.call, bucket, key)
		if refused != nil {
			problem = validation("S3 error: %s\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html", refused.Message)
			return
		}
		text = string(o.body)
	})
	return text, problem
}

// objectAt reads the address of an object: at Amazon's S3, with the bucket in the
// path or in the host, or at the endpoint that the caller uses.
func objectAt(address, endpoint string) (bucket, key string, ok bool) {
	if path, here := strings.CutPrefix(address, endpoint+"/"); here {
		return strings.Cut(path, "/")
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Host, ".amazonaws.com") {
		return "", "", false
	}
	path := strings.TrimPrefix(u.Path, "/")
	if strings.HasPrefix(u.Host, "s3.") || strings.HasPrefix(u.Host, "s3-") {
		return strings.Cut(path, "/")
	}
	bucket, _, ok = strings.Cut(u.Host, ".s3")
	return bucket, path, ok
}

type parameterItem struct {
	ParameterKey  string
	DefaultValue  *string
	ParameterType string `xml:",omitempty"`
	NoEcho        bool
	Description   string `xml:",omitempty"`
}

func (s TemplateSummary) items(types bool) []parameterItem {
	var items []parameterItem
	for _, p := range s.Parameters {
		item := parameterItem{ParameterKey: p.Key, DefaultValue: p.Default, Description: p.Description}
		if types {
			item.ParameterType = p.Type
		}
		items = append(items, item)
	}
	return items
}

func (f *cloudformation) getTemplateSummary(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	var summary TemplateSummary
	if name := c.form.Get("StackName"); name != "" {
		_, problem = f.about(c, noStack, func(s *cfStack) (any, *apiError) {
			c.form.Set("TemplateBody", s.template)
			return nil, nil
		})
		if problem != nil {
			return nil, problem
		}
		var err error
		if summary, err = f.templates.Read(c.form.Get("TemplateBody")); err != nil {
			return nil, validation("Template format error: %v", err)
		}
	} else {
		f.w.step(func(now time.Time) { problem = f.may(now, c, nil, "") })
		if problem != nil {
			return nil, problem
		}
		if _, summary, problem = f.template(c); problem != nil {
			return nil, problem
		}
	}
	return struct {
		Parameters         []parameterItem `xml:"Parameters>member"`
		Description        string          `xml:",omitempty"`
		Capabilities       []string        `xml:"Capabilities>member"`
		CapabilitiesReason string          `xml:",omitempty"`
		ResourceTypes      []string        `xml:"ResourceTypes>member"`
		Version            string
	}{summary.items(true), summary.Description, summary.Capabilities, summary.Reason, summary.Types, "2010-09-09"}, nil
}

func (f *cloudformation) validateTemplate(_ context.Context, c *cfCall) (reply any, problem *apiError) {
	f.w.step(func(now time.Time) { problem = f.may(now, c, nil, "") })
	if problem != nil {
		return nil, problem
	}
	_, summary, problem := f.template(c)
	if problem != nil {
		return nil, problem
	}
	return struct {
		Parameters         []parameterItem `xml:"Parameters>member"`
		Description        string          `xml:",omitempty"`
		Capabilities       []string        `xml:"Capabilities>member"`
		CapabilitiesReason string          `xml:",omitempty"`
	}{summary.items(false), summary.Description, summary.Capabilities, summary.Reason}, nil
}
