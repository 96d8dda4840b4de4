package reactor

import (
	"errors"
	"strings"
)

// The classes of failure. A port wraps the class and the cause; an error of no
// class is unknown: what it was about is tried again, and then looked at by
// people.
var (
	// ErrBusy: not now. Nothing is wrong, and nobody need be told.
	ErrBusy = errors.New("busy")
	// ErrGone: what it was about is not there any more.
	ErrGone = errors.New("gone")
	// ErrDenied: somebody must change a permission, a key or a policy first.
	ErrDenied = errors.New("denied")
)

// Cause is the part of an error that says what is wrong, and that is the same
// at every attempt: Amazon's code and message, without the request's id.
func Cause(err error) string {
	if amazons, ok := errors.AsType[interface {
		error
		ErrorCode() string
		ErrorMessage() string
	}](err); ok {
		return amazons.ErrorCode() + ": " + strings.TrimSpace(amazons.ErrorMessage())
	}
	return err.Error()
}

// fixes says what to do about a cause, found by a part of Amazon's message. The
// first that fits counts.
var fixes = []struct{ part, fix string }{
	{"Given key ID is not accessible", "let the target account use both keys: the source key's policy must allow it kms:DescribeKey, kms:Decrypt, kms:ReEncrypt*, and kms:CreateGrant with kms:GrantIsForAWSResource; the target key's policy and the copy function's role must allow kms:CreateGrant, kms:DescribeKey and kms:GenerateDataKeyWithoutPlaintext; and neither key may be disabled"},
	{"Source snapshot is not found", "check that the source account still has the snapshot and shares it with this account; right after a share EC2 may need a minute, and the copy is ordered again by itself"},
	{"Source snapshot is not complete", "nothing: the copy is ordered again once the source has completed"},
	{"Not authorized to use key", "allow the copy function's role kms:DescribeKey on the target key, in the role's policy and in the key's"},
	{"is disabled", "enable the target key, or name another in the policy"},
	{"keyId", "name an existing key of the target Region in the policy's CmkArn"},
	{"UnauthorizedOperation", "allow the function's role what the message names; copying takes the permission for the source snapshot too"},
	{"AccessDenied", "allow the function's role what the message names"},
	{"TagLimitExceeded", "let the policy's TagsToAdd have fewer tags"},
	{"SnapshotLimitExceeded", "ask AWS to raise the quota of snapshots in the target Region, or keep copies for a shorter time"},
	{"InvalidRegion", "enable the Region for the target account, or take it out of the policy"},
	{"OptInRequired", "enable the Region for the target account, or take it out of the policy"},
	{"SnapshotCopyUnsupported", "take the target Region out of the policy: EC2 can't copy there"},
}

// Fix says what a person can do about cause, or where to look.
func Fix(cause string) string {
	for _, f := range fixes {
		if strings.Contains(cause, f.part) {
			return f.fix
		}
	}
	return "look the message up in Amazon EC2's error codes; the function's log has the request"
}
