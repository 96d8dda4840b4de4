package stacks

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"snapferry/infra/blueprint"
)

// id is the logical id for a name: "snapferry-orders-dlq.fifo" is OrdersDlq, with
// whatever prefix.
func id(name string) *string {
	if _, rest, found := strings.Cut(name, blueprint.Application+"-"); found {
		name = rest
	}
	name = strings.TrimSuffix(name, ".fifo")
	var b strings.Builder
	upper := true
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			upper = true
		case upper:
			b.WriteRune(unicode.ToUpper(r))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	return new(b.String())
}

// text is a string in which CloudFormation fills in what only it knows: in a
// StackSet's stack "${AWS::AccountId}" and the like.
func text(s string) *string {
	if strings.Contains(s, "${AWS::") {
		return awscdk.Fn_Sub(new(s), nil)
	}
	return new(s)
}

func number(n int) *float64 { return new(float64(n)) }

func seconds(d time.Duration) *float64 { return new(d.Seconds()) }

// document is a policy document of statements.
func document(statements ...blueprint.Statement) any {
	return filled(blueprint.Document(statements...))
}

// filled is a document with text in the place of strings.
func filled(v any) any {
	switch v := v.(type) {
	case string:
		return *text(v)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = *text(s)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = filled(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = filled(item)
		}
		return out
	}
	panic(fmt.Sprintf("a policy document with a %T in it", v))
}

// overTLS refuses what comes over plain HTTP. Neither SQS nor SNS can be asked to
// listen on TLS only.
func overTLS(action, resource string) blueprint.Statement {
	return blueprint.Statement{
		Sid:        "OverTLS",
		Deny:       true,
		Principals: map[string][]string{"AWS": {"*"}},
		Actions:    []string{action},
		Resources:  []string{resource},
		Conditions: blueprint.Conditions{"Bool": {"aws:SecureTransport": {"false"}}},
	}
}
