"""Stacks over the wire, with boto3 and the aws command line."""

import json

import pytest
from botocore.exceptions import ClientError, WaiterError
from expect import refused


def template(**queues):
    """A template of queues, by logical id: their time-outs."""
    return json.dumps(
        {
            "Resources": {
                name: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"q-{name}", "VisibilityTimeout": timeout}}
                for name, timeout in queues.items()
            },
            "Outputs": {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in queues},
        }
    )


@pytest.fixture
def stacks(caller):
    return caller.client("cloudformation")


def deploy(stacks, kind, body):
    stacks.create_change_set(StackName="a", ChangeSetName="set", ChangeSetType=kind, TemplateBody=body)
    stacks.get_waiter("change_set_create_complete").wait(StackName="a", ChangeSetName="set", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    stacks.execute_change_set(StackName="a", ChangeSetName="set")
    stacks.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName="a", WaiterConfig={"Delay": 1, "MaxAttempts": 5})


def timeout(caller, name):
    sqs = caller.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"]


def test_a_stack_makes_changes_and_deletes_queues(caller, stacks):
    deploy(stacks, "CREATE", template(one=40, two=50))
    assert (timeout(caller, "q-one"), timeout(caller, "q-two")) == ("40", "50")
    deploy(stacks, "UPDATE", template(one=60))
    assert timeout(caller, "q-one") == "60"
    with pytest.raises(caller.client("sqs").exceptions.QueueDoesNotExist):
        timeout(caller, "q-two")
    (stack,) = stacks.describe_stacks(StackName="a")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert stack["Outputs"] == [{"OutputKey": "one", "OutputValue": f"arn:aws:sqs:eu-west-1:{caller.account}:q-one"}]
    assert [r["LogicalResourceId"] for r in stacks.list_stack_resources(StackName="a")["StackResourceSummaries"]] == ["one"]
    stacks.delete_stack(StackName="a")
    stacks.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    with pytest.raises(caller.client("sqs").exceptions.QueueDoesNotExist):
        timeout(caller, "q-one")
    with refused("ValidationError", "Stack with id a does not exist", status=400):
        stacks.describe_stacks(StackName="a")


def test_a_change_set_without_changes_fails(stacks):
    deploy(stacks, "CREATE", template(one=40))
    stacks.create_change_set(StackName="a", ChangeSetName="again", TemplateBody=template(one=40))
    with pytest.raises(WaiterError):
        stacks.get_waiter("change_set_create_complete").wait(StackName="a", ChangeSetName="again", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    described = stacks.describe_change_set(StackName="a", ChangeSetName="again")
    assert (described["Status"], described["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert described["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_a_role_that_is_not_there_is_refused(caller, stacks):
    role = f"arn:aws:iam::{caller.account}:role/cdk-hnb659fds-cfn-exec-role-{caller.account}-eu-west-1"
    with refused("ValidationError", f"Role {role} is invalid or cannot be assumed", status=400):
        stacks.create_change_set(StackName="a", ChangeSetName="set", ChangeSetType="CREATE", TemplateBody=template(one=40), RoleARN=role)


def test_the_errors_are_those_that_boto3_knows(stacks):
    deploy(stacks, "CREATE", template(one=40))
    with pytest.raises(stacks.exceptions.ChangeSetNotFoundException):
        stacks.describe_change_set(StackName="a", ChangeSetName="none")
    with pytest.raises(ClientError, match="Unrecognized resource types: \\[AWS::EC2::VPC\\]"):
        stacks.validate_template(TemplateBody='{"Resources": {"A": {"Type": "AWS::EC2::VPC"}}}')


def test_a_template_goes_through_a_bucket(caller, stacks):
    s3, name = caller.client("s3"), f"files-{caller.account}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=name, Key="a/t.json", Body=template(one=40).encode())
    assert s3.get_object(Bucket=name, Key="a/t.json")["Body"].read() == template(one=40).encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=name, Prefix="a/")["Contents"]] == ["a/t.json"]
    summary = stacks.get_template_summary(TemplateURL=f"{caller.endpoint}/{name}/a/t.json")
    assert summary["ResourceTypes"] == ["AWS::SQS::Queue"]


def test_a_parameter_makes_the_round_trip(caller):
    ssm = caller.client("ssm")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="/a/version")
    ssm.put_parameter(Name="/a/version", Value="33", Type="String")
    assert ssm.get_parameter(Name="/a/version")["Parameter"]["Value"] == "33"


def test_the_command_line_deploys(caller, tmp_path):
    file = tmp_path / "t.json"
    file.write_text(template(one=40))
    done = caller.aws_raw("cloudformation", "deploy", "--stack-name", "a", "--template-file", str(file))
    assert done.returncode == 0, done.stderr
    assert timeout(caller, "q-one") == "40"
    assert caller.aws("cloudformation", "describe-stacks", "--stack-name", "a")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    caller.aws("cloudformation", "delete-stack", "--stack-name", "a")
