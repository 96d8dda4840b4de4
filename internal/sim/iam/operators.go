package iam

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// operator is a condition operator without its prefix and suffix.
type operator struct {
	negated bool
	null    bool
	read    func(text string, variables bool) (operand, error)
	meets   func(v *operand, is string, keys Keys) bool
}

// operand is a value of a condition, as its operator reads it.
type operand struct {
	text     pattern
	segments []pattern // of an ARN
	number   float64
	time     time.Time
	truth    bool
}

var operators = map[string]*operator{
	"StringEquals":              textOperator(syntax{}),
	"StringNotEquals":           negated(textOperator(syntax{})),
	"StringEqualsIgnoreCase":    textOperator(syntax{fold: true}),
	"StringNotEqualsIgnoreCase": negated(textOperator(syntax{fold: true})),
	"StringLike":                textOperator(syntax{wildcards: true}),
	"StringNotLike":             negated(textOperator(syntax{wildcards: true})),

	// The two forms are the same (IAM user guide, "Amazon Resource Name (ARN)
	// condition operators").
	"ArnEquals":    arnOperator(),
	"ArnLike":      arnOperator(),
	"ArnNotEquals": negated(arnOperator()),
	"ArnNotLike":   negated(arnOperator()),

	"Bool": {read: readTruth, meets: func(v *operand, is string, _ Keys) bool { return strings.EqualFold(is, strconv.FormatBool(v.truth)) }},
	"Null": {read: readTruth, null: true},

	"NumericEquals":            numberOperator(func(is, v float64) bool { return is == v }),
	"NumericNotEquals":         negated(numberOperator(func(is, v float64) bool { return is == v })),
	"NumericLessThan":          numberOperator(func(is, v float64) bool { return is < v }),
	"NumericLessThanEquals":    numberOperator(func(is, v float64) bool { return is <= v }),
	"NumericGreaterThan":       numberOperator(func(is, v float64) bool { return is > v }),
	"NumericGreaterThanEquals": numberOperator(func(is, v float64) bool { return is >= v }),

	"DateEquals":            dateOperator(func(order int) bool { return order == 0 }),
	"DateNotEquals":         negated(dateOperator(func(order int) bool { return order == 0 })),
	"DateLessThan":          dateOperator(func(order int) bool { return order < 0 }),
	"DateLessThanEquals":    dateOperator(func(order int) bool { return order <= 0 }),
	"DateGreaterThan":       dateOperator(func(order int) bool { return order > 0 }),
	"DateGreaterThanEquals": dateOperator(func(order int) bool { return order >= 0 }),
}

func negated(o *operator) *operator {
	o.negated = true
	return o
}

func textOperator(of syntax) *operator {
	return &operator{
		read: func(text string, variables bool) (v operand, err error) {
			of := of
			of.variables = variables
			v.text, err = compile(text, of)
			return v, err
		},
		meets: func(v *operand, is string, keys Keys) bool { return v.text.matches(is, keys) },
	}
}

// arnOperator compares the six fields of ARNs one by one.
func arnOperator() *operator {
	return &operator{
		read: func(text string, variables bool) (v operand, err error) {
			fields, six := arnFields(text, variables)
			if !six {
				return v, fmt.Errorf("%q is not an ARN of six fields", text)
			}
			for _, f := range fields {
				p, err := compile(f, syntax{wildcards: true, variables: variables})
				if err != nil {
					return v, err
				}
				v.segments = append(v.segments, p)
			}
			return v, nil
		},
		meets: func(v *operand, is string, keys Keys) bool {
			fields := strings.SplitN(is, ":", len(v.segments))
			if len(fields) != len(v.segments) {
				return false
			}
			for i := range fields {
				if !v.segments[i].matches(fields[i], keys) {
					return false
				}
			}
			return true
		},
	}
}

// arnFields cuts an ARN at its first five colons, those within variables aside.
func arnFields(text string, variables bool) (fields []string, six bool) {
	inside, start := false, 0
	for i, char := range text {
		switch {
		case variables && strings.HasPrefix(text[i:], "${"):
			inside = true
		case char == '}':
			inside = false
		case char == ':' && !inside && len(fields) < 5:
			fields, start = append(fields, text[start:i]), i+1
		}
	}
	return append(fields, text[start:]), len(fields) == 5
}

func readTruth(text string, _ bool) (v operand, err error) {
	switch strings.ToLower(text) {
	case "true":
		v.truth = true
	case "false":
	default:
		err = fmt.Errorf("%q is neither true nor false", text)
	}
	return v, err
}

func numberOperator(compare func(is, v float64) bool) *operator {
	return &operator{
		read: func(text string, _ bool) (v operand, err error) {
			if v.number, err = strconv.ParseFloat(text, 64); err != nil {
				err = fmt.Errorf("%q is not a number", text)
			}
			return v, err
		},
		meets: func(v *operand, is string, _ Keys) bool {
			n, err := strconv.ParseFloat(is, 64)
			return err == nil && compare(n, v.number)
		},
	}
}

func dateOperator(compare func(order int) bool) *operator {
	return &operator{
		read: func(text string, _ bool) (v operand, err error) {
			v.time, err = readDate(text)
			return v, err
		},
		meets: func(v *operand, is string, _ Keys) bool {
			t, err := readDate(is)
			return err == nil && compare(t.Compare(v.time))
		},
	}
}

// readDate reads the W3C's forms of ISO 8601, or seconds since 1970.
func readDate(text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly, "2006-01", "2006"} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a date", text)
}
