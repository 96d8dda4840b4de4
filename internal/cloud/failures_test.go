package cloud

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"snapferry/internal/reactor"
)

// documented are the error codes that Amazon documents, or was seen to answer,
// for CopySnapshot, DeleteSnapshot and the calls around them, each with its
// class; nil is unknown. The messages are Amazon's.
var documented = []struct {
	code, message string
	class         error
}{
	// Not now.
	{"ResourceLimitExceeded", "Too many snapshot copies in progress. The limit is 20 for this destination region.", reactor.ErrBusy},
	{"RequestLimitExceeded", "Request limit exceeded.", reactor.ErrBusy},
	{"EC2ThrottledException", "Rate exceeded", reactor.ErrBusy},
	{"Throttling", "Rate exceeded", reactor.ErrBusy},
	{"ThrottlingException", "Rate exceeded", reactor.ErrBusy},
	{"ThrottledException", "Rate exceeded", reactor.ErrBusy},
	{"RequestThrottled", "Rate exceeded", reactor.ErrBusy},
	{"TooManyRequests", "Rate exceeded", reactor.ErrBusy},
	{"PriorRequestNotComplete", "The request was rejected", reactor.ErrBusy},

	// Not there.
	{"InvalidSnapshot.NotFound", "The snapshot 'snap-0123456789abcdef0' does not exist.", reactor.ErrGone},

	// Somebody must act.
	{"InvalidParameterValue", "The specified keyId arn:aws:kms:eu-west-2:222222222222:key/8af79514 is disabled", reactor.ErrDenied},
	{"InvalidParameterValue", "The specified keyId alias/vault is invalid", reactor.ErrDenied},
	{"InvalidParameterValue", "The specified snapshotId is invalid", reactor.ErrDenied},
	{"InvalidParameterValue", "The destination region specified in PresignedUrl: 'us-west-2' is incorrect", reactor.ErrDenied},
	{"InvalidParameterValue", "DestinationRegion 'us-west-2' does not match the current region (us-east-1)", reactor.ErrDenied},
	{"MissingParameter", "The request must contain the parameter SourceSnapshotId", reactor.ErrDenied},
	{"AuthFailure", "Not authorized to use key arn:aws:kms:eu-west-2:222222222222:key/8af79514 ", reactor.ErrDenied},
	{"UnauthorizedOperation", "You are not authorized to perform: ec2:CopySnapshot on resource: arn:aws:ec2:us-east-1::snapshot/*", reactor.ErrDenied},
	{"AccessDenied", "Access denied", reactor.ErrDenied},
	{"AccessDeniedException", "User is not authorized to perform: sqs:SendMessage", reactor.ErrDenied},
	{"OptInRequired", "You are not subscribed to this service", reactor.ErrDenied},
	{"InvalidRegion", "mars-north-1 is not a valid region name", reactor.ErrDenied},
	{"SnapshotCopyUnsupported.InterRegion", "Inter-region snapshot copy is not supported for this region.", reactor.ErrDenied},
	{"SnapshotLimitExceeded", "You have reached your limit on the number of snapshots", reactor.ErrDenied},
	{"TagLimitExceeded", "The maximum number of Tags for a resource has been reached.", reactor.ErrDenied},

	// Unknown: Amazon's own trouble, after which there may be a copy.
	{"InternalError", "An internal error has occurred", nil},
	{"InternalFailure", "The request processing has failed", nil},
	{"ServiceUnavailable", "The request has failed due to a temporary failure of the server", nil},
	{"Unavailable", "The server is overloaded", nil},
	// Unknown: deleting is tried again in the next run of expire, and told.
	{"InvalidSnapshot.InUse", "The snapshot snap-0123456789abcdef0 is currently in use by ami-0123456789abcdef0", nil},
	{"OperationNotPermitted", "The snapshot is locked", nil},
	// Unknown: nobody asks for a dry run of Amazon's.
	{"DryRunOperation", "Request would have succeeded, but DryRun flag is set.", nil},
	// Unknown: what does not exist yet.
	{"SomethingNew", "", nil},
}

func TestClassify(t *testing.T) {
	tested := map[string]error{}
	for _, d := range documented {
		cause := &smithy.GenericAPIError{Code: d.code, Message: d.message}
		got := classify(cause)
		for _, class := range []error{reactor.ErrBusy, reactor.ErrGone, reactor.ErrDenied} {
			if is, want := errors.Is(got, class), class == d.class; is != want {
				t.Errorf("%s (%s) is %v: %v, want %v", d.code, d.message, class, is, want)
			}
		}
		if !errors.Is(got, cause) || reactor.Cause(got) != d.code+": "+strings.TrimSpace(d.message) {
			t.Errorf("%s: the cause is lost: %v", d.code, got)
		}
		if before, again := tested[d.code]; again && before != d.class {
			t.Errorf("%s has two classes: %v and %v", d.code, before, d.class)
		}
		tested[d.code] = d.class
	}
	for code := range classes {
		if tested[code] == nil {
			t.Errorf("%s has a class that no row of the table asks for", code)
		}
	}
	if classify(nil) != nil {
		t.Error("no error has a class")
	}
	if other := errors.New("connection reset"); classify(other) != other {
		t.Error("what is not Amazon's has a class")
	}
}

// What somebody must mend comes with how: a sentence of its own, where Amazon's
// words allow one.
func TestFixes(t *testing.T) {
	fallback := reactor.Fix("")
	for cause, want := range map[string]string{
		// At once.
		"InvalidParameterValue: The specified keyId k is disabled":                       "enable the target key",
		"InvalidParameterValue: The specified keyId k is invalid":                        "CmkArn",
		"AuthFailure: Not authorized to use key k":                                       "kms:DescribeKey",
		"UnauthorizedOperation: You are not authorized":                                  "the message names",
		"AccessDeniedException: User is not authorized":                                  "the message names",
		"InvalidRegion: mars-north-1 is not a valid region name":                         "enable the Region",
		"OptInRequired: You are not subscribed to this service":                          "enable the Region",
		"SnapshotCopyUnsupported.InterRegion: Inter-region snapshot copy is unsupported": "take the target Region out",
		"SnapshotLimitExceeded: You have reached your limit":                             "raise the quota",
		"TagLimitExceeded: The maximum number of Tags":                                   "TagsToAdd",
		// Later, as the state message of a copy that turned to error.
		"Given key ID is not accessible":  "kms:CreateGrant",
		"Source snapshot is not found":    "still has the snapshot",
		"Source snapshot is not complete": "ordered again",
	} {
		if got := reactor.Fix(cause); got == fallback || !strings.Contains(got, want) {
			t.Errorf("the fix of %q is %q, want one that says %q", cause, got, want)
		}
	}
	if got := reactor.Fix("MissingParameter: x"); got != fallback {
		t.Errorf("got %q, want to be told where to look", got)
	}
}
