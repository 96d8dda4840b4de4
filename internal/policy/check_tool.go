package policy

import (
	"bytes"
	"strings"
)

const (
	ofCloudFormation = "is from CloudFormation: put the policy's Properties.PolicyDetails into the file, as JSON without functions such as !Ref"
	ofTerraform      = "is from Terraform: put the policy's policy_details into the file as DLM's own JSON, which aws dlm get-lifecycle-policy --policy-id ID prints"
)

// The names of DLM's policies in other tools.
const (
	cloudFormationType = "AWS::DLM::LifecyclePolicy"
	terraformType      = "aws_dlm_lifecycle_policy"
)

// otherTool says that a document is written for another tool, and the fix; ""
// is that it is not. A document that is not JSON is known by its words.
func otherTool(root node, isJSON bool, data []byte) string {
	if !isJSON {
		switch data = data[:min(len(data), maxBytes)]; {
		case bytes.Contains(data, []byte(cloudFormationType)):
			return ofCloudFormation
		case bytes.Contains(data, []byte(terraformType)):
			return ofTerraform
		}
		return ""
	}
	if root.get("Resources").kind == object || root.get("Properties").kind == object || strings.HasPrefix(root.get("Type").text, "AWS::") {
		return ofCloudFormation
	}
	for _, f := range root.fields {
		switch {
		case f.get("Type").text == cloudFormationType: // a resource under its name
			return ofCloudFormation
		case f.name == terraformType, f.get(terraformType).kind != absent:
			return ofTerraform
		}
	}
	return ""
}
