"""SQS over the wire, with boto3 and the aws command line."""

import json
import threading
import time

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def sqs(caller):
    return caller.client("sqs")


def code(error):
    return error.value.response["Error"]["Code"]


def fifo(sqs, name="orders.fifo", **attributes):
    return sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]


def test_queue_url_is_at_the_endpoint_as_called(caller, sqs):
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    assert url == f"{caller.endpoint}/{caller.account}/queue"
    assert sqs.get_queue_url(QueueName="queue")["QueueUrl"] == url
    assert sqs.list_queues()["QueueUrls"] == [url]


def test_message_and_attributes_make_the_round_trip(caller, sqs):
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    attributes = {
        "text": {"DataType": "String", "StringValue": "ä"},
        "number": {"DataType": "Number", "StringValue": "1.5"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="häuser <&>", MessageAttributes=attributes)
    received = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])
    (message,) = received["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "häuser <&>"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert message["Attributes"]["SenderId"] == caller.account


def test_errors_have_the_codes_of_boto3(sqs):
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as error:
        sqs.get_queue_url(QueueName="none")
    assert code(error) == "AWS.SimpleQueueService.NonExistentQueue"
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="queue", Attributes={"DelaySeconds": "1"})
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")
    with pytest.raises(sqs.exceptions.EmptyBatchRequest):
        sqs.send_message_batch(QueueUrl=url, Entries=[])
    with pytest.raises(ClientError) as error:
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    assert code(error) == "InvalidParameterValue"


def test_other_account_is_denied(new_account, sqs):
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    with pytest.raises(ClientError) as error:
        new_account().client("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert code(error) == "AccessDenied"


def test_groups_are_locked_and_spread_over(sqs):
    url = fifo(sqs)
    for group, body in [("g", "1"), ("g", "2"), ("h", "3")]:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)
    (first,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert first["Body"] == "1"
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]] == ["3"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url)["Messages"]] == ["2"]


def test_duplicates_are_taken_once(sqs):
    url = fifo(sqs, ContentBasedDeduplication="true")
    first = sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g")
    again = sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g")
    assert first["SequenceNumber"] == again["SequenceNumber"]
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1


def test_long_poll_ends_with_a_message(caller, sqs):
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    sender = threading.Timer(0.5, lambda: caller.client("sqs").send_message(QueueUrl=url, MessageBody="a"))
    sender.start()
    started = time.monotonic()
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    sender.join()
    assert [m["Body"] for m in received["Messages"]] == ["a"]
    assert time.monotonic() - started < 20


def test_dead_letters_can_be_redriven(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert "Messages" in sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    sqs.start_message_move_task(SourceArn=arn)
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "COMPLETED"
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=url)["Messages"]] == ["a"]


def test_batches_answer_entry_by_entry(sqs):
    url = fifo(sqs)
    sent = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "1"},
            {"Id": "bad", "MessageBody": "a", "MessageDeduplicationId": "2"},
        ],
    )
    assert [e["Id"] for e in sent["Successful"]] == ["good"]
    assert [(e["Id"], e["Code"], e["SenderFault"]) for e in sent["Failed"]] == [("bad", "MissingParameter", True)]


def test_command_line_sends_receives_and_deletes(caller):
    url = caller.aws("sqs", "create-queue", "--queue-name", "q.fifo", "--attributes", "FifoQueue=true,VisibilityTimeout=60")["QueueUrl"]
    sent = caller.aws(
        "sqs", "send-message", "--queue-url", url, "--message-body", "hello", "--message-group-id", "g", "--message-deduplication-id", "1"
    )
    received = caller.aws("sqs", "receive-message", "--queue-url", url, "--attribute-names", "All", "--wait-time-seconds", "5")
    (message,) = received["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hello", sent["MessageId"])
    assert message["Attributes"]["MessageGroupId"] == "g"
    handle = ["--queue-url", url, "--receipt-handle", message["ReceiptHandle"]]
    caller.aws("sqs", "change-message-visibility", *handle, "--visibility-timeout", "120")
    caller.aws("sqs", "delete-message", *handle)
    attributes = caller.aws("sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert attributes["VisibilityTimeout"] == "60"
    caller.aws("sqs", "delete-queue", "--queue-url", url)


def test_command_line_shows_the_error(caller):
    done = caller.aws_raw("sqs", "get-queue-url", "--queue-name", "none")
    assert done.returncode != 0
    assert "NonExistentQueue" in done.stderr
