"""KMS over the wire, and what keys mean for copies, with boto3 and the aws command line."""

import json

import pytest
from expect import eventually, refused
from snapshots import AWAY, HOME, copy, ended, hear, make_snapshot, make_source, share

NO_KEY = "00000000-0000-4000-8000-000000000000"
GIVEN_KEY = "Given key ID is not accessible"


def policy(account, *statements):
    """A key policy that lets the account do everything, and what else is given."""
    whole = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [whole, *statements]})


def statement(effect, principal, *actions, **condition):
    made = {"Effect": effect, "Principal": {"AWS": principal}, "Action": ["kms:" + a for a in actions], "Resource": "*"}
    return made | {"Condition": condition} if condition else made


def make_key(caller, region, *statements):
    return caller.client("kms", region).create_key(Policy=policy(caller.account, *statements))["KeyMetadata"]["Arn"]


def for_ebs(account):
    """What Amazon's documentation tells to allow an account that copies what is shared with it."""
    return [
        statement("Allow", account, "CreateGrant", "ListGrants", "RevokeGrant", Bool={"kms:GrantIsForAWSResource": "true"}),
        statement("Allow", account, "Encrypt", "Decrypt", "ReEncrypt*", "GenerateDataKey*", "DescribeKey"),
    ]


def outcome(vault, source, **more):
    seen = ended(vault, copy(vault, source, **more)["SnapshotId"])
    return seen["State"], seen.get("StateMessage")


def test_the_documented_key_policy_lets_another_account_copy(owner, vault):
    theirs = make_key(owner, HOME, *for_ebs(vault.account))
    source = make_source(owner, vault, Encrypted=True, KmsKeyId=theirs)
    mine = make_key(vault, AWAY)
    seen = ended(vault, copy(vault, source, Encrypted=True, KmsKeyId=mine)["SnapshotId"])
    assert (seen["State"], seen["Encrypted"], seen["KmsKeyId"]) == ("completed", True, mine)
    # Without a key the copier's default one is taken, never the source's.
    managed = vault.client("kms", AWAY).describe_key(KeyId="alias/aws/ebs")["KeyMetadata"]["Arn"]
    for asked in ({}, {"Encrypted": False}):
        seen = ended(vault, copy(vault, source, **asked)["SnapshotId"])
        assert (seen["State"], seen["KmsKeyId"]) == ("completed", managed)


def test_a_key_that_refuses_fails_the_copy_later_and_says_so(owner, vault):
    heard = hear(vault, AWAY)
    key = make_key(owner, HOME)
    source = make_source(owner, vault, Encrypted=True, KmsKeyId=key)
    failed = copy(vault, source)["SnapshotId"]
    seen = ended(vault, failed)
    assert (seen["State"], seen["StateMessage"]) == ("error", GIVEN_KEY)
    (event,) = eventually(lambda: heard(failed, "copySnapshot"))
    assert (event["detail"]["result"], event["detail"]["cause"]) == ("failed", GIVEN_KEY)
    put = owner.client("kms", HOME).put_key_policy
    put(KeyId=key, Policy=policy(owner.account, statement("Allow", f"arn:aws:iam::{vault.account}:role/copier", "CreateGrant")))
    assert outcome(vault, source) == ("completed", None)
    put(KeyId=key, Policy=policy(owner.account, *for_ebs(vault.account), statement("Deny", "*", "CreateGrant")))
    assert outcome(vault, source) == ("error", GIVEN_KEY)
    put(KeyId=key, Policy=policy(owner.account, *for_ebs(vault.account)))
    owner.client("kms", HOME).disable_key(KeyId=key)
    assert outcome(vault, source) == ("error", GIVEN_KEY)


@pytest.mark.parametrize("denied, want", [("CreateGrant", "error"), ("GenerateDataKeyWithoutPlaintext", "error"), ("Decrypt", "completed"), ("ReEncrypt*", "completed")])
def test_what_a_copy_needs_of_its_own_key(owner, vault, denied, want):
    key = make_key(vault, AWAY, statement("Deny", "*", denied))
    source = make_source(owner, vault)
    assert outcome(vault, source, Encrypted=True, KmsKeyId=key) == (want, GIVEN_KEY if want == "error" else None)


def test_a_key_is_looked_up_before_the_copy_is_accepted(owner, vault):
    source = make_source(owner, vault)
    kms = vault.client("kms", AWAY)
    disabled, foreign = make_key(vault, AWAY), make_key(owner, AWAY)
    kms.disable_key(KeyId=disabled)
    for key, problem in [
        (NO_KEY, "is invalid"),
        ("alias/none", "is invalid"),
        (make_key(vault, HOME), "is invalid"),  # keys are Regional
        (disabled, "is disabled"),
    ]:
        with refused("InvalidParameterValue", f"The specified keyId {key} {problem}"):
            copy(vault, source, Encrypted=True, KmsKeyId=key)
    with refused("AuthFailure", f"Not authorized to use key {foreign} ", 403):
        copy(vault, source, Encrypted=True, KmsKeyId=foreign)


def test_only_what_a_customers_key_encrypts_can_be_shared(owner, vault):
    managed = make_snapshot(owner, Encrypted=True)
    with refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared"):
        share(owner, managed, vault.account)
    mine = make_snapshot(owner, Encrypted=True, KmsKeyId=make_key(owner, HOME))
    share(owner, mine, vault.account)
    with refused("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly."):
        owner.client("ec2", HOME).modify_snapshot_attribute(
            SnapshotId=mine, Attribute="createVolumePermission", OperationType="add", GroupNames=["all"]
        )


def test_grants_open_a_key_to_another_account(caller, new_account):
    kms, other = caller.client("kms"), new_account()
    key = kms.create_key()["KeyMetadata"]["Arn"]
    theirs = other.client("kms")
    with refused("AccessDeniedException"):
        theirs.describe_key(KeyId=key)
    grant = kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{other.account}:root", Operations=["DescribeKey", "CreateGrant"])
    assert theirs.describe_key(KeyId=key)["KeyMetadata"]["AWSAccountId"] == caller.account
    (listed,) = kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GrantId"], listed["Operations"]) == (grant["GrantId"], ["DescribeKey", "CreateGrant"])
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    with refused("AccessDeniedException"):
        theirs.describe_key(KeyId=key)


def test_errors_have_the_codes_of_boto3(caller):
    kms = caller.client("kms")
    with pytest.raises(kms.exceptions.NotFoundException) as error:
        kms.describe_key(KeyId=NO_KEY)
    assert f"Key 'arn:aws:kms:eu-west-1:{caller.account}:key/{NO_KEY}' does not exist" in str(error.value)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/none")
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.create_key(Policy="{}")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    with pytest.raises(kms.exceptions.AlreadyExistsException):
        kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):  # nobody could change it back
        kms.put_key_policy(KeyId=key, Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Statement"][0]["Action"] == "kms:*"


def test_the_command_line_manages_a_key(caller):
    made = caller.aws("kms", "create-key", "--description", "copies")["KeyMetadata"]
    assert (made["KeyState"], made["KeyManager"], made["Arn"]) == ("Enabled", "CUSTOMER", f"arn:aws:kms:eu-west-1:{caller.account}:key/{made['KeyId']}")
    caller.aws("kms", "create-alias", "--alias-name", "alias/copies", "--target-key-id", made["KeyId"])
    caller.aws("ec2", "modify-ebs-default-kms-key-id", "--kms-key-id", "alias/copies")
    assert caller.aws("ec2", "get-ebs-default-kms-key-id") == {"KmsKeyId": made["Arn"]}
    deletion = caller.aws("kms", "schedule-key-deletion", "--key-id", made["KeyId"], "--pending-window-in-days", "7")
    assert deletion["KeyState"] == "PendingDeletion"
    done = caller.aws_raw("kms", "enable-key", "--key-id", made["KeyId"])
    assert "(KMSInvalidStateException)" in done.stderr
