"""CloudWatch Logs over the wire, with boto3 and the aws command line."""

import json
import time

import pytest
from botocore.exceptions import ClientError


def test_what_is_written_is_found(caller):
    logs = caller.client("logs")
    logs.create_log_group(logGroupName="/aws/lambda/f")
    logs.put_retention_policy(logGroupName="/aws/lambda/f", retentionInDays=7)
    logs.create_log_stream(logGroupName="/aws/lambda/f", logStreamName="2026/01/01/[$LATEST]a")
    now = int(time.time() * 1000)
    lines = [json.dumps({"level": "INFO", "message": "arrived", "n": n}) for n in range(2500)]
    for some in (lines[:2000], lines[2000:]):
        put = logs.put_log_events(
            logGroupName="/aws/lambda/f",
            logStreamName="2026/01/01/[$LATEST]a",
            logEvents=[{"timestamp": now, "message": line} for line in some],
        )
        assert "rejectedLogEventsInfo" not in put

    # It shows a while later, as at Amazon, and in pages that the clients follow.
    deadline = time.monotonic() + 20
    pages = logs.get_paginator("filter_log_events")
    found = []
    while len(found) < len(lines) and time.monotonic() < deadline:
        found = [e["message"] for page in pages.paginate(logGroupName="/aws/lambda/f", startTime=now) for e in page["events"]]
    assert found == lines

    one = caller.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/f", "--filter-pattern", r'"\"n\": 2499}"')
    assert [(e["logStreamName"], e["timestamp"], e["message"]) for e in one["events"]] == [("2026/01/01/[$LATEST]a", now, lines[2499])]

    groups = caller.aws("logs", "describe-log-groups", "--log-group-name-prefix", "/aws/lambda/")["logGroups"]
    assert [(g["logGroupName"], g["retentionInDays"], g["arn"]) for g in groups] == [
        ("/aws/lambda/f", 7, f"arn:aws:logs:eu-west-1:{caller.account}:log-group:/aws/lambda/f:*")
    ]
    streams = logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"]
    assert [(s["logStreamName"], s["firstEventTimestamp"], s["lastEventTimestamp"]) for s in streams] == [("2026/01/01/[$LATEST]a", now, now)]


def test_errors_have_their_names(caller):
    logs = caller.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log group does not exist."):
        logs.filter_log_events(logGroupName="/none")
    logs.create_log_group(logGroupName="/a")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName="/a")
    with pytest.raises(logs.exceptions.InvalidParameterException, match="filter pattern"):
        logs.filter_log_events(logGroupName="/a", filterPattern="{ $.a = 1 }")
    with pytest.raises(ClientError, match="does not have logs:StartQuery"):
        logs.start_query(logGroupName="/a", startTime=0, endTime=1, queryString="fields @message")
