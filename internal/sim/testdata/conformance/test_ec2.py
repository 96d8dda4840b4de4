"""EC2 snapshots, as far as moto has them: copies in one account, tags, filters, deletion."""

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, OTHER, completed, eventually, moto_differs

NOWHERE = "snap-0123456789abcdef0"


def code(error):
    return error.value.response["Error"]["Code"]


def tags(snapshot):
    return {t["Key"]: t["Value"] for t in snapshot.get("Tags", [])}


def test_a_copy_is_made_where_the_client_is_with_its_tags(account):
    source = account.snapshot("nightly")
    there = account.client("ec2", OTHER)
    specification = [{"ResourceType": "snapshot", "Tags": [{"Key": "snapferry:order", "Value": "nightly/" + source}]}]
    answer = there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source, Description="a copy", TagSpecifications=specification)
    assert answer["SnapshotId"] != source
    assert tags(answer) == {"snapferry:order": "nightly/" + source}
    copy = completed(there, answer["SnapshotId"])
    assert copy["Description"] == "a copy"
    assert tags(copy) == {"snapferry:order": "nightly/" + source}
    assert copy["OwnerId"] == account.number
    assert account.client("ec2").describe_snapshots(Filters=[{"Name": "snapshot-id", "Values": [copy["SnapshotId"]]}])["Snapshots"] == []


def test_two_copies_of_one_source_are_two_snapshots(account):
    source = account.snapshot()
    there = account.client("ec2", OTHER)
    copies = {there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source)["SnapshotId"] for _ in range(2)}
    assert len(copies) == 2


@moto_differs("a copy without a description inherits its source's")
def test_a_copy_inherits_no_description(account):
    source = account.snapshot("nightly")
    there = account.client("ec2", OTHER)
    copy = completed(there, there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source)["SnapshotId"])
    assert copy["Description"] == ""


def test_a_copy_inherits_no_tags(account):
    source = account.snapshot(TagSpecifications=[{"ResourceType": "snapshot", "Tags": [{"Key": "team", "Value": "shop"}]}])
    there = account.client("ec2", OTHER)
    copy = completed(there, there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source)["SnapshotId"])
    assert tags(copy) == {}


@moto_differs("a copy has the volume of its source")
def test_a_copy_has_no_volume(account):
    source = account.snapshot()
    there = account.client("ec2", OTHER)
    copy = completed(there, there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source)["SnapshotId"])
    assert copy["VolumeId"] == "vol-ffffffff"


def test_a_copy_is_under_the_key_that_was_asked_for(account):
    key = account.client("kms", OTHER).create_key()["KeyMetadata"]["Arn"]
    source = account.snapshot()
    there = account.client("ec2", OTHER)
    id = there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source, Encrypted=True, KmsKeyId=key)["SnapshotId"]
    copy = completed(there, id)
    assert copy["Encrypted"] is True
    assert copy["KmsKeyId"] == key


@moto_differs("it copies under a key that does not exist")
def test_a_key_that_does_not_exist_is_refused(account):
    source = account.snapshot()
    key = f"arn:aws:kms:{OTHER}:{account.number}:key/8af79514-350d-4c52-bac8-8985e84171c7"
    with pytest.raises(ClientError) as error:
        account.client("ec2", OTHER).copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source, Encrypted=True, KmsKeyId=key)
    assert code(error) == "InvalidParameterValue"
    assert "keyId" in error.value.response["Error"]["Message"]


@moto_differs("it answers InvalidSnapshot.NotFound at once")
def test_a_source_that_is_not_there_fails_later(account):
    there = account.client("ec2", OTHER)
    id = there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=NOWHERE)["SnapshotId"]
    copy = eventually(lambda: next((s for s in there.describe_snapshots(SnapshotIds=[id])["Snapshots"] if s["State"] == "error"), None))
    assert copy["StateMessage"] == "Source snapshot is not found"


@moto_differs("it shows and copies nothing that another account shares")
def test_what_another_account_shares_is_shown_and_copied(account, new_account):
    owner = new_account()
    source = owner.snapshot("shared")
    owner.client("ec2").modify_snapshot_attribute(
        SnapshotId=source, Attribute="createVolumePermission", OperationType="add", UserIds=[account.number])
    shown = account.client("ec2").describe_snapshots(OwnerIds=[owner.number], RestorableByUserIds=["self"])["Snapshots"]
    assert [s["SnapshotId"] for s in shown] == [source]
    there = account.client("ec2", OTHER)
    completed(there, there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source)["SnapshotId"])


def test_a_dry_run_copies_nothing(account):
    source = account.snapshot()
    there = account.client("ec2", OTHER)
    with pytest.raises(ClientError) as error:
        there.copy_snapshot(SourceRegion=HOME, SourceSnapshotId=source, DryRun=True)
    assert code(error) == "DryRunOperation"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert there.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []


def test_snapshots_are_found_by_their_tags(account):
    ec2 = account.client("ec2")
    one, two, three = (account.snapshot() for _ in range(3))
    ec2.create_tags(Resources=[one], Tags=[{"Key": "lineage", "Value": "nightly/vol-1/snap-1"}])
    ec2.create_tags(Resources=[two], Tags=[{"Key": "lineage", "Value": "nightly/vol-2/snap-2"}, {"Key": "hold", "Value": ""}])

    def found(name, *values):
        return {s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"], Filters=[{"Name": name, "Values": list(values)}])["Snapshots"]}

    assert found("tag-key", "lineage") == {one, two}
    assert found("tag:lineage", "nightly/vol-1/snap-1") == {one}
    assert found("tag:lineage", "nightly/vol-1/*", "*/snap-2") == {one, two}
    assert found("tag:hold", "") == {two}
    assert found("snapshot-id", three, NOWHERE) == {three}
    assert found("status", "pending") == set()


def test_tags_are_replaced_and_removed(account):
    ec2 = account.client("ec2")
    id = account.snapshot()
    ec2.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ec2.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "3"}])
    ec2.delete_tags(Resources=[id], Tags=[{"Key": "b"}])
    assert tags(completed(ec2, id)) == {"a": "3"}


def test_what_is_deleted_is_gone(account):
    ec2 = account.client("ec2")
    id = account.snapshot()
    ec2.delete_snapshot(SnapshotId=id)
    with pytest.raises(ClientError) as error:
        ec2.delete_snapshot(SnapshotId=id)
    assert code(error) == "InvalidSnapshot.NotFound"
    with pytest.raises(ClientError) as error:
        ec2.describe_snapshots(SnapshotIds=[id])
    assert code(error) == "InvalidSnapshot.NotFound"


def register(ec2, id, name="image"):
    devices = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": id}}]
    return ec2.register_image(Name=name, RootDeviceName="/dev/xvda", BlockDeviceMappings=devices)["ImageId"]


@moto_differs("it deletes a snapshot that an image needs")
def test_a_snapshot_that_an_image_needs_stays(account):
    ec2 = account.client("ec2")
    id = account.snapshot()
    register(ec2, id)
    with pytest.raises(ClientError) as error:
        ec2.delete_snapshot(SnapshotId=id)
    assert code(error) == "InvalidSnapshot.InUse"


@moto_differs("it has no filter for the snapshots of images, and answers 500")
def test_images_are_found_by_their_snapshots(account):
    ec2 = account.client("ec2")
    id = account.snapshot()
    image = register(ec2, id)
    register(ec2, account.snapshot(), "another")
    shown = ec2.describe_images(Owners=["self"], Filters=[{"Name": "block-device-mapping.snapshot-id", "Values": [id]}])["Images"]
    assert [i["ImageId"] for i in shown] == [image]
    assert shown[0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] == id


@moto_differs("it answers everything at once")
def test_listings_come_in_pages(account):
    ec2 = account.client("ec2")
    ids = {account.snapshot() for _ in range(7)}
    first = ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5)
    assert len(first["Snapshots"]) == 5
    second = ec2.describe_snapshots(OwnerIds=["self"], MaxResults=5, NextToken=first["NextToken"])
    assert {s["SnapshotId"] for s in first["Snapshots"] + second["Snapshots"]} == ids


def test_regions_are_listed(account):
    names = {r["RegionName"] for r in account.client("ec2").describe_regions()["Regions"]}
    assert {HOME, OTHER, "sa-east-1", "eu-central-1"} <= names
