"""Every statement that is deployed, beside Amazon's service authorization reference.

Run by `make templates`, which writes the templates of SETTINGS first.
"""

import itertools
import json
import pathlib
import re

import pytest
from exceptions import EXCEPTIONS
from reference import judge
from templates import Statement, of_template, statements

INFRA = pathlib.Path(__file__).parents[2]


def files():
    """The templates that people have looked at, and what make synth wrote."""
    golden = sorted(INFRA.glob("golden/*/*/*.template.json"))
    synthesized = sorted(f for p in ("*.template.json", "*/*.template.json", "*/*policy*.json") for f in INFRA.glob(f"cdk.out/{p}"))
    assert len(golden) > 20 and synthesized, f"{len(golden)} golden templates and {len(synthesized)} synthesized files: run 'make synth' first"
    return golden + synthesized


def test_statements():
    """No statement says what the reference does not know, but for EXCEPTIONS; each
    of those is met by a finding."""
    used = set()
    found = []
    count = 0
    for file in files():
        for statement in statements(file):
            count += 1
            for finding in judge(statement):
                met = [pattern for pattern, _ in EXCEPTIONS if re.search(pattern + "$", finding)]
                used.update(met)
                if not met:
                    found.append(finding)
    assert count > 300, f"only {count} statements are found"
    assert not found, "\n".join(found)
    unused = [pattern for pattern, _ in EXCEPTIONS if pattern not in used]
    assert not unused, "nothing is found any more of: remove the rows\n" + "\n".join(unused)


SNAPSHOT = "arn:aws:ec2:us-east-1::snapshot/*"


def statement(kind="identity", **body):
    return Statement("planted", kind, {"Effect": "Allow", "Action": "ec2:DeleteSnapshot", "Resource": SNAPSHOT, **body})


@pytest.mark.parametrize("planted, finding", [
    (statement(), None),
    (statement(Action="ec2:RemoveSnapshot"), "ec2:RemoveSnapshot: no such action"),
    (statement(Action=["ec2:DeleteSnapshot", "ebs2:Read"]), "ebs2:Read: no such action"),
    (statement(Action="kms:ReEncryptAll*", Resource="arn:aws:kms:us-east-1:111111111111:key/k"), "kms:ReEncryptAll*: no such action"),
    (statement(Condition={"StringEquals": {"aws:ResourceTag/a": "b"}}), None),
    (statement(Condition={"StringEquals": {"aws:RequestTag/a": "b"}}), "ec2:DeleteSnapshot: the key aws:RequestTag/a is not listed with arn:aws:ec2:us-east-1::snapshot/*"),
    (statement(Condition={"Bool": {"ec2:Encrypt": "true"}}), "ec2:DeleteSnapshot: the key ec2:Encrypt is not listed with arn:aws:ec2:us-east-1::snapshot/*"),
    (statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), None),
    (statement(Condition={"StringEquals": {"aws:Region": "us-east-1"}}), "ec2:DeleteSnapshot: the key aws:Region is not listed with arn:aws:ec2:us-east-1::snapshot/*"),
    (statement(Action="ec2:CreateSnapshot", Resource=[SNAPSHOT, "arn:aws:ec2:us-east-1:111111111111:volume/*"], Condition={"StringEquals": {"aws:ResourceTag/a": "b"}}),
     f"ec2:CreateSnapshot: the key aws:ResourceTag/a is not listed with {SNAPSHOT}"),
    (statement(Resource="*"), "ec2:DeleteSnapshot: * though it takes snapshot"),
    (statement(Resource="*", Effect="Deny"), None),
    (statement(Resource="arn:aws:ec2:us-east-1:111111111111:volume/*"), "ec2:DeleteSnapshot: arn:aws:ec2:us-east-1:111111111111:volume/* is no snapshot"),
    (statement(Resource="arn:aws:ec2:us-east-1:111111111111:snapshot/*"), "ec2:DeleteSnapshot: arn:aws:ec2:us-east-1:111111111111:snapshot/* is no snapshot"),
    (statement(Resource="arn:aws:ec2:us-east-1::snapshot/${*}"), None),
    (statement(Resource="arn:aws:ec2:*:*:*"), "ec2:DeleteSnapshot: arn:aws:ec2:*:*:* is no snapshot"),
    (statement(Action="ec2:DescribeSnapshots"), f"ec2:DescribeSnapshots: {SNAPSHOT}, though it takes no resource"),
    (statement(Action="ec2:DescribeSnapshots", Resource="*"), None),
    (statement(Resource=[]), "no resource"),
    (statement(Action=[]), "no action"),
    (statement(NotAction="ec2:*", Action=[]), "NotAction is not looked at"),
    (statement(NotResource=SNAPSHOT, Resource=[]), "NotResource is not looked at"),
    (statement(NotResource=SNAPSHOT, Resource=[], Effect="Deny"), None),
    (statement(NotResource="arn:aws:ec2:us-east-1:111111111111:volume/*", Resource=[], Effect="Deny"), "ec2:DeleteSnapshot: arn:aws:ec2:us-east-1:111111111111:volume/* is no snapshot"),
    (statement("trust", Action="sts:AssumeRole"), "a trust policy has no resource"),
    (statement("key", Action="kms:Decrypt", Resource="arn:aws:kms:us-east-1:111111111111:key/k"), "the resource of a key policy is *, the key"),
    (statement("organization", Effect="Deny"), None),
    (statement("organization"), "it allows, and a service control policy of ours only denies"),
    (statement("organization", Effect="Deny", Action=["ec2:DeleteSnapshot", "sqs:PurgeQueue"]), "sqs:PurgeQueue: none of the resources fits"),
    (statement("organization", Effect="Deny", Resource=[SNAPSHOT, "arn:aws:sqs:*:111111111111:q"]), "arn:aws:sqs:*:111111111111:q: no action is about it"),
    (statement("organization", Effect="Deny", Action="ec2:EraseSnapshot", Resource="*"), "ec2:EraseSnapshot: no such action"),
    (statement("organization", Effect="Deny", Action=[], NotAction=["ec2:Describe*", "ec2:Look*"], Resource="*"), "ec2:Look*: no such action"),
    (statement("organization", Effect="Deny", Condition={"Null": {"aws:RequestTag/a": "false"}}), "ec2:DeleteSnapshot: the key aws:RequestTag/a is not listed"),
    (statement("organization", Effect="Deny", Action=[]), "no action"),
    (statement(Action="logs:PutLogEvents", Resource="arn:aws:logs:us-east-1:111111111111:log-group:/a/b:*"), None),
])
def test_judge(planted, finding):
    """The judge sees what is planted, and nothing else."""
    assert judge(planted) == ([f"planted: {finding}"] if finding else [])


QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}


def test_reader():
    """Statements are found in roles and their trust, in a StackSet's template and in
    documents that are text; with ARNs where references were."""
    policy = {"Statement": {"Sid": "S", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}}
    inner = {"Resources": {"Queue": QUEUE, "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": policy}}}}
    template = {"Resources": {
        "Queue": QUEUE,
        "Role": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]},
            "Policies": [{"PolicyDocument": policy}]}},
        "Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateBody": json.dumps(inner)}},
        "Guard": {"Type": "AWS::Organizations::Policy", "Properties": {"Content": json.dumps({"Statement": [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]})}},
    }}
    got = [(s.where, s.kind, s.resources) for s in of_template(template, "t")]
    queue = ["arn:aws:sqs:us-east-1:111111111111:unknown"]
    assert got == [("t Role 0", "trust", []), ("t Role S", "identity", queue), ("t Set Policy S", "resource", queue), ("t Guard 0", "organization", ["*"])]


@pytest.mark.parametrize("resource, error", [
    ({"Type": "AWS::KMS::Key", "Properties": {}}, "without a statement"),
    ({"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {"Statement": [{}]}}}, "say in HOLDERS"),
])
def test_reader_is_not_silent(resource, error):
    with pytest.raises(ValueError, match=error):
        list(of_template({"Resources": {"X": resource}}, "t"))


def test_exceptions_have_reasons():
    assert all(len(why) > 20 for _, why in EXCEPTIONS)
    for (a, _), (b, _) in itertools.combinations(EXCEPTIONS, 2):
        assert a != b
