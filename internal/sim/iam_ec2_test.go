package sim

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// careful is a policy of least privilege for copying what one account shares:
// Amazon's own pieces, with conditions split between the copy and its source.
var careful = []string{
	`{"Sid":"CopyDest","Effect":"Allow","Action":"ec2:CopySnapshot","Resource":"arn:aws:ec2:*::snapshot/*",
	  "Condition":{"StringEquals":{"aws:ResourceAccount":"222222222222","aws:RequestTag/managed-by":"sweeper"}}}`,
	`{"Sid":"CopySource","Effect":"Allow","Action":"ec2:CopySnapshot","Resource":"arn:aws:ec2:*::snapshot/snap-*",
	  "Condition":{"StringEquals":{"ec2:Owner":["111111111111"]}}}`,
	`{"Sid":"TagOnCopy","Effect":"Allow","Action":"ec2:CreateTags","Resource":"arn:aws:ec2:*::snapshot/*",
	  "Condition":{"StringEquals":{"ec2:CreateAction":"CopySnapshot"}}}`,
	`{"Sid":"Expire","Effect":"Allow","Action":"ec2:DeleteSnapshot","Resource":"arn:aws:ec2:*::snapshot/*",
	  "Condition":{"StringEquals":{"aws:ResourceTag/managed-by":"sweeper"}}}`,
	`{"Effect":"Allow","Action":["ec2:DescribeSnapshots","ec2:DescribeLockedSnapshots"],"Resource":"*"}`,
}

// tagged are the parameters of a copy with the tag that careful asks for.
func taggedCopy(from, id string, more ...string) []string {
	return append([]string{"SourceRegion", from, "SourceSnapshotId", id, "TagSpecification.1.ResourceType", "snapshot",
		"TagSpecification.1.Tag.1.Key", "managed-by", "TagSpecification.1.Tag.1.Value", "sweeper"}, more...)
}

func TestCarefulCopies(t *testing.T) {
	bubble(t, "a listed owner's snapshot is copied, shown and deleted, and nothing else", Options{}, func(l *lab) {
		key, source := l.role(careful...), l.source(east)
		strangers := l.newSnapshot(stranger, east, l.newVolume(stranger, east))
		l.ec2(stranger, east, "ModifySnapshotAttribute", "SnapshotId", strangers, "CreateVolumePermission.Add.1.UserId", vault)
		own := l.newSnapshot(vault, west, l.newVolume(vault, west))
		const no = "UnauthorizedOperation"
		for _, test := range []struct {
			name, want, action string
			pairs              []string
		}{
			{"from a listed owner", "", "CopySnapshot", taggedCopy(east, source)},
			{"dry", "DryRunOperation", "CopySnapshot", taggedCopy(east, source, "DryRun", "true")},
			{"from another", no, "CopySnapshot", taggedCopy(east, strangers)},
			{"from another, dry", no, "CopySnapshot", taggedCopy(east, strangers, "DryRun", "true")},
			{"from nobody", no, "CopySnapshot", taggedCopy(east, "snap-0123456789abcdef0")},
			{"its own", no, "CopySnapshot", taggedCopy(west, own)},
			{"without the tag", no, "CopySnapshot", []string{"SourceRegion", east, "SourceSnapshotId", source}},
			{"a bad id, before IAM", "InvalidParameterValue", "CopySnapshot", taggedCopy(east, "snap-00000000000000000")},
			{"a bad duration, before IAM", "InvalidParameterValue", "CopySnapshot", taggedCopy(east, strangers, "CompletionDurationMinutes", "16")},
			{"a bad tag, before IAM", "InvalidParameterValue", "CopySnapshot", taggedCopy(east, strangers, "TagSpecification.1.Tag.2.Key", "managed-by")},
			{"another Region in the request, after IAM", no, "CopySnapshot", taggedCopy(east, strangers, "DestinationRegion", east)},
			{"tagging what is there", no, "CreateTags", []string{"ResourceId.1", source, "Tag.1.Key", "a"}},
			{"deleting one without the tag", no, "DeleteSnapshot", []string{"SnapshotId", own}},
			{"looking", "", "DescribeSnapshots", nil},
			{"looking elsewhere", no, "DescribeTags", nil},
		} {
			l.want(test.name, l.code(key, west, test.action, test.pairs...), test.want)
		}
		time.Sleep(time.Minute)
		copies := l.listed(key, west, "Owner.1", "self", "Filter.1.Name", "tag:managed-by", "Filter.1.Value.1", "sweeper")
		l.want("copies", len(copies), 1)
		for _, id := range copies {
			l.want("deleting it", l.code(key, west, "DeleteSnapshot", "SnapshotId", id), "")
		}
	})
	for i, name := range []string{"CopyDest", "CopySource", "TagOnCopy", "Expire", "the listing"} {
		bubble(t, "each statement is needed: "+name, Options{}, func(l *lab) {
			key := l.role(slices.Delete(slices.Clone(careful), i, i+1)...)
			source := l.source(east)
			made := l.copy(east, source, west, taggedCopy(east, source)...)
			time.Sleep(time.Minute)
			codes := strings.Join([]string{
				l.code(key, west, "CopySnapshot", taggedCopy(east, source)...),
				l.code(key, west, "DescribeSnapshots"),
				l.code(key, west, "DeleteSnapshot", "SnapshotId", made),
			}, " ")
			want := []string{"UnauthorizedOperation  ", "UnauthorizedOperation  ", "UnauthorizedOperation  ", "  UnauthorizedOperation", " UnauthorizedOperation "}[i]
			l.want("codes", codes, want)
		})
	}
	bubble(t, "the refusal names who, what, which and why", Options{}, func(l *lab) {
		key, source := l.role(may("ec2:CopySnapshot", "arn:aws:ec2:eu-west-1:222222222222:snapshot/*")), l.source(east)
		e := l.refused(key, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", source)
		want := "You are not authorized to perform this operation. User: arn:aws:sts::222222222222:assumed-role/role-1/role-1 is not authorized to perform: " +
			"ec2:CopySnapshot on resource: arn:aws:ec2:eu-west-1::snapshot/* because no identity-based policy allows the ec2:CopySnapshot action. Encoded authorization failure message: "
		l.want("status", e.Status, 403)
		if !strings.HasPrefix(e.Message, want) || len(e.Message) == len(want) {
			t.Errorf("got %s, want %s…", e.Message, want)
		}
		key = l.role(may("ec2:*", "*"), mayNot("ec2:CopySnapshot", "arn:aws:ec2:*::snapshot/"+source))
		e = l.refused(key, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", source)
		if want := "on resource: " + snapshotARN(east, source) + " with an explicit deny in an identity-based policy"; !strings.Contains(e.Message, want) {
			t.Errorf("got %s, want …%s…", e.Message, want)
		}
		l.want("copies", len(l.listed(vault, west)), 0)
	})
}

// TestEC2Authorization asks of single calls what they are authorised for.
func TestEC2Authorization(t *testing.T) {
	const (
		anySnapshot = "arn:aws:ec2:*::snapshot/*"
		source      = "arn:aws:ec2:*::snapshot/snap-*"
		no          = "UnauthorizedOperation"
		copyTo      = "CopySnapshot"
	)
	is := func(key, value string) string { return `{"StringEquals":{"` + key + `":"` + value + `"}}` }
	copied := []string{"SourceRegion", east, "SourceSnapshotId", "{source}"}
	dest := may("ec2:CopySnapshot", "arn:aws:ec2:eu-west-1::snapshot/*", is("ec2:SnapshotID", "*"))
	from := func(condition string) string { return may("ec2:CopySnapshot", source, condition) }
	tests := []struct {
		name   string
		policy []string
		action string
		pairs  []string
		want   string
	}{
		{"copy: both resources", []string{may("ec2:CopySnapshot", anySnapshot)}, copyTo, copied, ""},
		{"copy: the destination only", []string{dest}, copyTo, copied, no},
		{"copy: the source only", []string{may("ec2:CopySnapshot", source)}, copyTo, copied, no},
		{"copy: both, by two statements", []string{dest, may("ec2:CopySnapshot", source)}, copyTo, copied, ""},
		{"copy: an ARN with an account", []string{may("ec2:CopySnapshot", "arn:aws:ec2:*:222222222222:snapshot/*")}, copyTo, copied, no},
		{"copy: a source in its own Region only", []string{dest, may("ec2:CopySnapshot", "arn:aws:ec2:us-east-1::snapshot/snap-*")}, copyTo, copied, no},
		{"copy: a source in the destination's Region only", []string{dest, may("ec2:CopySnapshot", "arn:aws:ec2:eu-west-1::snapshot/snap-*")}, copyTo, copied, no},
		{"copy: a source in either Region", []string{dest, may("ec2:CopySnapshot", "arn:aws:ec2:eu-west-1::snapshot/snap-*"), may("ec2:CopySnapshot", "arn:aws:ec2:us-east-1::snapshot/snap-*")}, copyTo, copied, ""},
		{"copy: the source's owner", []string{dest, from(is("ec2:Owner", owner))}, copyTo, copied, ""},
		{"copy: another owner", []string{dest, from(is("ec2:Owner", stranger))}, copyTo, copied, no},
		{"copy: the source's account", []string{dest, from(is("aws:ResourceAccount", owner))}, copyTo, copied, ""},
		{"copy: the caller's account on the source", []string{dest, from(is("aws:ResourceAccount", vault))}, copyTo, copied, no},
		{"copy: the destination's account", []string{may("ec2:CopySnapshot", anySnapshot, is("aws:ResourceAccount", vault)), may("ec2:CopySnapshot", source)}, copyTo, copied, ""},
		{"copy: the destination has no owner", []string{may("ec2:CopySnapshot", anySnapshot, is("ec2:Owner", vault)), may("ec2:CopySnapshot", source)}, copyTo, copied, no},
		{"copy: the source's size", []string{dest, from(`{"NumericLessThan":{"ec2:VolumeSize":9}}`)}, copyTo, copied, ""},
		{"copy: the source's encryption", []string{dest, from(`{"Bool":{"ec2:Encrypted":true}}`)}, copyTo, copied, no},
		{"copy: the source's volume", []string{dest, from(`{"ArnLike":{"ec2:ParentVolume":"arn:aws:ec2:us-east-1:111111111111:volume/vol-*"}}`)}, copyTo, copied, ""},
		{"copy: the caller's own tag on the source", []string{dest, from(is("aws:ResourceTag/mine", "yes"))}, copyTo, copied, ""},
		{"copy: the owner's tag on the source", []string{dest, from(is("aws:ResourceTag/theirs", "yes"))}, copyTo, copied, no},
		{"copy: the Region asked for", []string{may("ec2:CopySnapshot", anySnapshot, is("aws:RequestedRegion", west))}, copyTo, copied, ""},
		{"copy: ec2:SourceRegion is no key", []string{may("ec2:CopySnapshot", anySnapshot, is("ec2:SourceRegion", east))}, copyTo, copied, no},
		{"copy: encryption asked for", []string{may("ec2:CopySnapshot", anySnapshot, is("ec2:Encrypted", "true")), may("ec2:CopySnapshot", source)}, copyTo, append([]string{"Encrypted", "true"}, copied...), ""},
		{"copy: encryption not asked for", []string{may("ec2:CopySnapshot", anySnapshot, is("ec2:Encrypted", "true")), may("ec2:CopySnapshot", source)}, copyTo, copied, no},
		{"copy: only these tag keys", []string{may("ec2:CopySnapshot", anySnapshot, `{"ForAllValues:StringEquals":{"aws:TagKeys":["managed-by"]}}`), may("ec2:CreateTags", "*")}, copyTo, taggedCopy(east, "{source}"), ""},
		{"copy: other tag keys", []string{may("ec2:CopySnapshot", anySnapshot, `{"ForAllValues:StringEquals":{"aws:TagKeys":["x"]}}`), may("ec2:CreateTags", "*")}, copyTo, taggedCopy(east, "{source}"), no},
		{"copy: no tags without CreateTags", []string{may("ec2:CopySnapshot", anySnapshot)}, copyTo, taggedCopy(east, "{source}"), no},
		{"copy: tags for another action", []string{may("ec2:CopySnapshot", anySnapshot), may("ec2:CreateTags", anySnapshot, is("ec2:CreateAction", "CreateSnapshot"))}, copyTo, taggedCopy(east, "{source}"), no},
		{"copy: tags in the call", []string{may("ec2:CopySnapshot", anySnapshot), may("ec2:CreateTags", anySnapshot, `{"StringEquals":{"ec2:CreateAction":"CopySnapshot","aws:RequestTag/managed-by":"sweeper"}}`)}, copyTo, taggedCopy(east, "{source}"), ""},

		{"tag: what is there has no CreateAction", []string{may("ec2:CreateTags", anySnapshot, `{"Null":{"ec2:CreateAction":"true"}}`)}, "CreateTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "a"}, ""},
		{"tag: with its tags", []string{may("ec2:CreateTags", anySnapshot, is("aws:ResourceTag/mine", "yes"))}, "CreateTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "a"}, ""},
		{"tag: with other tags", []string{may("ec2:CreateTags", anySnapshot, is("ec2:ResourceTag/mine", "no"))}, "CreateTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "a"}, no},
		{"tag: the tag asked for", []string{may("ec2:CreateTags", anySnapshot, is("aws:RequestTag/a", "b"))}, "CreateTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "a", "Tag.1.Value", "b"}, ""},
		{"tag: two, one of which is not allowed", []string{may("ec2:CreateTags", anySnapshot)}, "CreateTags", []string{"ResourceId.1", "{own}", "ResourceId.2", "{volume}", "Tag.1.Key", "a"}, no},
		{"tag: a volume, by its ARN with the account", []string{may("ec2:CreateTags", "arn:aws:ec2:eu-west-1:222222222222:volume/*")}, "CreateTags", []string{"ResourceId.1", "{volume}", "Tag.1.Key", "a"}, ""},
		{"untag: the key", []string{may("ec2:DeleteTags", anySnapshot, `{"ForAnyValue:StringEquals":{"aws:TagKeys":"mine"}}`)}, "DeleteTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "mine"}, ""},
		{"untag: with this value", []string{may("ec2:DeleteTags", anySnapshot, is("aws:RequestTag/mine", "yes"))}, "DeleteTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "mine", "Tag.1.Value", "yes"}, ""},
		{"untag: with any value", []string{may("ec2:DeleteTags", anySnapshot, `{"Null":{"aws:RequestTag/mine":"true"}}`)}, "DeleteTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "mine"}, ""},
		{"untag: everything", []string{may("ec2:DeleteTags", anySnapshot, `{"Null":{"aws:TagKeys":"true"}}`)}, "DeleteTags", []string{"ResourceId.1", "{own}"}, ""},
		{"tag: an image", []string{may("ec2:CreateTags", "arn:aws:ec2:eu-west-1::image/*", is("ec2:Owner", vault))}, "CreateTags", []string{"ResourceId.1", "{image}", "Tag.1.Key", "a"}, ""},
		{"untag: another key", []string{may("ec2:DeleteTags", anySnapshot, `{"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}}`)}, "DeleteTags", []string{"ResourceId.1", "{own}", "Tag.1.Key", "mine"}, no},

		{"delete: by owner and tag", []string{may("ec2:DeleteSnapshot", anySnapshot, `{"StringEquals":{"ec2:Owner":"222222222222","ec2:ResourceTag/mine":"yes"}}`)}, "DeleteSnapshot", []string{"SnapshotId", "{own}"}, ""},
		{"delete: what is not there", []string{may("ec2:DeleteSnapshot", anySnapshot)}, "DeleteSnapshot", []string{"SnapshotId", "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"},
		{"delete: what is not there, and not allowed", []string{may("ec2:DeleteSnapshot", anySnapshot, is("ec2:Owner", vault))}, "DeleteSnapshot", []string{"SnapshotId", "snap-0123456789abcdef0"}, no},
		{"delete: dry", []string{may("ec2:DeleteSnapshot", anySnapshot)}, "DeleteSnapshot", []string{"SnapshotId", "{own}", "DryRun", "true"}, "DryRunOperation"},
		{"delete: dry, not allowed", nil, "DeleteSnapshot", []string{"SnapshotId", "{own}", "DryRun", "true"}, no},
		{"delete: a malformed id, before IAM", nil, "DeleteSnapshot", []string{"SnapshotId", "snap-x"}, "InvalidSnapshotID.Malformed"},

		{"share: with this account", []string{may("ec2:ModifySnapshotAttribute", anySnapshot, is("ec2:Add/userId", stranger))}, "ModifySnapshotAttribute", []string{"SnapshotId", "{own}", "CreateVolumePermission.Add.1.UserId", stranger}, ""},
		{"share: with another", []string{may("ec2:ModifySnapshotAttribute", anySnapshot, is("ec2:Add/userId", owner))}, "ModifySnapshotAttribute", []string{"SnapshotId", "{own}", "CreateVolumePermission.Add.1.UserId", stranger}, no},
		{"share: never with all", []string{may("ec2:ModifySnapshotAttribute", anySnapshot), mayNot("ec2:*", "*", is("ec2:Add/group", "all"))}, "ModifySnapshotAttribute", []string{"SnapshotId", "{own}", "CreateVolumePermission.Add.1.Group", "all"}, no},
		{"unshare", []string{may("ec2:ModifySnapshotAttribute", anySnapshot, `{"StringEquals":{"ec2:Remove/userId":"333333333333","ec2:Attribute":"createVolumePermission"}}`)}, "ModifySnapshotAttribute", []string{"SnapshotId", "{own}", "CreateVolumePermission.Remove.1.UserId", stranger}, ""},
		{"lock: for so long", []string{may("ec2:LockSnapshot", anySnapshot, `{"NumericLessThanEquals":{"ec2:SnapshotLockDuration":7}}`)}, "LockSnapshot", []string{"SnapshotId", "{own}", "LockMode", "governance", "LockDuration", "7"}, ""},
		{"lock: for longer", []string{may("ec2:LockSnapshot", anySnapshot, `{"NumericLessThanEquals":{"ec2:SnapshotLockDuration":7}}`)}, "LockSnapshot", []string{"SnapshotId", "{own}", "LockMode", "governance", "LockDuration", "8"}, no},
		{"lock: with a cooling-off period", []string{may("ec2:LockSnapshot", anySnapshot, is("ec2:SnapshotCoolOffPeriod", "3"))}, "LockSnapshot", []string{"SnapshotId", "{own}", "LockMode", "compliance", "LockDuration", "8", "CoolOffPeriod", "3"}, ""},

		{"create: snapshot and volume", []string{may("ec2:CreateSnapshot", anySnapshot, `{"ArnLike":{"ec2:ParentVolume":"arn:aws:ec2:*:222222222222:volume/*"}}`), may("ec2:CreateSnapshot", "arn:aws:ec2:*:*:volume/*", `{"NumericEquals":{"ec2:VolumeSize":8}}`)}, "CreateSnapshot", []string{"VolumeId", "{volume}"}, ""},
		{"create: the snapshot only", []string{may("ec2:CreateSnapshot", anySnapshot)}, "CreateSnapshot", []string{"VolumeId", "{volume}"}, no},
		{"create a volume: in a zone", []string{may("ec2:CreateVolume", "arn:aws:ec2:*:222222222222:volume/*", is("ec2:AvailabilityZone", west+"a"))}, "CreateVolume", []string{"AvailabilityZone", west + "a", "Size", "1"}, ""},
		{"create a volume: from a snapshot", []string{may("ec2:CreateVolume", "arn:aws:ec2:*:*:volume/*")}, "CreateVolume", []string{"AvailabilityZone", west + "a", "SnapshotId", "{own}"}, no},
		{"register: the image and its snapshots", []string{may("ec2:RegisterImage", "arn:aws:ec2:*::image/*"), may("ec2:RegisterImage", "arn:aws:ec2:*::snapshot/snap-*")}, "RegisterImage", []string{"Name", "a", "BlockDeviceMapping.1.DeviceName", "a", "BlockDeviceMapping.1.Ebs.SnapshotId", "{own}"}, ""},
		{"register: the image only", []string{may("ec2:RegisterImage", "arn:aws:ec2:*::image/*")}, "RegisterImage", []string{"Name", "a", "BlockDeviceMapping.1.DeviceName", "a", "BlockDeviceMapping.1.Ebs.SnapshotId", "{own}"}, no},

		{"look: * only", []string{may("ec2:DescribeSnapshots", anySnapshot)}, "DescribeSnapshots", nil, no},
		{"look: in this Region", []string{may("ec2:Describe*", "*", `{"StringEquals":{"ec2:Region":"eu-west-1","aws:RequestedRegion":"eu-west-1"}}`)}, "DescribeSnapshots", nil, ""},
		{"look: in another", []string{may("ec2:Describe*", "*", is("ec2:Region", east))}, "DescribeSnapshots", nil, no},
		{"look: there is no owner", []string{may("ec2:DescribeSnapshots", "*", is("ec2:Owner", vault))}, "DescribeSnapshots", nil, no},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			volume := l.newVolume(vault, west)
			ids := []string{"{volume}", volume, "{own}", l.newSnapshot(vault, west, volume), "{source}", l.source(east),
				"{image}", l.ec2(vault, west, "RegisterImage", "Name", "image").get("imageId")}
			l.ec2(vault, west, "CreateTags", "ResourceId.1", ids[3], "Tag.1.Key", "mine", "Tag.1.Value", "yes")
			l.ec2(vault, east, "CreateTags", "ResourceId.1", ids[5], "Tag.1.Key", "mine", "Tag.1.Value", "yes")
			l.ec2(owner, east, "CreateTags", "ResourceId.1", ids[5], "Tag.1.Key", "theirs", "Tag.1.Value", "yes")
			replace := strings.NewReplacer(ids...)
			pairs := slices.Clone(test.pairs)
			for i := range pairs {
				pairs[i] = replace.Replace(pairs[i])
			}
			l.want("code", l.code(l.role(test.policy...), west, test.action, pairs...), test.want)
		})
	}
}

// TestKeysOfCopies is about what a role needs of the keys on both sides of a
// copy, and when the lack of it comes to light.
func TestKeysOfCopies(t *testing.T) {
	const asEBS = `{"Bool":{"kms:GrantIsForAWSResource":true},"StringLike":{"kms:ViaService":"ec2.*.amazonaws.com"}}`
	copying := may("ec2:CopySnapshot", "*")
	ebs := func(actions, account string) string {
		return may(actions, "arn:aws:kms:*:"+account+":key/*", `{"StringLike":{"kms:ViaService":"ec2.*.amazonaws.com"}}`)
	}
	grant := func(account string) string {
		return may("kms:CreateGrant", "arn:aws:kms:*:"+account+":key/*", asEBS)
	}
	whole := []string{copying, grant(owner), grant(vault), ebs("kms:DescribeKey kms:GenerateDataKeyWithoutPlaintext", vault)}
	shared := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:*","Resource":"*"}`
	direct := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/role-1"},"Action":"kms:*","Resource":"*"}`
	const inaccessible = "Given key ID is not accessible"
	tests := []struct {
		name     string
		policy   []string
		source   string // a statement of the source key's policy
		target   string // the target key's policy, "" for the default
		refused  string
		message  string
		unsealed bool // the source is not encrypted
		managed  bool // the copy goes under aws/ebs
	}{
		{name: "all that is needed", policy: whole, source: shared},
		{name: "no DescribeKey on the target key", policy: []string{copying, grant(owner), grant(vault), ebs("kms:GenerateDataKeyWithoutPlaintext", vault)}, source: shared, refused: "AuthFailure"},
		{name: "no CreateGrant on the source key", policy: []string{copying, grant(vault), ebs("kms:*", vault)}, source: shared, message: inaccessible},
		{name: "no CreateGrant on the target key", policy: []string{copying, grant(owner), ebs("kms:DescribeKey kms:GenerateDataKeyWithoutPlaintext", vault)}, source: shared, message: inaccessible},
		{name: "no GenerateDataKeyWithoutPlaintext on the target key", policy: []string{copying, grant(owner), grant(vault), ebs("kms:DescribeKey", vault)}, source: shared, message: inaccessible},
		{name: "a source key that names the role", policy: whole, source: direct},
		{name: "a source key that names the role, a role without permission", policy: []string{copying, ebs("kms:*", vault), grant(vault)}, source: direct, message: inaccessible},
		{name: "a source key that names nobody", policy: whole, source: strings.ReplaceAll(shared, vault, stranger), message: inaccessible},
		{name: "a target key that names the role", policy: []string{copying, grant(owner)}, source: shared, target: policyFor(vault, direct)},
		{name: "a target key that denies it", policy: whole, source: shared, target: policyFor(vault, strings.ReplaceAll(direct, "Allow", "Deny")), refused: "AuthFailure"},
		{name: "a target key that is not left to the account", policy: whole, source: shared, target: `{"Statement":{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"kms:*","Resource":"*"}}`, refused: "AuthFailure"},
		{name: "the source's grant is to decrypt", policy: []string{copying, ebs("kms:*", vault), may("kms:CreateGrant", "*", `{"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt"]},"Null":{"kms:GrantOperations":"false"}}`), grant(vault)}, source: shared},
		{name: "nothing of a key that is not there", policy: []string{copying}, unsealed: true, managed: true},
		{name: "aws/ebs takes nothing of the role", policy: []string{copying, grant(owner)}, source: shared, managed: true},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			key := l.role(test.policy...)
			source := ""
			if test.unsealed {
				source = l.source(east)
			} else {
				sealed := l.newKey(owner, east, "")
				source = l.source(east, "Encrypted", "true", "KmsKeyId", sealed)
				l.kms(owner, east, "PutKeyPolicy", object{"KeyId": sealed, "Policy": policyFor(owner, test.source)})
			}
			pairs := []string{"SourceRegion", east, "SourceSnapshotId", source, "Encrypted", "true"}
			if !test.managed {
				pairs = append(pairs, "KmsKeyId", l.newKey(vault, west, test.target))
			}
			if test.refused != "" {
				e := l.refused(key, west, "CopySnapshot", pairs...)
				l.want("refusal", e.Code, test.refused)
				if !strings.HasPrefix(e.Message, "Not authorized to use key arn:aws:kms:eu-west-1:222222222222:key/") {
					t.Errorf("message: got %s", e.Message)
				}
				return
			}
			id := l.ec2(key, west, "CopySnapshot", pairs...).get("snapshotId")
			time.Sleep(time.Minute)
			l.want("message", l.show(vault, west, id).get("statusMessage"), test.message)
		})
	}
}
