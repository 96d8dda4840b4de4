"""What the simulated AWS does not have, it says: over the wire, with boto3 and without."""

import urllib.error
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from expect import refused


def no(service, action):
    return f"The action {action} is not valid for this web service: the simulated AWS does not have {service}:{action}"


@pytest.mark.parametrize(
    "service, action, request_, code",
    [
        ("ec2", "DescribeInstances", {}, "InvalidAction"),
        ("sqs", "RemovePermission", {"QueueUrl": "http://x/1/q", "Label": "l"}, "UnknownOperationException"),
        ("events", "ListReplays", {}, "UnknownOperationException"),
        ("kms", "GenerateRandom", {"NumberOfBytes": 1}, "UnknownOperationException"),
        ("sts", "GetSessionToken", {}, "InvalidAction"),
        ("cloudformation", "DescribeAccountLimits", {}, "InvalidAction"),
        ("ssm", "DescribeParameters", {}, "UnknownOperationException"),
    ],
)
def test_an_unknown_action_is_named(caller, service, action, request_, code):
    client = caller.client(service)
    method = {v: k for k, v in client.meta.method_to_api_mapping.items()}[action]
    with refused(code, no(service, action)):
        getattr(client, method)(**request_)


def test_an_unknown_service_is_named(caller):
    done = caller.aws_raw("sns", "list-topics")
    assert 'the simulated AWS has no service "sns"; it has cloudformation, ec2, events, kms, logs, s3, sqs, ssm and sts' in done.stderr


def test_who_is_calling(caller):
    assert caller.aws("sts", "get-caller-identity")["Account"] == caller.account


@pytest.mark.parametrize("service, call", [("ec2", "describe_snapshots"), ("sqs", "list_queues"), ("kms", "list_keys"), ("events", "list_rules")])
def test_an_unsigned_request_is_told_to_sign(endpoint, service, call):
    client = boto3.client(
        service, region_name="eu-west-1", endpoint_url=endpoint, config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    )
    with refused("MissingAuthenticationToken", status=403):
        getattr(client, call)()


def post(endpoint, body, **headers):
    request = urllib.request.Request(endpoint, data=body, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_old_protocol_of_queues_is_refused_in_its_own_form(endpoint, caller):
    signed = f"AWS4-HMAC-SHA256 Credential={caller.account}/20260101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
    status, body = post(endpoint, b"Action=ListQueues&Version=2012-11-05", Authorization=signed)
    assert status == 400
    assert "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code>" in body
    assert "ListQueues came in the query protocol, and the simulated sqs speaks the JSON protocol only" in body


def test_services_that_speak_rest_are_refused_in_their_own_form(caller):
    with refused("InvalidAction", 'the simulated AWS has no service "lambda"; it has cloudformation, ec2, events, kms, logs, s3, sqs, ssm and sts'):
        caller.client("lambda").list_functions()
    with refused("NotImplemented", "the simulated S3 does not have PUT bucket?tagging", status=501):
        caller.client("s3").put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": []})


def test_garbage_leaves_the_world_standing(endpoint, caller):
    for service in ("ec2", "sqs", "events", "kms", "sts", "x"):
        signed = f"AWS4-HMAC-SHA256 Credential={caller.account}/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        for body in (b"", b"\x00\xff", b"Action=", b"Action=%00", b"[", b'{"a":', b"null", b"x" * 100_000):
            for headers in ({}, {"X_Amz_Target": "A.B"}, {"X_Amz_Target": "."}, {"Content_Type": "application/cbor", "Smithy_Protocol": "rpc-v2-cbor"}):
                status, answer = post(endpoint, body, Authorization=signed, **headers)
                assert status == 400, (service, body, headers, answer)
    assert caller.client("sts").get_caller_identity()["Account"] == caller.account
