"""What the tests expect of answers."""

import contextlib
import json
import time

import pytest
from botocore.exceptions import ClientError


@contextlib.contextmanager
def refused(code, message=None, status=400):
    """Expects the call within to fail with exactly this code, message and HTTP status."""
    with pytest.raises(ClientError) as raised:
        yield
    response = raised.value.response
    assert response["Error"]["Code"] == code, response["Error"]
    if message is not None:
        assert response["Error"]["Message"] == message
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status


def eventually(look, patience=30):
    """Looks until there is something to see, and returns it."""
    deadline = time.monotonic() + patience
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"nothing to see after {patience} s"
        time.sleep(0.1)


def delivered_to(arn):
    """The policy of a queue that takes events from EventBridge, which no queue does without."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]})
