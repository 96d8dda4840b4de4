package cloudformation

// awsManaged finds a policy that AWS manages, of those that roles of `cdk
// bootstrap` have. What they allow is cut down to services that are simulated.
func awsManaged(arn string) (Policy, bool) {
	document, known := awsPolicies[arn]
	if !known {
		return Policy{}, false
	}
	return Policy{Name: arn, Document: document, ARN: arn}, true
}

// The documents are in the AWS managed policy reference
// (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html).
var awsPolicies = map[string]string{
	"arn:aws:iam::aws:policy/AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	"arn:aws:iam::aws:policy/AWSCloudFormationReadOnlyAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[` +
		`"cloudformation:Describe*","cloudformation:EstimateTemplateCost","cloudformation:Get*","cloudformation:List*","cloudformation:ValidateTemplate","cloudformation:Detect*"]}]}`,
	"arn:aws:iam::aws:policy/ReadOnlyAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":[` +
		`"cloudformation:Describe*","cloudformation:Detect*","cloudformation:Get*","cloudformation:List*","cloudformation:ValidateTemplate",` +
		`"ec2:Describe*","ec2:Get*","ec2:List*","events:Describe*","events:List*","events:Test*","kms:Describe*","kms:Get*","kms:List*","logs:Describe*","logs:Filter*",` +
		`"s3:Get*","s3:List*","sqs:Get*","sqs:List*","sqs:Receive*","ssm:Describe*","ssm:Get*","ssm:List*","sts:Get*"]}]}`,
}
