"""The real function binaries in one account of an emulator, which is all that moto can do.

Their own account owns the sources here: moto shows nobody what another shares.
"""

import json
import os
import subprocess

import pytest
from conftest import HOME, OTHER, Account, GoBetween, completed

TARGET = "222222222222"  # whom `snapferry invoke` calls as
THIRD = "sa-east-1"
LANES = 8


class Deployment(Account):
    def __init__(self, endpoint, snapferry, directory):
        super().__init__(endpoint, TARGET)
        self.snapferry, self.directory = snapferry, directory
        sqs, fifo = self.client("sqs"), {"FifoQueue": "true"}
        for region in (OTHER, THIRD):
            for lane in range(LANES):
                sqs.create_queue(QueueName=f"snapferry-orders-{region}-{lane}.fifo", Attributes=fifo)
        sqs.create_queue(QueueName="snapferry-orders-dlq.fifo", Attributes=fifo)
        self.events = sqs.create_queue(QueueName="snapferry-events")["QueueUrl"]
        if "snapferry" not in {b["Name"] for b in self.client("events").list_event_buses()["EventBuses"]}:
            self.client("events").create_event_bus(Name="snapferry")
        self.key = self.client("kms", OTHER).create_key()["KeyMetadata"]["Arn"]
        self.policy("vault", [
            {"Target": OTHER, "EncryptionConfiguration": {"Encrypted": True, "CmkArn": self.key}, "RetainRule": {"Interval": 1, "IntervalUnit": "MONTHS"}},
            {"Target": THIRD, "EncryptionConfiguration": {"Encrypted": False}},
        ])

    def policy(self, name, rules):
        parameters = {"EventType": "shareSnapshot", "SnapshotOwner": [TARGET], "DescriptionRegex": ".*production.*"}
        document = {"PolicyType": "EVENT_BASED_POLICY", "EventSource": {"Type": "MANAGED_CWE", "Parameters": parameters},
                    "Actions": [{"Name": "copy", "CrossRegionCopy": rules}]}
        (self.directory / (name + ".json")).write_text(json.dumps(document))

    def invoke(self, function, event):
        functions = os.path.dirname(self.snapferry)
        command = [self.snapferry, "invoke", "--function", function, "--event", "-", "--endpoint", self.endpoint,
                   "--functions", functions, "--policies", str(self.directory), "--log-level", "warn"]
        done = subprocess.run(command, input=json.dumps(event), capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{function}: {done.stderr}"
        return json.loads(done.stdout)

    def deliver(self, *bodies):
        """Hands events to copy as SQS would, and returns the numbers of those that failed."""
        records = [{"messageId": str(n), "receiptHandle": "r", "body": body if isinstance(body, str) else json.dumps(body),
                    "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "eventSource": "aws:sqs",
                    "eventSourceARN": f"arn:aws:sqs:{HOME}:{TARGET}:snapferry-events", "awsRegion": HOME} for n, body in enumerate(bodies)]
        answer = self.invoke("copy", {"Records": records})
        return [int(f["itemIdentifier"]) for f in answer["batchItemFailures"]]

    def lose_orders(self):
        """Empties the orders queues: what other tests have begun there is in flight for a while."""
        sqs = self.client("sqs")
        for url in sqs.list_queues(QueueNamePrefix="snapferry-orders-")["QueueUrls"]:
            sqs.purge_queue(QueueUrl=url)

    def copies(self, source, region):
        """The copies of a source by this deployment's policy."""
        filters = [{"Name": "tag:snapferry:order", "Values": ["vault/" + source]}]
        return self.client("ec2", region).describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"]


def share(id):
    return {"version": "0", "id": id, "detail-type": "EBS Snapshot Notification", "source": "aws.ec2", "account": TARGET,
            "time": "2026-09-25T15:24:13Z", "region": HOME, "resources": [f"arn:aws:ec2::{HOME}:snapshot/{id}"],
            "detail": {"event": "shareSnapshot", "result": "succeeded", "cause": "", "request-id": "", "source": TARGET,
                       "snapshot_id": f"arn:aws:ec2::{HOME}:snapshot/{id}", "startTime": "2026-09-25T15:24:09.925Z", "endTime": "2026-09-25T15:24:11.717Z"}}


def ended(copy, source, region):
    event = share(source)
    event["region"] = region
    event["detail"] |= {"event": "copySnapshot", "snapshot_id": f"arn:aws:ec2::{region}:snapshot/{copy}", "source": f"arn:aws:ec2::{HOME}:snapshot/{source}"}
    return event


def wake_up(region):
    return {"source": "snapferry", "detail-type": "Wake-Up", "detail": {"region": region}}


def tags(snapshot):
    return {t["Key"]: t["Value"] for t in snapshot.get("Tags", [])}


@pytest.fixture
def deployment(request, endpoint, snapferry, tmp_path):
    if endpoint != request.getfixturevalue("moto"):
        yield Deployment(endpoint, snapferry, tmp_path)
        return
    between = GoBetween(endpoint, TARGET)
    yield Deployment(between.url, snapferry, tmp_path)
    between.close()


def test_one_share_is_one_copy_per_rule(deployment):
    source = deployment.snapshot("nightly production")
    assert deployment.deliver(share(source)) == []
    (there,) = deployment.copies(source, OTHER)
    assert there["Encrypted"] is True
    assert there["KmsKeyId"] == deployment.key
    assert tags(there)["snapferry:source"] == f"{HOME}/{source}"
    assert tags(there)["snapferry:source-account"] == TARGET
    assert tags(there)["snapferry:expires"].endswith("Z")
    assert "nightly production" in there["Description"]
    (third,) = deployment.copies(source, THIRD)
    assert third["Encrypted"] is False
    assert tags(third)["snapferry:expires"] == "never"


def test_the_same_event_twice_is_one_copy(deployment):
    source = deployment.snapshot("production")
    assert deployment.deliver(share(source), share(source)) == []
    assert deployment.deliver(share(source)) == []
    for region in (OTHER, THIRD):
        assert len(deployment.copies(source, region)) == 1


def test_a_bad_event_holds_nothing_back(deployment):
    one, two = deployment.snapshot("production"), deployment.snapshot("production")
    unwanted = deployment.snapshot("test")
    assert deployment.deliver(share(one), "no event at all", share(unwanted), share(two)) == [1]
    for source, copies in ((one, 1), (two, 1), (unwanted, 0)):
        assert len(deployment.copies(source, OTHER)) == copies


def test_the_end_of_a_copy_is_told_once(deployment):
    source = deployment.snapshot("production")
    deployment.deliver(share(source))
    (copy,) = deployment.copies(source, OTHER)
    completed(deployment.client("ec2", OTHER), copy["SnapshotId"])
    first = deployment.invoke("copy", ended(copy["SnapshotId"], source, OTHER))
    assert first["counts"]["completed"] == 1


def test_reconcile_finds_what_no_event_told(deployment):
    deployment.lose_orders()
    source = deployment.snapshot("production")
    dry = deployment.invoke("reconcile", {"dryRun": True})
    assert dry["dryRun"] is True and dry["counts"]["ordered"] >= 2
    deployment.invoke("reconcile", {})
    for region in (OTHER, THIRD):
        deployment.deliver(wake_up(region))
        assert len(deployment.copies(source, region)) == 1
    again = deployment.invoke("reconcile", {"dryRun": True})
    assert "ordered" not in again["counts"]


def test_expire_deletes_what_has_expired_and_nothing_else(deployment):
    ec2 = deployment.client("ec2", OTHER)
    source = deployment.snapshot("production")
    sources = [source, deployment.snapshot("production"), deployment.snapshot("production")]
    deployment.deliver(*map(share, sources))
    expired, kept, held = (copy for s in sources for copy in deployment.copies(s, OTHER))
    ids = [c["SnapshotId"] for c in (expired, held)]
    for id in ids + [kept["SnapshotId"]]:
        completed(ec2, id)
    ec2.create_tags(Resources=ids, Tags=[{"Key": "snapferry:expires", "Value": "2026-01-01T00:00:00Z"}])
    ec2.create_tags(Resources=[held["SnapshotId"]], Tags=[{"Key": "snapferry:hold", "Value": "case 17"}])
    other = deployment.snapshot("somebody else's", region=OTHER)

    assert deployment.invoke("expire", {"dryRun": True})["counts"]["deleted"] == 1
    assert deployment.invoke("expire", {})["counts"]["deleted"] == 1
    left = {s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]}
    assert expired["SnapshotId"] not in left
    assert {kept["SnapshotId"], held["SnapshotId"], other} <= left
    assert "deleted" not in deployment.invoke("expire", {})["counts"]
