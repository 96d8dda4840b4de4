"""The statements in CloudFormation templates and policy documents, with the names
in place of references. Nothing here knows what a statement may say.
"""

import dataclasses
import json
import re

# What stands in an ARN for a pseudo parameter, and for a value that is not known
# before the deployment.
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "111111111111", "AWS::URLSuffix": "amazonaws.com"}
UNKNOWN = "unknown"

# The ARN of a resource, by its type: of what Ref or Fn::GetAtt Arn gives, all that
# the reference looks at.
ARNS = {
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:111111111111:event-bus/unknown",
    "AWS::IAM::Role": "arn:aws:iam::111111111111:role/unknown",
    "AWS::KMS::Key": "arn:aws:kms:us-east-1:111111111111:key/unknown",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:111111111111:function:unknown",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:111111111111:log-group:unknown:*",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:111111111111:unknown",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:111111111111:unknown",
}

# What holds a policy, and of which kind it is.
HOLDERS = {
    "AWS::IAM::Role": "identity",
    "AWS::IAM::ManagedPolicy": "identity",
    "AWS::IAM::Policy": "identity",
    "AWS::Events::EventBusPolicy": "resource",
    "AWS::KMS::Key": "key",
    "AWS::Organizations::Policy": "organization",
    "AWS::SNS::TopicPolicy": "resource",
    "AWS::SQS::QueuePolicy": "resource",
}


@dataclasses.dataclass(frozen=True)
class Statement:
    where: str  # file, resource and Sid or number
    kind: str  # identity, trust, resource, key or organization
    body: dict

    @property
    def actions(self):
        return as_list(self.body.get("Action"))

    @property
    def resources(self):
        """Those that it is about or, as a denial, leaves out."""
        return as_list(self.body.get("Resource") or self.body.get("NotResource"))

    @property
    def keys(self):
        """The condition keys, each with its operators."""
        found = {}
        for operator, keys in self.body.get("Condition", {}).items():
            for key in keys:
                found.setdefault(key, []).append(operator)
        return found


def as_list(value):
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def statements(file):
    """All statements of a file, which is a template or a list of statements."""
    document = json.loads(file.read_text())
    name = f"{file.parent.parent.name}/{file.parent.name}/{file.name}".removesuffix(".template.json")
    if "Resources" not in document:
        yield from of_document(document, name, "key")
        return
    yield from of_template(document, name)


def of_template(template, name):
    """The statements of a template. A holder of policies without any is an error."""
    resources = template["Resources"]
    names = {**PSEUDO, **{p: UNKNOWN for p in template.get("Parameters", {})}}
    for logical, r in resources.items():
        where = f"{name} {logical}"
        properties = r.get("Properties", {})
        if r["Type"] == "AWS::CloudFormation::StackSet":
            yield from of_template(json.loads(properties["TemplateBody"]), where)
            continue
        arns = {l: ARNS[x["Type"]] for l, x in resources.items() if x["Type"] in ARNS}
        found = list(of_document(resolve(properties, names, arns), where, HOLDERS.get(r["Type"], "resource")))
        if r["Type"] in HOLDERS and not found:
            raise ValueError(f"{where} is a {r['Type']} without a statement that is read")
        if found and r["Type"] not in HOLDERS:
            raise ValueError(f"{where} is a {r['Type']}, and has statements: say in HOLDERS of which kind")
        yield from found


def of_document(value, where, kind):
    """The statements anywhere below a value, also in JSON that is text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = json.loads(value)
    if isinstance(value, list):
        for item in value:
            yield from of_document(item, where, kind)
    if isinstance(value, dict):
        for number, body in enumerate(as_list(value.get("Statement"))):
            yield Statement(f"{where} {body.get('Sid', number)}", kind, body)
        for key, item in value.items():
            if key != "Statement":
                yield from of_document(item, where, "trust" if key == "AssumeRolePolicyDocument" else kind)


def resolve(value, names, arns):
    """The value with text in place of CloudFormation's functions."""
    if isinstance(value, list):
        return [resolve(v, names, arns) for v in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        function, argument = next(iter(value.items()))
        if function == "Ref":
            return arns.get(argument) or names[argument]
        if function == "Fn::GetAtt":
            logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
            return arns[logical] if attribute == "Arn" else UNKNOWN
        if function == "Fn::Join":
            return argument[0].join(resolve(argument[1], names, arns))
        if function == "Fn::Sub":
            return re.sub(r"\$\{([^!}]+)\}", lambda m: names.get(m[1]) or arns.get(m[1].removesuffix(".Arn"), UNKNOWN), argument).replace("${!", "${")
    return {k: resolve(v, names, arns) for k, v in value.items()}
