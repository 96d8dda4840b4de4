package sim

import (
	"fmt"
	"testing"
)

func TestEventPatterns(t *testing.T) {
	// %s is the event's detail.
	const event = `{"id":"1","account":"111111111111","source":"mine","time":"2026-01-01T00:00:00Z","region":"eu-west-1","resources":[],"detail-type":"T","detail":%s}`
	cases := map[string]struct {
		pattern  string // of the detail
		match    []string
		mismatch []string
	}{
		"a string equals one in the list":       {`{"a":["x","y"]}`, []string{`{"a":"x"}`, `{"a":"y","b":1}`}, []string{`{"a":"z"}`, `{"a":"X"}`, `{}`, `{"a":{"x":"x"}}`}},
		"types are strict":                      {`{"a":["300"]}`, []string{`{"a":"300"}`}, []string{`{"a":300}`}},
		"numbers are compared as written":       {`{"a":[300]}`, []string{`{"a":300}`}, []string{`{"a":300.0}`, `{"a":3e2}`, `{"a":"300"}`}},
		"booleans and null are values":          {`{"a":[true,null]}`, []string{`{"a":true}`, `{"a":null}`}, []string{`{"a":false}`, `{"a":"true"}`, `{}`, `{"a":0}`}},
		"objects nest":                          {`{"a":{"b":["x"],"c":[1]}}`, []string{`{"a":{"b":"x","c":1}}`}, []string{`{"a":{"b":"x"}}`, `{"a":"x"}`}},
		"one element of an array is enough":     {`{"a":["x"]}`, []string{`{"a":["w","x"]}`, `{"a":[["x"]]}`}, []string{`{"a":[]}`, `{"a":["w"]}`}},
		"one object of an array fits as whole":  {`{"a":{"b":["x"],"c":["y"]}}`, []string{`{"a":[{"b":"w"},{"b":"x","c":"y"}]}`}, []string{`{"a":[{"b":"x"},{"c":"y"}]}`}},
		"prefix":                                {`{"a":[{"prefix":"ab"}]}`, []string{`{"a":"abc"}`}, []string{`{"a":"ABC"}`, `{"a":"a"}`, `{"a":1}`}},
		"prefix without case":                   {`{"a":[{"prefix":{"equals-ignore-case":"ab"}}]}`, []string{`{"a":"ABC"}`}, []string{`{"a":"b"}`}},
		"suffix":                                {`{"a":[{"suffix":".png"}]}`, []string{`{"a":"x.png"}`}, []string{`{"a":"x.PNG"}`}},
		"suffix without case":                   {`{"a":[{"suffix":{"equals-ignore-case":".png"}}]}`, []string{`{"a":"x.PNG"}`}, []string{`{"a":"png"}`}},
		"equals-ignore-case":                    {`{"a":[{"equals-ignore-case":"Alice"}]}`, []string{`{"a":"aLICE"}`}, []string{`{"a":"alicia"}`}},
		"wildcard":                              {`{"a":[{"wildcard":"x/*/é.z"}]}`, []string{`{"a":"x/y/y/é.z"}`}, []string{`{"a":"x/é.z"}`, `{"a":"x/y/éaz"}`}},
		"an escaped wildcard is a character":    {`{"a":[{"wildcard":"x\\*\\\\*"}]}`, []string{`{"a":"x*\\y"}`}, []string{`{"a":"xy\\y"}`}},
		"exists":                                {`{"a":[{"exists":true}]}`, []string{`{"a":1}`, `{"a":null}`}, []string{`{}`, `{"a":{"b":1}}`, `{"a":[]}`}},
		"does not exist":                        {`{"a":{"b":[{"exists":false}]}}`, []string{`{}`, `{"a":1}`, `{"a":{"c":1}}`}, []string{`{"a":{"b":1}}`}},
		"numeric":                               {`{"a":[{"numeric":["=",300]}]}`, []string{`{"a":300}`, `{"a":300.0}`, `{"a":3e2}`}, []string{`{"a":"300"}`, `{"a":301}`}},
		"numeric range":                         {`{"a":[{"numeric":[">",0,"<=",5]}]}`, []string{`{"a":5}`, `{"a":0.1}`}, []string{`{"a":0}`, `{"a":5.1}`}},
		"anything-but a value":                  {`{"a":[{"anything-but":"x"}]}`, []string{`{"a":"y"}`, `{"a":1}`}, []string{`{"a":"x"}`, `{}`}},
		"anything-but a list":                   {`{"a":[{"anything-but":[1,2]}]}`, []string{`{"a":3}`}, []string{`{"a":1}`, `{"a":2}`}},
		"anything-but a prefix":                 {`{"a":[{"anything-but":{"prefix":"in"}}]}`, []string{`{"a":"out"}`}, []string{`{"a":"init"}`, `{}`}},
		"anything-but several suffixes":         {`{"a":[{"anything-but":{"suffix":["x","y"]}}]}`, []string{`{"a":"z"}`}, []string{`{"a":"zy"}`}},
		"$or of fields":                         {`{"a":["x"],"$or":[{"b":[1]},{"c":{"d":[2]}}]}`, []string{`{"a":"x","b":1}`, `{"a":"x","c":{"d":2}}`}, []string{`{"a":"x"}`, `{"b":1}`}},
		"several operators in a list are an or": {`{"a":[{"prefix":"x"},{"exists":false},7]}`, []string{`{"a":"xy"}`, `{}`, `{"a":7}`}, []string{`{"a":"y"}`}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) {
				for _, want := range []bool{true, false} {
					details := test.match
					if !want {
						details = test.mismatch
					}
					for _, detail := range details {
						in := jsonObject{"EventPattern": `{"source":["mine"],"detail":` + test.pattern + `}`, "Event": fmt.Sprintf(event, detail)}
						if got := c.events("TestEventPattern", in)["Result"]; got != want {
							t.Errorf("%s and %s: got %v, want %v", test.pattern, detail, got, want)
						}
					}
				}
			})
		})
	}
}

func TestInvalidEventPatterns(t *testing.T) {
	cases := map[string]struct{ pattern, reason string }{
		"not JSON":                       {`{`, "JSON object"},
		"not an object":                  {`[]`, "JSON object"},
		"empty":                          {`{}`, "Empty objects"},
		"a bare value":                   {`{"source":"x"}`, `"source" must be an object or an array`},
		"an empty list":                  {`{"detail":{"a":[]}}`, "Empty arrays are not allowed in detail.a"},
		"an empty object":                {`{"detail":{}}`, "Empty objects are not allowed in detail"},
		"an unknown operator":            {`{"source":[{"regex":"x"}]}`, "Unrecognized match type regex in source"},
		"an operator that is not here":   {`{"detail":{"ip":[{"cidr":"10.0.0.0/8"}]}}`, "Unrecognized match type cidr in detail.ip"},
		"two operators in one":           {`{"source":[{"prefix":"x","suffix":"y"}]}`, "exactly one operator"},
		"prefix of a number":             {`{"source":[{"prefix":1}]}`, "prefix match pattern must be a string"},
		"exists of a string":             {`{"source":[{"exists":"true"}]}`, "must be either true or false"},
		"numeric with a wrong operator":  {`{"a":[{"numeric":["!",1]}]}`, "Unrecognized numeric range operator: !"},
		"numeric in the wrong order":     {`{"a":[{"numeric":["<",1,">",0]}]}`, "Bad numeric range"},
		"anything-but true":              {`{"a":[{"anything-but":true}]}`, "anything-but must be"},
		"two stars":                      {`{"a":[{"wildcard":"a**"}]}`, "Consecutive wildcard"},
		"an unknown escape":              {`{"a":[{"wildcard":"a\\b"}]}`, "Invalid escape character"},
		"an array in an array":           {`{"a":[["x"]]}`, "cannot hold an array"},
		"$or of something else":          {`{"$or":["x"]}`, "$or must be an array of objects"},
		"a fault within an $or":          {`{"$or":[{"a":["x"]},{"b":[{"cidr":"x"}]}]}`, "Unrecognized match type cidr in b"},
		"an unknown nested anything-but": {`{"a":[{"anything-but":{"cidr":"x"}}]}`, "Unrecognized match type cidr in a"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			inQueueWorld(t, func(c queues) {
				c.refused("events", "PutRule", jsonObject{"Name": "r", "EventPattern": test.pattern}, "InvalidEventPatternException", test.reason)
			})
		})
	}
}
