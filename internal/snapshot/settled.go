package snapshot

import (
	"strings"
	"time"
)

// The values of TagSettled. Until the end of the copy has been told, it says
// when the source was shared, where that is known, for the lag to be told too.
const (
	settledTold = "told"
	notSettled  = "no: shared "
)

// Told is the tag that a copy gets once its end has been told.
func Told() (key, value string) { return TagSettled, settledTold }

// Untold is the tag that a copy begins with whose source was shared then.
func Untold(shared time.Time) (key, value string) {
	return TagSettled, notSettled + shared.UTC().Format(time.RFC3339)
}

// Settled says whether a copy's tags say that its end has been told.
func Settled(tags map[string]string) bool {
	value, there := tags[TagSettled]
	return there && !strings.HasPrefix(value, notSettled)
}

// Shared is when the source was shared, by the tags of a copy that is not
// settled; zero if they don't say.
func Shared(tags map[string]string) time.Time {
	value, found := strings.CutPrefix(tags[TagSettled], notSettled)
	if !found {
		return time.Time{}
	}
	shared, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}
	}
	return shared.UTC()
}
