package cloud

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"snapferry/internal/reactor"
)

// classes maps Amazon's error codes to the reactor's classes of failure. What
// is not here is unknown: tried again, and then looked at by people.
var classes = map[string]error{
	// No room, or too fast.
	"ResourceLimitExceeded":   reactor.ErrBusy, // 20 copies per destination Region
	"RequestLimitExceeded":    reactor.ErrBusy,
	"EC2ThrottledException":   reactor.ErrBusy,
	"Throttling":              reactor.ErrBusy,
	"ThrottlingException":     reactor.ErrBusy,
	"ThrottledException":      reactor.ErrBusy,
	"RequestThrottled":        reactor.ErrBusy,
	"TooManyRequests":         reactor.ErrBusy,
	"PriorRequestNotComplete": reactor.ErrBusy,

	// Not there any more.
	"InvalidSnapshot.NotFound": reactor.ErrGone,

	// Somebody must act. EC2 has no codes of its own for a key that is missing
	// or disabled: they come as InvalidParameterValue, like everything else that
	// trying again does not help.
	"InvalidParameterValue":               reactor.ErrDenied,
	"MissingParameter":                    reactor.ErrDenied,
	"AccessDenied":                        reactor.ErrDenied,
	"AccessDeniedException":               reactor.ErrDenied,
	"AuthFailure":                         reactor.ErrDenied, // a key that we may not describe
	"UnauthorizedOperation":               reactor.ErrDenied,
	"OptInRequired":                       reactor.ErrDenied,
	"InvalidRegion":                       reactor.ErrDenied,
	"SnapshotCopyUnsupported.InterRegion": reactor.ErrDenied,
	"SnapshotLimitExceeded":               reactor.ErrDenied,
	"TagLimitExceeded":                    reactor.ErrDenied,
}

// classify wraps an error with its class. The cause stays: errors.As still
// finds Amazon's error.
func classify(err error) error {
	if err == nil {
		return nil
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err
	}
	if class, known := classes[api.ErrorCode()]; known {
		return fmt.Errorf("%w: %w", class, err)
	}
	return err
}
