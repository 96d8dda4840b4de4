package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestCopyEncryption(t *testing.T) {
	const given = "<given>" // the key that the test made and gave
	tests := []struct {
		name      string
		byDefault bool
		setKey    bool // a default key is configured
		source    bool // is encrypted, with a key the vault may use
		pairs     []string
		want      string // the key: "" none, "aws/ebs", "default", "given"
	}{
		{name: "off, plain: plain", want: ""},
		{name: "off, plain, false asked: plain", pairs: []string{"Encrypted", "false"}, want: ""},
		{name: "off, plain, asked: the default key", pairs: []string{"Encrypted", "true"}, setKey: true, want: "default"},
		{name: "off, plain, asked, none configured: aws/ebs", pairs: []string{"Encrypted", "true"}, want: "aws/ebs"},
		{name: "off, plain, asked with a key: that key", pairs: []string{"Encrypted", "true", "KmsKeyId", given}, setKey: true, want: "given"},
		{name: "off, encrypted: aws/ebs, whatever is configured", source: true, setKey: true, want: "aws/ebs"},
		{name: "off, encrypted, false asked: still aws/ebs", source: true, pairs: []string{"Encrypted", "false"}, want: "aws/ebs"},
		{name: "off, encrypted, with a key: that key", source: true, pairs: []string{"Encrypted", "true", "KmsKeyId", given}, want: "given"},
		{name: "on, plain: the default key", byDefault: true, setKey: true, want: "default"},
		{name: "on, plain, none configured: aws/ebs", byDefault: true, want: "aws/ebs"},
		{name: "on, plain, false asked: the default key", byDefault: true, setKey: true, pairs: []string{"Encrypted", "false"}, want: "default"},
		{name: "on, encrypted: the default key", byDefault: true, setKey: true, source: true, want: "default"},
		{name: "on, encrypted, with a key: that key", byDefault: true, setKey: true, source: true, pairs: []string{"Encrypted", "true", "KmsKeyId", given}, want: "given"},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			keys := map[string]string{"": "", "default": l.newKey(vault, west, ""), "given": l.newKey(vault, west, "")}
			if test.byDefault {
				l.ec2(vault, west, "EnableEbsEncryptionByDefault")
			}
			if test.setKey {
				l.ec2(vault, west, "ModifyEbsDefaultKmsKeyId", "KmsKeyId", keys["default"])
			}
			var source string
			if test.source {
				grant := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + vault + `:root"},"Action":"kms:CreateGrant","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}`
				source = l.source(east, "Encrypted", "true", "KmsKeyId", l.newKey(owner, east, policyFor(owner, grant)))
			} else {
				source = l.source(east)
			}
			pairs := strings.Split(strings.ReplaceAll(strings.Join(test.pairs, " "), given, keys["given"]), " ")
			got := l.copied(east, source, west, pairs...)
			l.want("status", got.get("status"), "completed")
			keys["aws/ebs"] = l.w.kms.managed(place{vault, west}, ebsAlias, l.w.Now()).arn
			l.want("encrypted", got.get("encrypted"), fmt.Sprint(test.want != ""))
			l.want("key", got.get("kmsKeyId"), keys[test.want])
		})
	}
	bubble(t, "a key may be named by id, alias, ARN and alias ARN", Options{}, func(l *lab) {
		key, source := l.newKey(vault, west, ""), l.source(east)
		l.kms(vault, west, "CreateAlias", map[string]any{"AliasName": "alias/mine", "TargetKeyId": key})
		for _, name := range []string{key, key[strings.LastIndexByte(key, '/')+1:], "alias/mine", "arn:aws:kms:eu-west-1:222222222222:alias/mine"} {
			got := l.copied(east, source, west, "Encrypted", "true", "KmsKeyId", name)
			l.want(name, got.get("kmsKeyId"), key)
		}
		l.want("in another Region", l.code(vault, east, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", source, "Encrypted", "true", "KmsKeyId", key), "InvalidParameterValue")
	})
}

func TestCopyKeyAccess(t *testing.T) {
	allow := func(action string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + vault + `:role/copier"},"Action":` + action + `,"Resource":"*"}`
	}
	deny := func(action string) string {
		return `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"kms:` + action + `","Resource":"*"}`
	}
	tests := []struct {
		name    string
		source  []string // statements for the vault on the owner's source key
		target  []string // on the vault's own key
		refused string   // at once
		cause   string   // afterwards
	}{
		{name: "the source key needs CreateGrant only", source: []string{allow(`"kms:CreateGrant"`)}},
		{name: "a wildcard allows it", source: []string{allow(`["kms:Create*"]`)}},
		{name: "without CreateGrant on the source key", source: []string{allow(`["kms:Decrypt","kms:DescribeKey","kms:ReEncrypt*"]`)}, cause: "Given key ID is not accessible"},
		{name: "the source key's Decrypt and DescribeKey do not matter", source: []string{allow(`"kms:*"`), deny("Decrypt"), deny("DescribeKey")}},
		{name: "a denial on the source key outweighs", source: []string{allow(`"kms:*"`), deny("CreateGrant")}, cause: "Given key ID is not accessible"},
		{name: "without DescribeKey on the target key", source: []string{allow(`"kms:*"`)}, target: []string{deny("DescribeKey")}, refused: "AuthFailure"},
		{name: "without CreateGrant on the target key", source: []string{allow(`"kms:*"`)}, target: []string{deny("CreateGrant")}, cause: "Given key ID is not accessible"},
		{name: "without GenerateDataKeyWithoutPlaintext on the target key", source: []string{allow(`"kms:*"`)}, target: []string{deny("GenerateDataKeyWithoutPlaintext")}, cause: "Given key ID is not accessible"},
		{name: "the target key's Decrypt, ReEncrypt and GenerateDataKey do not matter", source: []string{allow(`"kms:*"`)}, target: []string{deny("Decrypt"), deny("ReEncrypt*"), deny("GenerateDataKey")}},
	}
	for _, test := range tests {
		bubble(t, test.name, Options{}, func(l *lab) {
			key := l.newKey(owner, east, "")
			source := l.source(east, "Encrypted", "true", "KmsKeyId", key)
			l.kms(owner, east, "PutKeyPolicy", map[string]any{"KeyId": key, "Policy": policyFor(owner, test.source...)})
			pairs := []string{"SourceRegion", east, "SourceSnapshotId", source, "Encrypted", "true", "KmsKeyId", l.newKey(vault, west, policyFor(vault, test.target...))}
			if test.refused != "" {
				l.want("code", l.code(vault, west, "CopySnapshot", pairs...), test.refused)
				return
			}
			id := l.ec2(vault, west, "CopySnapshot", pairs...).get("snapshotId")
			time.Sleep(time.Minute)
			l.want("message", l.show(vault, west, id).get("statusMessage"), test.cause)
		})
	}
	bubble(t, "only the first copy of a lineage under a key needs GenerateDataKeyWithoutPlaintext", Options{}, func(l *lab) {
		key, volume := l.newKey(vault, west, ""), l.newVolume(owner, east)
		copied := func() element {
			source := l.newSnapshot(owner, east, volume)
			l.share(east, source, vault)
			return l.copied(east, source, west, "Encrypted", "true", "KmsKeyId", key)
		}
		first := copied()
		l.kms(vault, west, "PutKeyPolicy", map[string]any{"KeyId": key, "Policy": policyFor(vault, deny("GenerateDataKeyWithoutPlaintext"))})
		second := copied()
		l.want("first", first.get("status"), "completed")
		l.want("second", second.get("status"), "completed")
		other := l.copied(east, l.source(east), west, "Encrypted", "true", "KmsKeyId", key)
		l.want("of another lineage", other.get("statusMessage"), "Given key ID is not accessible")
		for _, id := range []string{first.get("snapshotId"), second.get("snapshotId")} {
			l.ec2(vault, west, "DeleteSnapshot", "SnapshotId", id)
		}
		l.want("when both are deleted", copied().get("statusMessage"), "Given key ID is not accessible")
	})
	bubble(t, "a grant to the vault opens the source key, and a disabled key is closed", Options{}, func(l *lab) {
		key := l.newKey(owner, east, "")
		source := l.source(east, "Encrypted", "true", "KmsKeyId", key)
		l.want("without", l.copied(east, source, west).get("status"), "error")
		l.kms(owner, east, "CreateGrant", map[string]any{"KeyId": key, "GranteePrincipal": "arn:aws:iam::" + vault + ":role/copier", "Operations": []string{"CreateGrant", "Decrypt"}})
		l.want("with", l.copied(east, source, west).get("status"), "completed")
		l.kms(owner, east, "DisableKey", map[string]any{"KeyId": key})
		l.want("disabled", l.copied(east, source, west).get("statusMessage"), "Given key ID is not accessible")
	})
}

// A volume made from an encrypted snapshot of one's own is under the snapshot's
// key, whatever the default, unless another is asked for.
func TestVolumeFromEncryptedSnapshot(t *testing.T) {
	bubble(t, "of one's own", Options{}, func(l *lab) {
		key := l.newKey(owner, east, "")
		volume := l.newVolume(owner, east, "Encrypted", "true", "KmsKeyId", key)
		id := l.ec2(owner, east, "CreateSnapshot", "VolumeId", volume).get("snapshotId")
		time.Sleep(time.Hour)
		restored := l.ec2(owner, east, "CreateVolume", "AvailabilityZone", east+"a", "SnapshotId", id)
		l.want("key", restored.get("kmsKeyId"), key)
		other := l.newKey(owner, east, "")
		restored = l.ec2(owner, east, "CreateVolume", "AvailabilityZone", east+"a", "SnapshotId", id, "Encrypted", "true", "KmsKeyId", other)
		l.want("another key, asked for", restored.get("kmsKeyId"), other)
	})
}
