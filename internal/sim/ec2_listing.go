package sim

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
)

// snapshotList is the snapshots of a listing as XML. Storms list millions, which
// is too much for encoding/xml to find their shape anew each time.
type snapshotList struct {
	XML   []byte `xml:",innerxml"`
	count int
}

// roomForItem is more than a snapshot takes, as a rule.
const roomForItem = 4096

// add appends what encoding/xml would write for i as an item; a test holds the
// two together.
func (l *snapshotList) add(i snapshotItem) {
	l.count++
	if cap(l.XML)-len(l.XML) < roomForItem {
		l.XML = slices.Grow(l.XML, max(len(l.XML), roomForItem)) // append alone grows in ever smaller steps
	}
	b := append(l.XML, "<item>"...)
	b = appendElement(b, "snapshotId", i.SnapshotID)
	b = appendElement(b, "volumeId", i.VolumeID)
	b = appendElement(b, "status", i.Status)
	b = appendUnlessEmpty(b, "statusMessage", i.Message)
	b = appendElement(b, "startTime", i.StartTime)
	b = appendUnlessEmpty(b, "completionTime", i.Completion)
	b = appendElement(b, "progress", i.Progress)
	b = appendElement(b, "ownerId", i.OwnerID)
	b = appendElement(b, "volumeSize", strconv.Itoa(i.VolumeSize))
	b = appendElement(b, "description", i.Description)
	b = appendElement(b, "encrypted", strconv.FormatBool(i.Encrypted))
	b = appendUnlessEmpty(b, "kmsKeyId", i.KmsKeyID)
	b = appendElement(b, "storageTier", i.StorageTier)
	b = appendElement(b, "transferType", i.TransferType)
	if i.Minutes != 0 {
		b = appendElement(b, "completionDurationMinutes", strconv.Itoa(i.Minutes))
	}
	if i.FullSize != nil {
		b = appendElement(b, "fullSnapshotSizeInBytes", strconv.FormatInt(*i.FullSize, 10))
	}
	if i.Tags != nil {
		b = append(b, "<tagSet>"...)
		for _, tag := range i.Tags.Items {
			b = append(b, "<item>"...)
			b = appendElement(b, "key", tag.Key)
			b = appendElement(b, "value", tag.Value)
			b = append(b, "</item>"...)
		}
		b = append(b, "</tagSet>"...)
	}
	l.XML = append(b, "</item>"...)
}

func appendUnlessEmpty(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	return appendElement(b, name, text)
}

func appendElement(b []byte, name, text string) []byte {
	b = append(append(append(b, '<'), name...), '>')
	if plain(text) {
		b = append(b, text...)
	} else {
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(text))
		b = append(b, escaped.String()...)
	}
	return append(append(append(b, "</"...), name...), '>')
}

// plain says whether XML writes all of a text as it is. It looks at bytes, and so
// takes what is not ASCII for something else.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '<', c == '>', c == '&', c == '\'', c == '"':
			return false
		}
	}
	return true
}
