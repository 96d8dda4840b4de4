package sim

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// snapshotList is the snapshots of a listing as XML. Storms list millions, which
// is too much for encoding/xml to find their shape anew each time.
type snapshotList struct {
	XML   []byte `xml:",innerxml"`
	count int
}

// add appends what encoding/xml would write for i as an item; a test holds the
// two together.
func (l *snapshotList) add(i snapshotItem) {
	l.count++
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
	if strings.ContainsFunc(text, needsEscape) {
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(text))
		text = escaped.String()
	}
	b = append(b, text...)
	return append(append(append(b, "</"...), name...), '>')
}

// needsEscape says whether XML may write a character otherwise than it is.
func needsEscape(r rune) bool {
	return r < ' ' || r > '~' || strings.ContainsRune(`<>&'"`, r)
}
