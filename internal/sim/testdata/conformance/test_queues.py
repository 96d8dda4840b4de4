"""SQS and EventBridge, as far as snapferry needs them."""

import json
import time

import pytest
from botocore.exceptions import ClientError
from conftest import eventually, moto_differs


@pytest.fixture
def sqs(account):
    return account.client("sqs")


def fifo(sqs, name="orders.fifo", **attributes):
    return sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]


def send(sqs, url, body, group="g", id=None):
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=id or body)


def receive(sqs, url, **more):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])


def bodies(messages):
    return [m["Body"] for m in messages]


def test_a_fifo_queue_takes_a_message_once(sqs):
    url = fifo(sqs)
    send(sqs, url, "one", id="x")
    send(sqs, url, "another", id="x")
    assert bodies(receive(sqs, url)) == ["one"]


@moto_differs("it forgets a deduplication id with its message")
def test_deduplication_outlives_the_message(sqs):
    url = fifo(sqs)
    send(sqs, url, "one")
    (message,) = receive(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    send(sqs, url, "one")
    assert receive(sqs, url) == []


def test_a_group_waits_for_its_message_in_flight(sqs):
    url = fifo(sqs)
    send(sqs, url, "a1", group="a")
    (message,) = receive(sqs, url)
    send(sqs, url, "a2", group="a")
    send(sqs, url, "b1", group="b")
    assert bodies(receive(sqs, url)) == ["b1"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies(receive(sqs, url)) == ["a2"]


def test_a_message_that_is_released_comes_first_again(sqs):
    url = fifo(sqs)
    for body in ("a1", "a2"):
        send(sqs, url, body, group="a")
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(receive(sqs, url)) == ["a1", "a2"]


def test_a_batch_says_what_became_of_each(sqs):
    url = fifo(sqs)
    entries = [{"Id": str(n), "MessageBody": "x", "MessageGroupId": str(n), "MessageDeduplicationId": str(n)} for n in range(3)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert {s["Id"] for s in answer["Successful"]} == {"0", "1", "2"}
    assert not answer.get("Failed")


def test_what_waits_and_what_is_in_flight_is_counted(sqs):
    url = fifo(sqs)
    for n in range(3):
        send(sqs, url, str(n), group=str(n))
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert got["ApproximateNumberOfMessages"] == "2"
    assert got["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_a_message_received_too_often_is_a_dead_letter(sqs, account):
    letters = sqs.create_queue(QueueName="letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=letters, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = sqs.create_queue(QueueName="events", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert bodies(receive(sqs, url)) == ["poison"]
    assert receive(sqs, url) == []
    assert bodies(receive(sqs, letters)) == ["poison"]


def test_a_receive_waits_for_the_next_message(sqs):
    url = fifo(sqs, VisibilityTimeout="1")
    send(sqs, url, "one")
    assert bodies(receive(sqs, url)) == ["one"]
    assert bodies(receive(sqs, url, WaitTimeSeconds=5)) == ["one"]


def test_a_queue_that_does_not_exist(sqs, account):
    with pytest.raises(ClientError) as error:
        sqs.send_message(QueueUrl=f"{account.endpoint}/{account.number}/none", MessageBody="x")
    assert error.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


PATTERN = {"source": ["aws.ec2"], "detail-type": ["EBS Snapshot Notification"], "detail": {"event": ["shareSnapshot"], "result": ["succeeded"]}}


def put(events, bus, **detail):
    entry = {"EventBusName": bus, "Source": "snapferry.test", "DetailType": "EBS Snapshot Notification", "Detail": json.dumps(detail)}
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def rule(account, bus="snapferry", **pattern):
    """A queue that gets what matches the pattern on a bus."""
    events, sqs = account.client("events"), account.client("sqs")
    events.create_event_bus(Name=bus)
    url = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    # Without a policy the queue takes nothing from EventBridge.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]})})
    events.put_rule(Name="rule", EventBusName=bus, EventPattern=json.dumps({**PATTERN, "source": ["snapferry.test"], **pattern}))
    events.put_targets(Rule="rule", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    return events, sqs, url


def test_a_rule_carries_what_matches_to_its_queue(account):
    events, sqs, url = rule(account)
    put(events, "snapferry", event="copySnapshot", result="succeeded")
    put(events, "snapferry", event="shareSnapshot", result="failed")
    put(events, "snapferry", event="shareSnapshot", result="succeeded", source="111111111111")
    (message,) = eventually(lambda: receive(sqs, url))
    event = json.loads(message["Body"])
    assert event["region"] == "us-east-1"
    assert event["detail-type"] == "EBS Snapshot Notification"
    assert event["detail"] == {"event": "shareSnapshot", "result": "succeeded", "source": "111111111111"}
    time.sleep(0.2)
    assert receive(sqs, url) == []


@moto_differs("its events name no account")
def test_an_event_names_its_account(account):
    events, sqs, url = rule(account)
    put(events, "snapferry", event="shareSnapshot", result="succeeded")
    (message,) = eventually(lambda: receive(sqs, url))
    assert json.loads(message["Body"])["account"] == account.number


def test_a_number_is_not_the_same_as_its_text(account):
    events, sqs, url = rule(account, detail={"source": ["111111111111"]})
    put(events, "snapferry", source=111111111111)
    put(events, "snapferry", source="111111111111", text=True)
    (message,) = eventually(lambda: receive(sqs, url))
    assert json.loads(message["Body"])["detail"]["text"] is True


@moto_differs("it takes an event that may be Amazon's own")
def test_nobody_sends_events_as_amazon(account):
    answer = account.client("events").put_events(
        Entries=[{"Source": "aws.ec2", "DetailType": "EBS Snapshot Notification", "Detail": "{}"}])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
