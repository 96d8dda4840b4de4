"""Snapshots, shares and copies of one account and another, and the events about them."""

import json

from expect import delivered_to, eventually

HOME, AWAY = "us-east-1", "eu-west-1"
NOTHING = "snap-0123456789abcdef0"
SOON = {"Delay": 1, "MaxAttempts": 60}


def tag_specification(**tags):
    return [{"ResourceType": "snapshot", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def make_snapshot(caller, region=HOME, description="nightly", **volume):
    """Makes a volume and a snapshot of it, and waits for that to complete."""
    ec2 = caller.client("ec2", region)
    made = ec2.create_volume(AvailabilityZone=region + "a", Size=8, **volume)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=made, Description=description)
    assert (snapshot["State"], snapshot["Progress"], snapshot["OwnerId"]) == ("pending", "0%", caller.account)
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot["SnapshotId"]], WaiterConfig=SOON)
    return snapshot["SnapshotId"]


def share(caller, snapshot, account, region=HOME, operation="Add"):
    caller.client("ec2", region).modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", CreateVolumePermission={operation: [{"UserId": account}]}
    )


def make_source(owner, vault, region=HOME, **volume):
    snapshot = make_snapshot(owner, region, **volume)
    share(owner, snapshot, vault.account, region)
    return snapshot


def show(caller, snapshot, region=AWAY):
    (seen,) = caller.client("ec2", region).describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    return seen


def ended(caller, snapshot, region=AWAY):
    """Waits for the end of a copy, good or bad."""
    return eventually(lambda: (seen := show(caller, snapshot, region))["State"] != "pending" and seen)


def copy(caller, source, region=AWAY, source_region=HOME, **more):
    return caller.client("ec2", region).copy_snapshot(SourceRegion=source_region, SourceSnapshotId=source, **more)


def ids(ec2, **query):
    return [s["SnapshotId"] for s in ec2.describe_snapshots(**query)["Snapshots"]]


def hear(caller, region):
    """Puts a queue behind a rule for Amazon's events about snapshots, and returns how to read it."""
    sqs, events = caller.client("sqs", region), caller.client("events", region)
    arn = f"arn:aws:sqs:{region}:{caller.account}:notifications"
    url = sqs.create_queue(QueueName="notifications", Attributes={"Policy": delivered_to(arn)})["QueueUrl"]
    pattern = {"source": ["aws.ec2"], "detail-type": ["EBS Snapshot Notification"]}
    events.put_rule(Name="snapshots", EventPattern=json.dumps(pattern))
    assert events.put_targets(Rule="snapshots", Targets=[{"Id": "queue", "Arn": arn}])["FailedEntryCount"] == 0
    heard = []

    def events_about(snapshot, kind):
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            heard.append(json.loads(message["Body"]))
        arn = f"arn:aws:ec2::{region}:snapshot/{snapshot}"
        return [e for e in heard if e["resources"] == [arn] and e["detail"]["event"] == kind]

    return events_about
