package sim

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// messageAttribute is one of a message's attributes, as it is on the wire.
type messageAttribute struct {
	DataType    string
	StringValue *string `json:",omitempty"`
	BinaryValue []byte  `json:",omitempty"`
}

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	// groupName is what message group ids and deduplication ids consist of.
	groupName = regexp.MustCompile("^[A-Za-z0-9!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]{1,128}$")
)

// checkMessageAttributes applies SQS's rules for names, types and values.
func checkMessageAttributes(attributes map[string]messageAttribute) *apiError {
	invalid := func(format string, args ...any) *apiError {
		return badRequest("InvalidParameterValue", format, args...)
	}
	if len(attributes) > 10 {
		return invalid("Number of message attributes [%d] exceeds the allowed maximum [10].", len(attributes))
	}
	for name, a := range attributes {
		lower := strings.ToLower(name)
		if len(name) > 256 || !attributeName.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
			return invalid("The message attribute name '%s' is invalid.", name)
		}
		base, _, _ := strings.Cut(a.DataType, ".")
		switch {
		case a.DataType == "":
			return invalid("The message attribute '%s' must contain non-empty message attribute type.", name)
		case len(a.DataType) > 256 || base != "String" && base != "Number" && base != "Binary":
			return invalid("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
		case base == "Binary" && len(a.BinaryValue) == 0,
			base != "Binary" && (a.StringValue == nil || *a.StringValue == ""):
			return invalid("The message attribute '%s' must contain a non-empty message attribute value for message attribute type '%s'.", name, base)
		case base != "Binary" && !validText(*a.StringValue):
			return badRequest("InvalidMessageContents", "Message attribute '%s' contains characters outside the allowed set.", name)
		}
		if base == "Number" {
			if _, err := strconv.ParseFloat(*a.StringValue, 64); err != nil {
				return invalid("Can't cast the value of message (user) attribute '%s' to a number.", name)
			}
		}
	}
	return nil
}

// validText says whether s has only the characters that SQS carries.
func validText(s string) bool {
	for _, r := range s {
		switch {
		case r == '\t', r == '\n', r == '\r':
		case r < 0x20, r == 0xfffe, r == 0xffff:
			return false
		}
	}
	return true
}

// attributesSize is what attributes count towards a message's size.
func attributesSize(attributes map[string]messageAttribute) int {
	size := 0
	for name, a := range attributes {
		size += len(name) + len(a.DataType) + len(a.BinaryValue)
		if a.StringValue != nil {
			size += len(*a.StringValue)
		}
	}
	return size
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// attributesMD5 is the digest that SDKs compare with their own: of each
// attribute in the order of names, length-prefixed name and type, a byte for
// the transport type, and the length-prefixed value. It is "" for none.
func attributesMD5(attributes map[string]messageAttribute) string {
	if len(attributes) == 0 {
		return ""
	}
	digest := md5.New()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		writeSized(digest, []byte(name))
		writeSized(digest, []byte(a.DataType))
		if strings.HasPrefix(a.DataType, "Binary") {
			digest.Write([]byte{2})
			writeSized(digest, a.BinaryValue)
			continue
		}
		digest.Write([]byte{1})
		writeSized(digest, []byte(*a.StringValue))
	}
	return hex.EncodeToString(digest.Sum(nil))
}

func writeSized(digest hash.Hash, b []byte) {
	digest.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	digest.Write(b)
}

// chosenAttributes are the attributes whose names a receiver asked for: each
// by name, by a prefix ending in ".*", or all of them.
func chosenAttributes(attributes map[string]messageAttribute, asked []string) map[string]messageAttribute {
	chosen := map[string]messageAttribute{}
	for name, a := range attributes {
		if slices.ContainsFunc(asked, func(pattern string) bool {
			prefix, wild := strings.CutSuffix(pattern, ".*")
			return pattern == "All" || pattern == name || wild && (prefix == "" || name == prefix || strings.HasPrefix(name, prefix+"."))
		}) {
			chosen[name] = a
		}
	}
	return chosen
}
