package sim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestKeysAreConsulted: what Amazon documents for copying and no copy fails
// without is asked of both keys, and what they answer changes nothing.
func TestKeysAreConsulted(t *testing.T) {
	for name, extra := range map[string]string{"only what it takes": "", "all that is documented": "kms:Decrypt kms:ReEncrypt* kms:GenerateDataKey kms:DescribeKey"} {
		asked := map[string]bool{} // and whether it was allowed
		advisory := 0
		listen := func(a Authorization) {
			if a.Role != "" && strings.HasPrefix(a.Action, "kms:") {
				asked[a.Action+" of "+strings.Split(a.Resource, ":")[4]] = a.Allowed
				if a.Advisory {
					advisory++
				}
			}
		}
		bubble(t, name, Options{OnAuthorize: listen}, func(l *lab) {
			policy := []string{may("ec2:CopySnapshot", "*"), may("kms:CreateGrant", "*"),
				may("kms:DescribeKey kms:GenerateDataKeyWithoutPlaintext", "arn:aws:kms:*:"+vault+":key/*")}
			if extra != "" {
				policy = append(policy, may(extra, "*"))
			}
			role := l.role(policy...)
			sealed := l.newKey(owner, east, "")
			source := l.source(east, "Encrypted", "true", "KmsKeyId", sealed)
			l.kms(owner, east, "PutKeyPolicy", object{"KeyId": sealed, "Policy": policyFor(owner, `{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"kms:*","Resource":"*"}`)})
			id := l.ec2(role, west, "CopySnapshot", "SourceRegion", east, "SourceSnapshotId", source, "Encrypted", "true", "KmsKeyId", l.newKey(vault, west, "")).get("snapshotId")
			time.Sleep(time.Minute)
			l.want("status", l.show(vault, west, id).get("status"), "completed")
			more := extra != ""
			want := map[string]bool{
				"kms:CreateGrant of " + owner: true, "kms:DescribeKey of " + owner: more, "kms:Decrypt of " + owner: more, "kms:ReEncryptFrom of " + owner: more,
				"kms:CreateGrant of " + vault: true, "kms:DescribeKey of " + vault: true, "kms:GenerateDataKeyWithoutPlaintext of " + vault: true,
				"kms:Decrypt of " + vault: more, "kms:GenerateDataKey of " + vault: more, "kms:ReEncryptTo of " + vault: more,
			}
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if advisory != 6 {
				t.Errorf("%d questions were advisory, want 6", advisory)
			}
		})
	}
}
