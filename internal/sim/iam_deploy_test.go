package sim

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestDeployingIsNotForFree makes every operation of CloudFormation, S3 and
// Systems Manager as a role that may do nothing and as one that may do everything:
// the first is refused, and every operation asks.
func TestDeployingIsNotForFree(t *testing.T) {
	var asked []Authorization
	w := New(Options{Templates: newWords, OnAuthorize: func(a Authorization) { asked = append(asked, a) }})
	idle, err := w.AddRole(vault, "idle")
	if err != nil {
		t.Fatal(err)
	}
	busy, err := w.AddRole(vault, "busy", permit(may("*", "*")))
	if err != nil {
		t.Fatal(err)
	}
	s := stackLab{t, w, vault}
	s.deploy("CREATE", "a", "One")
	s.must("CreateChangeSet", "StackName", "a", "ChangeSetName", "next", "TemplateBody", "Two")
	forms := map[string]string{
		"CreateChangeSet": "StackName=a&ChangeSetName=new&TemplateBody=One", "DescribeChangeSet": "StackName=a&ChangeSetName=next",
		"ExecuteChangeSet": "StackName=a&ChangeSetName=next", "DeleteChangeSet": "StackName=a&ChangeSetName=next",
		"UpdateTerminationProtection": "StackName=a&EnableTerminationProtection=false", "ListStacks": "", "ListExports": "",
		"GetTemplateSummary": "TemplateBody=One", "ValidateTemplate": "TemplateBody=One",
	}
	check := func(permission string, call func(caller string) string) {
		t.Helper()
		if code := call(idle); !strings.HasPrefix(code, "AccessDenied") {
			t.Errorf("%s by a role that may do nothing: got %q", permission, code)
		}
		asked = nil
		call(busy)
		if !slices.ContainsFunc(asked, func(a Authorization) bool { return a.Action == permission && a.Allowed }) {
			t.Errorf("%s by a role that may do everything: it asked %+v", permission, asked)
		}
	}
	for _, action := range sortedKeys(cfActions) {
		text, given := forms[action]
		if !given {
			text = "StackName=a"
		}
		if action == "DeleteStack" {
			continue // the last one
		}
		check("cloudformation:"+action, func(caller string) string { return s.as(caller, action, text) })
	}
	check("cloudformation:DeleteStack", func(caller string) string { return s.as(caller, "DeleteStack", "StackName=a") })
	check("iam:PassRole", func(caller string) string {
		passer := caller
		if caller == idle {
			if passer, err = w.AddRole(vault, "passer", permit(may("cloudformation:*", "*"))); err != nil {
				t.Fatal(err)
			}
		}
		return s.as(passer, "CreateChangeSet", "StackName=b&ChangeSetName=s&ChangeSetType=CREATE&TemplateBody=One&RoleARN="+url.QueryEscape("arn:aws:iam::222222222222:role/busy"))
	})
	if err := w.CreateBucket(vault, west, "files"); err != nil {
		t.Fatal(err)
	}
	for _, a := range s3Actions {
		path := map[string]string{"": "/", "bucket": "/files", "object": "/files/key"}[a.resource]
		if a.name == "CreateBucket" {
			path = "/other"
		}
		if a.sub != "" {
			path += "?" + a.sub
		}
		check("s3:"+a.permission, func(caller string) string {
			status, body, _ := rest(t, w, caller, west, a.method, path, "")
			if status == 403 && (a.method == "HEAD" || strings.Contains(body, "<Code>AccessDenied</Code>")) {
				return "AccessDenied"
			}
			return body
		})
		if a.name == "DeleteBucket" {
			if err := w.CreateBucket(vault, west, "files"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, action := range sortedKeys(ssmActions) {
		check("ssm:"+action, func(caller string) string {
			err, _ := w.Do(t.Context(), caller, west, "ssm", action, object{"Name": "/a", "Names": []string{"/a"}, "Value": "v", "Type": "String"}, nil).(*Error)
			if err == nil {
				return ""
			}
			return err.Code
		})
	}
}

// as makes a call and returns the code of its error.
func (s stackLab) as(caller, action, query string) string {
	s.Helper()
	form, err := url.ParseQuery(query)
	if err != nil {
		s.Fatal(err)
	}
	refused, _ := s.w.Do(s.Context(), caller, west, "cloudformation", action, form, nil).(*Error)
	if refused == nil {
		return ""
	}
	return refused.Code
}

func TestParameters(t *testing.T) {
	w := New(Options{})
	call := func(region, action string, in object) (object, string) {
		var out object
		err, _ := w.Do(t.Context(), vault, region, "ssm", action, in, &out).(*Error)
		if err != nil {
			return nil, err.Code
		}
		return out, ""
	}
	name := object{"Name": "/cdk-bootstrap/x/version"}
	for _, step := range []struct {
		region, action string
		in             object
		want           string
	}{
		{west, "GetParameter", name, "ParameterNotFound"},
		{west, "PutParameter", object{"Name": name["Name"], "Value": "1"}, "ValidationException"},
		{west, "PutParameter", object{"Name": name["Name"], "Value": "1", "Type": "SecureString"}, "UnsupportedParameterType"},
		{west, "PutParameter", object{"Name": name["Name"], "Value": "1", "Type": "String"}, ""},
		{west, "PutParameter", object{"Name": name["Name"], "Value": "2", "Type": "String"}, "ParameterAlreadyExists"},
		{west, "PutParameter", object{"Name": name["Name"], "Value": "2", "Overwrite": true}, ""},
		{west, "GetParameter", name, ""},
		{east, "GetParameter", name, "ParameterNotFound"},
		{west, "DeleteParameter", name, ""},
		{west, "DeleteParameter", name, "ParameterNotFound"},
	} {
		out, code := call(step.region, step.action, step.in)
		if code != step.want {
			t.Errorf("%s %v in %s: got %q, want %q", step.action, step.in, step.region, code, step.want)
		}
		if p, is := out["Parameter"].(map[string]any); is && (p["Value"] != "2" || p["Version"] != 2.0 || p["ARN"] != "arn:aws:ssm:eu-west-1:222222222222:parameter/cdk-bootstrap/x/version") {
			t.Errorf("the parameter is %v", p)
		}
	}
}
