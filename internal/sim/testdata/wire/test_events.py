"""EventBridge over the wire, with boto3 and the aws command line."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

from expect import delivered_to

MINE = json.dumps({"source": ["mine"]})


def queue(caller, name="queue", region="eu-west-1"):
    """Makes a queue and returns its ARN and a function that empties it."""
    sqs = caller.client("sqs", region)
    arn = f"arn:aws:sqs:{region}:{caller.account}:{name}"
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": delivered_to(arn)})["QueueUrl"]

    def receive():
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(m["Body"]) for m in messages]

    return arn, receive


def route(events, arn, pattern=MINE, rule="rule", bus="default"):
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=pattern)
    answer = events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])
    assert answer["FailedEntryCount"] == 0


def entry(source="mine", **more):
    return {"Source": source, "DetailType": "Thing", "Detail": json.dumps({"n": 1}), **more}


def test_event_arrives_with_its_envelope(caller):
    events = caller.client("events")
    arn, receive = queue(caller)
    route(events, arn)
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    put = events.put_events(Entries=[entry(Time=when, Resources=["r"]), entry("other")])
    assert put["FailedEntryCount"] == 0
    assert receive() == [
        {
            "version": "0",
            "id": put["Entries"][0]["EventId"],
            "detail-type": "Thing",
            "source": "mine",
            "account": caller.account,
            "time": "2026-01-01T00:00:00Z",
            "region": "eu-west-1",
            "resources": ["r"],
            "detail": {"n": 1},
        }
    ]


def test_amazons_sources_are_amazons(caller):
    put = caller.client("events").put_events(Entries=[entry("aws.ec2")])
    assert put["FailedEntryCount"] == 1
    assert put["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"


def test_bus_in_another_region_gets_the_event_unchanged(caller):
    away, home = caller.client("events"), caller.client("events", "us-east-1")
    arn, receive = queue(caller, region="us-east-1")
    bus = home.create_event_bus(Name="home")["EventBusArn"]
    route(home, arn, bus="home")
    route(away, bus)
    away.put_events(Entries=[entry()])
    assert [(e["region"], e["source"]) for e in receive()] == [("eu-west-1", "mine")]


def test_bus_of_another_account_needs_permission(caller, new_account):
    other = new_account()
    theirs = other.client("events")
    arn, receive = queue(other)
    bus = theirs.create_event_bus(Name="theirs")["EventBusArn"]
    route(theirs, arn, bus="theirs")
    mine = caller.client("events")
    with pytest.raises(ClientError) as error:
        mine.put_events(Entries=[entry(EventBusName=bus)])
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    theirs.put_permission(EventBusName="theirs", Action="events:PutEvents", Principal=caller.account, StatementId="s")
    mine.put_events(Entries=[entry(EventBusName=bus)])
    assert [e["account"] for e in receive()] == [caller.account]


def test_errors_have_the_codes_of_boto3(caller):
    events = caller.client("events")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_rule(Name="none")
    with pytest.raises(events.exceptions.InvalidEventPatternException) as error:
        events.put_rule(Name="rule", EventPattern=json.dumps({"source": [{"regex": "x"}]}))
    assert "regex" in str(error.value)
    with pytest.raises(ClientError) as error:
        events.put_rule(Name="rule", ScheduleExpression="rate(1 hour)")
    assert "no schedules" in str(error.value)


def test_pattern_can_be_tried(caller):
    event = {"id": "1", "account": "1", "source": "mine", "time": "t", "region": "r", "resources": [], "detail-type": "T", "detail": {"n": 300}}
    events = caller.client("events")
    for n, want in [([300], True), (["300"], False), ([{"numeric": [">", 299]}], True), ([{"anything-but": [300]}], False)]:
        pattern = json.dumps({"detail": {"n": n}})
        assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"] is want


def test_command_line_routes_an_event(caller):
    arn, receive = queue(caller)
    caller.aws("events", "create-event-bus", "--name", "bus")
    caller.aws("events", "put-rule", "--name", "rule", "--event-bus-name", "bus", "--event-pattern", MINE)
    caller.aws("events", "put-targets", "--rule", "rule", "--event-bus-name", "bus", "--targets", f"Id=1,Arn={arn}")
    put = caller.aws("events", "put-events", "--entries", json.dumps([entry(EventBusName="bus")]))
    assert put["FailedEntryCount"] == 0
    assert [e["id"] for e in receive()] == [put["Entries"][0]["EventId"]]
    rules = caller.aws("events", "list-rules", "--event-bus-name", "bus")["Rules"]
    assert [(r["Name"], r["State"]) for r in rules] == [("rule", "ENABLED")]
    caller.aws("events", "remove-targets", "--rule", "rule", "--event-bus-name", "bus", "--ids", "1")
    caller.aws("events", "delete-rule", "--name", "rule", "--event-bus-name", "bus")
    caller.aws("events", "delete-event-bus", "--name", "bus")
