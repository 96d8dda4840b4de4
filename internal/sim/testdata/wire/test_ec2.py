"""EBS snapshots between two accounts over the wire, with boto3 and the aws command line."""

import pytest
from botocore.exceptions import WaiterError
from expect import eventually, refused
from snapshots import AWAY, HOME, NOTHING, SOON, copy, ended, hear, ids, make_snapshot, make_source, share, show, tag_specification


def test_a_shared_snapshot_is_copied_to_another_region_under_a_key(owner, vault):
    key = vault.client("kms", AWAY).create_key(Description="copies")["KeyMetadata"]["Arn"]
    source = make_source(owner, vault)
    original = show(owner, source, HOME)
    seen = show(vault, source, HOME)
    assert (seen["OwnerId"], seen["State"], seen["Description"], seen["VolumeSize"]) == (owner.account, "completed", "nightly", 8)
    assert seen["VolumeId"] == original["VolumeId"]
    assert seen["StartTime"] == original["StartTime"]

    answer = copy(vault, source, Description="of a friend", Encrypted=True, KmsKeyId=key, TagSpecifications=tag_specification(b="2", a="1"))
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    assert answer["Tags"] == tags
    pending = show(vault, answer["SnapshotId"])
    assert (pending["State"], pending["StateMessage"], pending["Progress"]) == ("pending", "Metadata not updated", "0%")
    assert (pending["VolumeId"], pending["VolumeSize"], pending["Encrypted"]) == ("vol-ffffffff", 0, False)
    assert (pending["Description"], pending["Tags"], pending["OwnerId"]) == ("of a friend", tags, vault.account)
    assert not {"CompletionTime", "FullSnapshotSizeInBytes", "KmsKeyId"} & set(pending)

    vault.client("ec2", AWAY).get_waiter("snapshot_completed").wait(SnapshotIds=[answer["SnapshotId"]], WaiterConfig=SOON)
    done = show(vault, answer["SnapshotId"])
    assert (done["State"], done["Progress"], done["VolumeSize"], done["VolumeId"]) == ("completed", "100%", 8, "vol-ffffffff")
    assert (done["Encrypted"], done["KmsKeyId"], done["FullSnapshotSizeInBytes"]) == (True, key, 8 << 30)
    assert (done["StorageTier"], done["TransferType"]) == ("standard", "standard")
    assert "StateMessage" not in done
    assert done["StartTime"] > seen["StartTime"]
    assert done["CompletionTime"] > done["StartTime"]
    with refused("InvalidSnapshot.NotFound"):
        show(owner, answer["SnapshotId"])


def test_the_command_line_shares_copies_locks_and_deletes(owner, vault):
    volume = owner.aws("ec2", "create-volume", "--availability-zone", "us-east-1b", "--size", "3", region=HOME)["VolumeId"]
    source = owner.aws("ec2", "create-snapshot", "--volume-id", volume, "--description", "by hand", region=HOME)["SnapshotId"]
    attribute = ["--snapshot-id", source, "--attribute", "createVolumePermission"]
    owner.aws("ec2", "modify-snapshot-attribute", *attribute, "--operation-type", "add", "--user-ids", vault.account, region=HOME)
    shown = owner.aws("ec2", "describe-snapshot-attribute", *attribute, region=HOME)
    assert shown["CreateVolumePermissions"] == [{"UserId": vault.account}]
    owner.aws("ec2", "wait", "snapshot-completed", "--snapshot-ids", source, region=HOME)

    listing = ["ec2", "describe-snapshots", "--owner-ids", owner.account, "--restorable-by-user-ids", "self"]
    found = vault.aws(*listing, "--filters", f"Name=volume-id,Values={volume}", "Name=status,Values=completed", region=HOME)
    assert [(s["SnapshotId"], s["OwnerId"], s["Description"]) for s in found["Snapshots"]] == [(source, owner.account, "by hand")]

    tags = "ResourceType=snapshot,Tags=[{Key=from,Value=%s}]" % source
    made = vault.aws("ec2", "copy-snapshot", "--source-region", HOME, "--source-snapshot-id", source, "--tag-specifications", tags)
    assert made["Tags"] == [{"Key": "from", "Value": source}]
    lock = ["--lock-mode", "governance", "--lock-duration", "1"]
    locked = vault.aws("ec2", "lock-snapshot", "--snapshot-id", made["SnapshotId"], *lock)
    assert (locked["LockState"], locked["LockDuration"]) == ("governance", 1)
    listed = vault.aws("ec2", "describe-locked-snapshots", "--snapshot-ids", made["SnapshotId"])["Snapshots"]
    assert [(s["OwnerId"], s["LockState"]) for s in listed] == [(vault.account, "governance")]
    ended(vault, made["SnapshotId"])  # the command line's own waiter looks every 15 s only
    vault.aws("ec2", "wait", "snapshot-completed", "--snapshot-ids", made["SnapshotId"])

    delete = ["ec2", "delete-snapshot", "--snapshot-id", made["SnapshotId"]]
    done = vault.aws_raw(*delete)
    assert done.returncode != 0 and "OperationNotPermitted" in done.stderr and "is locked" in done.stderr
    vault.aws("ec2", "unlock-snapshot", "--snapshot-id", made["SnapshotId"])
    done = vault.aws_raw(*delete, "--dry-run")
    assert "(DryRunOperation)" in done.stderr and "Request would have succeeded, but DryRun flag is set." in done.stderr
    vault.aws(*delete)
    done = vault.aws_raw(*delete)
    assert f"(InvalidSnapshot.NotFound) when calling the DeleteSnapshot operation: The snapshot '{made['SnapshotId']}' does not exist." in done.stderr


def test_a_recipient_finds_what_is_shared_with_it(new_account):
    owner, vault, region = new_account(), new_account(), "eu-north-1"
    source = make_source(owner, vault, region)
    hidden = make_snapshot(owner, region)
    mine = make_snapshot(vault, region)
    ec2 = vault.client("ec2", region)
    assert ids(ec2, OwnerIds=["self"]) == [mine]
    assert ids(ec2, OwnerIds=[owner.account]) == [source]
    assert ids(ec2, RestorableByUserIds=["self"]) == [source, mine]
    assert ids(ec2, RestorableByUserIds=[vault.account]) == [source, mine]
    assert ids(ec2, RestorableByUserIds=["self"], OwnerIds=[owner.account]) == [source]
    assert ids(ec2, OwnerIds=["amazon"]) == []
    assert ids(ec2) == [source, mine]
    assert ids(new_account().client("ec2", region)) == []
    # An id that is not visible fails the whole call, as a filter it finds nothing.
    with refused("InvalidSnapshot.NotFound", f"The snapshot '{hidden}' does not exist."):
        ids(ec2, SnapshotIds=[mine, hidden])
    assert ids(ec2, Filters=[{"Name": "snapshot-id", "Values": [hidden]}]) == []
    with refused("InvalidSnapshotID.Malformed"):
        ids(ec2, SnapshotIds=["snap-xyz"])
    share(owner, source, vault.account, region, "Remove")
    assert ids(ec2) == [mine]


def test_filters_take_wildcards_and_all_have_to_match(owner, vault):
    region = "eu-north-1"
    first = make_source(owner, vault, region)
    ec2, theirs = vault.client("ec2", region), owner.client("ec2", region)
    volume = show(owner, first, region)["VolumeId"]
    second = theirs.create_snapshot(VolumeId=volume, Description="weekly [*]")["SnapshotId"]
    share(owner, second, vault.account, region)

    def found(**filters):
        filters = [{"Name": "volume-id", "Values": [volume]}] + [{"Name": n.replace("_", "-"), "Values": v} for n, v in filters.items()]
        return ids(ec2, Filters=filters)

    assert found() == [first, second]
    assert found(description=["night*"]) == [first]
    assert found(description=["n?ghtly"]) == [first]
    assert found(description=["NIGHTLY"]) == []
    assert found(description=[r"weekly [\*]"]) == [second]
    assert found(description=["night*", "week*"]) == [first, second]
    assert found(owner_id=[owner.account], encrypted=["false"], volume_size=["8"], storage_tier=["standard"]) == [first, second]
    assert found(transfer_type=["time-based"]) == []
    assert found(status=["completed", "error"], progress=["100%"], description=["nightly"]) == [first]
    assert eventually(lambda: found(status=["completed"]) == [first, second])
    with refused("InvalidParameterValue"):
        found(completion_time=["2026*"])


def test_listings_come_in_pages(caller):
    ec2 = caller.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    made = [ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(12)]
    pages = ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], PaginationConfig={"PageSize": 5})
    assert [[s["SnapshotId"] for s in page["Snapshots"]] for page in pages] == [made[:5], made[5:10], made[10:]]
    listed = caller.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--page-size", "5", "--query", "Snapshots[].SnapshotId")
    assert listed == made
    first = caller.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--max-items", "7")
    assert [s["SnapshotId"] for s in first["Snapshots"]] == made[:7]
    rest = caller.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--starting-token", first["NextToken"])
    assert [s["SnapshotId"] for s in rest["Snapshots"]] == made[7:]
    with refused("InvalidParameterCombination"):
        ec2.describe_snapshots(SnapshotIds=made[:1], MaxResults=5)


def test_what_is_wrong_with_a_source_shows_later(owner, vault):
    ec2 = owner.client("ec2", HOME)
    private = make_snapshot(owner)
    source = make_source(owner, vault)
    key = owner.client("kms", HOME).create_key()["KeyMetadata"]["Arn"]
    locked_up = make_source(owner, vault, Encrypted=True, KmsKeyId=key)
    slow = ec2.create_snapshot(VolumeId=show(owner, source, HOME)["VolumeId"])["SnapshotId"]
    share(owner, slow, vault.account)
    cases = [
        (copy(vault, slow), "Source snapshot is not complete"),
        (copy(vault, NOTHING), "Source snapshot is not found"),
        (copy(vault, private), "Source snapshot is not found"),
        (copy(vault, source, source_region="us-west-2"), "Source snapshot is not found"),
        (copy(vault, locked_up), "Given key ID is not accessible"),
    ]
    with pytest.raises(WaiterError, match="terminal failure state"):
        waiter = vault.client("ec2", AWAY).get_waiter("snapshot_completed")
        waiter.wait(SnapshotIds=[answer["SnapshotId"] for answer, _ in cases], WaiterConfig=SOON)
    for answer, cause in cases:
        seen = ended(vault, answer["SnapshotId"])
        assert (seen["State"], seen["StateMessage"]) == ("error", cause)
        assert (seen["VolumeSize"], seen["Progress"], "CompletionTime" in seen) == (0, "0%", False)
        vault.client("ec2", AWAY).delete_snapshot(SnapshotId=answer["SnapshotId"])


@pytest.mark.parametrize(
    "request_, code, message",
    [
        ({"SourceSnapshotId": "bad"}, "InvalidParameterValue", "The specified snapshotId is invalid"),
        ({"SourceSnapshotId": ""}, "InvalidParameterValue", "The specified snapshotId is invalid"),
        ({"SourceSnapshotId": "snap-00000000000000000", "DryRun": True}, "InvalidParameterValue", "The specified snapshotId is invalid"),
        ({"SourceRegion": "mars"}, "InvalidRegion", "mars is not a valid region name"),
        ({"KmsKeyId": "alias/none", "Encrypted": True}, "InvalidParameterValue", "The specified keyId alias/none is invalid"),
        ({"KmsKeyId": "alias/none"}, "InvalidParameterDependency", None),
        ({"CompletionDurationMinutes": 16}, "InvalidParameterValue", None),
        ({"CompletionDurationMinutes": 2895}, "InvalidParameterValue", None),
        ({"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "k"}]}], "DryRun": True}, "InvalidParameterValue", None),
        ({"TagSpecifications": [{"ResourceType": "snapshot", "Tags": [{"Key": "k"}, {"Key": "k"}]}], "DryRun": True}, "InvalidParameterValue", None),
        ({"TagSpecifications": tag_specification(**{"aws:k": "v"})}, "InvalidParameterValue", None),
        ({"TagSpecifications": tag_specification(**{f"k{n}": "v" for n in range(51)})}, "TagLimitExceeded", None),
        ({"PresignedUrl": "https://ec2.example/?SourceRegion=us-west-2"}, "InvalidParameterValue", None),
    ],
)
def test_what_is_wrong_with_a_copy_call_shows_at_once(caller, request_, code, message):
    ec2 = caller.client("ec2")
    with refused(code, message):
        ec2.copy_snapshot(**{"SourceRegion": HOME, "SourceSnapshotId": NOTHING, **request_})
    assert ids(ec2) == []


def test_a_dry_run_never_looks_at_the_source(caller):
    with refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412):
        copy(caller, NOTHING, DryRun=True)
    assert ids(caller.client("ec2")) == []


def test_twenty_copies_at_once_and_not_one_more(caller):
    ec2 = caller.client("ec2")
    for _ in range(20):
        copy(caller, NOTHING)
    with refused("ResourceLimitExceeded", "Too many snapshot copies in progress. The limit is 20 for this destination region."):
        copy(caller, NOTHING)
    copy(caller, NOTHING, region="eu-west-2")
    failed = [{"Name": "status", "Values": ["error"]}]
    assert eventually(lambda: ids(ec2, Filters=failed))
    copy(caller, NOTHING)


def test_tags_belong_to_the_account_that_set_them(owner, vault):
    source = make_source(owner, vault)
    theirs, mine = owner.client("ec2", HOME), vault.client("ec2", HOME)
    theirs.create_tags(Resources=[source], Tags=[{"Key": "who", "Value": "owner"}])
    assert "Tags" not in show(vault, source, HOME)
    mine.create_tags(Resources=[source], Tags=[{"Key": "who", "Value": "vault"}])
    assert show(owner, source, HOME)["Tags"] == [{"Key": "who", "Value": "owner"}]
    assert show(vault, source, HOME)["Tags"] == [{"Key": "who", "Value": "vault"}]
    by_tag = [{"Name": "tag:who", "Values": ["owner"]}, {"Name": "snapshot-id", "Values": [source]}]
    assert (ids(theirs, Filters=by_tag), ids(mine, Filters=by_tag)) == ([source], [])
    # The recipient's tags outlive the share; it can't add any afterwards.
    share(owner, source, vault.account, operation="Remove")
    of_source = [{"Name": "resource-id", "Values": [source]}]
    tags = {"ResourceId": source, "ResourceType": "snapshot", "Key": "who", "Value": "vault"}
    assert mine.describe_tags(Filters=of_source)["Tags"] == [tags]
    with refused("InvalidSnapshot.NotFound", f"The snapshot '{source}' does not exist."):
        mine.create_tags(Resources=[source], Tags=[{"Key": "late", "Value": ""}])
    mine.delete_tags(Resources=[source], Tags=[{"Key": "who"}])
    assert mine.describe_tags(Filters=of_source)["Tags"] == []
    assert show(owner, source, HOME)["Tags"] == [{"Key": "who", "Value": "owner"}]


def test_a_copy_that_is_locked_while_pending_stays(owner, vault):
    ec2 = vault.client("ec2", AWAY)
    made = copy(vault, make_source(owner, vault))["SnapshotId"]
    locked = ec2.lock_snapshot(SnapshotId=made, LockMode="compliance", LockDuration=1, CoolOffPeriod=1)
    assert (locked["LockState"], locked["CoolOffPeriod"]) == ("compliance-cooloff", 1)
    assert "LockDurationStartTime" not in locked
    done = ended(vault, made)
    (listed,) = ec2.describe_locked_snapshots(SnapshotIds=[made])["Snapshots"]
    assert listed["LockDurationStartTime"] == done["CompletionTime"]
    with refused("OperationNotPermitted"):
        ec2.delete_snapshot(SnapshotId=made)
    ec2.unlock_snapshot(SnapshotId=made)  # which the cooling-off period allows
    with refused("InvalidParameterCombination"):
        ec2.lock_snapshot(SnapshotId=made, LockMode="governance", LockDuration=1, CoolOffPeriod=1)
    ec2.delete_snapshot(SnapshotId=made)


def test_deletion_is_refused_with_amazons_codes(owner, vault):
    source = make_source(owner, vault)
    theirs = owner.client("ec2", HOME)
    with refused("InvalidSnapshot.NotFound", f"The snapshot '{source}' does not exist."):
        vault.client("ec2", HOME).delete_snapshot(SnapshotId=source)
    image = theirs.register_image(Name=source, BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": source}}])["ImageId"]
    with refused("InvalidSnapshot.InUse", f"The snapshot {source} is currently in use by {image}"):
        theirs.delete_snapshot(SnapshotId=source)
    theirs.deregister_image(ImageId=image)
    theirs.delete_snapshot(SnapshotId=source)
    with refused("InvalidSnapshot.NotFound"):
        show(vault, source, HOME)


def test_encryption_defaults_decide_where_nothing_is_asked(owner, new_account):
    vault, region = new_account(), "ca-central-1"
    ec2, kms = vault.client("ec2", region), vault.client("kms", region)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    managed = kms.describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    source = make_source(owner, vault)

    def copied(**more):
        seen = ended(vault, copy(vault, source, region, **more)["SnapshotId"], region)
        return seen["State"], seen["Encrypted"], seen.get("KmsKeyId")

    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    assert ec2.get_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert copied() == ("completed", False, None)
    assert copied(Encrypted=False) == ("completed", False, None)
    assert copied(Encrypted=True) == ("completed", True, managed)
    assert ec2.modify_ebs_default_kms_key_id(KmsKeyId=key)["KmsKeyId"] == key
    assert copied(Encrypted=True) == ("completed", True, key)
    assert ec2.enable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    assert copied(Encrypted=False) == ("completed", True, key)
    assert ec2.reset_ebs_default_kms_key_id()["KmsKeyId"] == "alias/aws/ebs"
    assert copied() == ("completed", True, managed)
    assert copied(KmsKeyId=key) == ("completed", True, key)
    assert ec2.disable_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
    with refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"):
        share(owner, make_snapshot(owner, Encrypted=True), vault.account)


def test_events_arrive_in_the_recipients_queue(owner, vault):
    heard_home, heard_away = hear(vault, HOME), hear(vault, AWAY)
    source = make_source(owner, vault)
    (event,) = eventually(lambda: heard_home(source, "shareSnapshot"))
    odd = f"arn:aws:ec2::{HOME}:snapshot/{source}"
    assert (event["source"], event["detail-type"], event["version"]) == ("aws.ec2", "EBS Snapshot Notification", "0")
    assert (event["account"], event["region"], event["resources"]) == (vault.account, HOME, [odd])
    times = {"startTime", "endTime"}
    assert {k: v for k, v in event["detail"].items() if k not in times} == {
        "event": "shareSnapshot",
        "result": "succeeded",
        "cause": "",
        "request-id": "",
        "snapshot_id": odd,
        "source": owner.account,
    }
    assert not heard_home(source, "createSnapshot")  # which is for its owner

    made = copy(vault, source)["SnapshotId"]
    (event,) = eventually(lambda: heard_away(made, "copySnapshot"))
    times |= {"completionDurationStartTime"}
    assert (event["account"], event["region"]) == (vault.account, AWAY)
    assert times < set(event["detail"])
    assert {k: v for k, v in event["detail"].items() if k not in times} == {
        "event": "copySnapshot",
        "result": "succeeded",
        "cause": "",
        "request-id": "",
        "snapshot_id": f"arn:aws:ec2::{AWAY}:snapshot/{made}",
        "source": odd,
        "incremental": "false",
        "transferType": "standard",
    }

    failed = copy(vault, NOTHING, CompletionDurationMinutes=15)["SnapshotId"]
    (event,) = eventually(lambda: heard_away(failed, "copySnapshot"))
    assert (event["detail"]["result"], event["detail"]["cause"]) == ("failed", "Source snapshot is not found")
    assert (event["detail"]["incremental"], event["detail"]["transferType"]) == ("false", "time-based")
    assert not {"completionDurationStartTime", "metCompletionDuration"} & set(event["detail"])
