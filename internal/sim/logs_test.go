package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// logging is one account's CloudWatch Logs in a Region.
type logging struct {
	*lab
	account, region string
}

func (g logging) do(action string, in jsonObject) (out jsonObject) {
	g.t.Helper()
	if err := g.w.Do(g.t.Context(), g.account, g.region, "logs", action, in, &out); err != nil {
		g.t.Fatal(err)
	}
	return out
}

// fails is the code of the error that a call ends with.
func (g logging) fails(action string, in jsonObject) string {
	g.t.Helper()
	code, _ := g.refusal(g.t.Context(), g.account, g.region, "logs", action, in)
	return code
}

func (g logging) put(stream string, at time.Time, messages ...string) jsonObject {
	g.t.Helper()
	var events []jsonObject
	for _, m := range messages {
		events = append(events, jsonObject{"timestamp": at.UnixMilli(), "message": m})
	}
	return g.do("PutLogEvents", jsonObject{"logGroupName": "/a", "logStreamName": stream, "logEvents": events})
}

// found is the messages that a filter finds, over all pages, and how many pages
// there were.
func (g logging) found(in jsonObject) (messages []string, pages int) {
	g.t.Helper()
	request := jsonObject{"logGroupName": "/a"}
	for key, value := range in {
		request[key] = value
	}
	for {
		var out struct {
			Events    []struct{ Message string }
			NextToken string
		}
		data, err := json.Marshal(g.do("FilterLogEvents", request))
		if err == nil {
			err = json.Unmarshal(data, &out)
		}
		if err != nil {
			g.t.Fatal(err)
		}
		pages++
		for _, e := range out.Events {
			messages = append(messages, e.Message)
		}
		if out.NextToken == "" {
			return messages, pages
		}
		request["nextToken"] = out.NextToken
	}
}

// withLogs runs a test in a world where an account has the log group /a with two
// streams.
func withLogs(t *testing.T, name string, o Options, f func(g logging)) {
	t.Helper()
	bubble(t, name, o, func(l *lab) {
		g := logging{l, vault, west}
		g.do("CreateLogGroup", jsonObject{"logGroupName": "/a"})
		for _, stream := range []string{"one", "two"} {
			g.do("CreateLogStream", jsonObject{"logGroupName": "/a", "logStreamName": stream})
		}
		f(g)
	})
}

func TestFilterLogEvents(t *testing.T) {
	start := func(g logging) time.Time { return g.w.Now() }
	withLogs(t, "in the order of their times, whenever they came", Options{}, func(g logging) {
		now := start(g)
		g.put("one", now, "second", "third")
		g.put("two", now.Add(-time.Minute), "first")
		got, _ := g.found(nil)
		g.wantList("all", got, []string{"first", "second", "third"})
		got, _ = g.found(jsonObject{"logStreamNames": []string{"two"}})
		g.wantList("of one stream", got, []string{"first"})
		got, _ = g.found(jsonObject{"logStreamNamePrefix": "on"})
		g.wantList("of streams that begin alike", got, []string{"second", "third"})
		got, _ = g.found(jsonObject{"startTime": now.UnixMilli()})
		g.wantList("from then", got, []string{"second", "third"})
		got, _ = g.found(jsonObject{"endTime": now.Add(-time.Millisecond).UnixMilli()})
		g.wantList("until then", got, []string{"first"})
	})
	withLogs(t, "what is written shows a while later", Options{LogLag: 5 * time.Second}, func(g logging) {
		g.put("one", start(g), "line")
		time.Sleep(5*time.Second - time.Millisecond)
		got, _ := g.found(nil)
		g.wantList("before", got, nil)
		time.Sleep(time.Millisecond)
		got, _ = g.found(nil)
		g.wantList("then", got, []string{"line"})
	})
	withLogs(t, "in pages, some of them empty", Options{}, func(g logging) {
		for i := range 3 {
			var some []string
			for j := range logScan {
				some = append(some, fmt.Sprintf("line %d", i*logScan+j))
			}
			g.put("one", start(g), some...)
		}
		got, pages := g.found(jsonObject{"filterPattern": `"line 2999"`})
		g.wantList("the one in the end", got, []string{"line 2999"})
		g.want("pages", pages, 3)
		all, pages := g.found(jsonObject{"limit": 700})
		g.want("all of them", len(all), 3*logScan)
		g.want("pages", pages, 5)
		g.want("in order", slices.IsSortedFunc(all, func(a, b string) int { return len(a) - len(b) }), true)
	})
	withLogs(t, "what comes between two pages is neither lost nor given twice", Options{}, func(g logging) {
		g.put("one", start(g), "a", "b")
		page := g.do("FilterLogEvents", jsonObject{"logGroupName": "/a", "limit": 1})
		g.put("one", start(g), "c")
		got, _ := g.found(jsonObject{"nextToken": page["nextToken"]})
		g.wantList("the rest", got, []string{"b", "c"})
	})
	withLogs(t, "a group has its own account and Region", Options{}, func(g logging) {
		g.put("one", start(g), "line")
		g.want("elsewhere", logging{g.lab, vault, "us-east-1"}.fails("FilterLogEvents", jsonObject{"logGroupName": "/a"}), "ResourceNotFoundException")
		g.want("another's", logging{g.lab, stranger, west}.fails("FilterLogEvents", jsonObject{"logGroupName": "/a"}), "ResourceNotFoundException")
		got, _ := g.found(jsonObject{"logGroupName": "", "logGroupIdentifier": "arn:aws:logs:eu-west-1:222222222222:log-group:/a"})
		g.wantList("by its ARN", got, []string{"line"})
	})
	withLogs(t, "it keeps the last", Options{}, func(g logging) {
		some := slices.Repeat([]string{"x"}, maxLogBatch)
		for range maxLogEvents / maxLogBatch {
			g.put("one", start(g), some...)
		}
		g.put("one", start(g), "last")
		got, _ := g.found(nil)
		g.want("events", len(got), maxLogEvents)
		g.want("the last", got[len(got)-1], "last")
	})
}

func TestFilterPatterns(t *testing.T) {
	const line = `{"level":"INFO","message":"arrived","test":"0f1e"}`
	for pattern, want := range map[string]bool{
		"":                         true,
		"arrived":                  true,
		"Arrived":                  false,
		"arrived INFO":             true,
		"arrived ERROR":            false,
		"?arrived ?ERROR":          true,
		"?WARN ?ERROR":             false,
		"arrived -ERROR":           true,
		"arrived -INFO":            false,
		`"\"message\":\"arrived"`:  true,
		`"message arrived"`:        false,
		`  "0f1e"  `:               true,
		`?nothing "0f1e" ?arrived`: true,
	} {
		matches, problem := parseFilter(pattern)
		if problem != nil {
			t.Errorf("%q: %v", pattern, problem)
		} else if got := matches(line); got != want {
			t.Errorf("%q matches: %v, want %v", pattern, got, want)
		}
	}
	for _, pattern := range []string{`{ $.test = "0f1e" }`, "[a, b]", "%regex%", `"open`, "a*"} {
		if _, problem := parseFilter(pattern); problem == nil || problem.Code != "InvalidParameterException" {
			t.Errorf("%q is taken: %v", pattern, problem)
		}
	}
}

func TestLogRefusals(t *testing.T) {
	withLogs(t, "", Options{}, func(g logging) {
		now := g.w.Now().UnixMilli()
		event := func(at int64, message string) jsonObject { return jsonObject{"timestamp": at, "message": message} }
		put := func(events ...jsonObject) jsonObject {
			return jsonObject{"logGroupName": "/a", "logStreamName": "one", "logEvents": events}
		}
		for _, test := range []struct {
			action string
			in     jsonObject
			want   string
		}{
			{"CreateLogGroup", jsonObject{"logGroupName": "/a"}, "ResourceAlreadyExistsException"},
			{"CreateLogGroup", jsonObject{"logGroupName": "a b"}, "InvalidParameterException"},
			{"CreateLogStream", jsonObject{"logGroupName": "/a", "logStreamName": "one"}, "ResourceAlreadyExistsException"},
			{"CreateLogStream", jsonObject{"logGroupName": "/b", "logStreamName": "one"}, "ResourceNotFoundException"},
			{"CreateLogStream", jsonObject{"logGroupName": "/a", "logStreamName": "a:b"}, "InvalidParameterException"},
			{"PutLogEvents", jsonObject{"logGroupName": "/a", "logStreamName": "three", "logEvents": []jsonObject{event(now, "x")}}, "ResourceNotFoundException"},
			{"PutLogEvents", put(), "InvalidParameterException"},
			{"PutLogEvents", put(event(now, "")), "InvalidParameterException"},
			{"PutLogEvents", put(event(now, "x"), event(now-1, "y")), "InvalidParameterException"},
			{"PutLogEvents", put(event(now, strings.Repeat("x", maxLogBatchBytes))), "InvalidParameterException"},
			{"PutLogEvents", put(event(now-25*time.Hour.Milliseconds(), "x"), event(now, "y")), "InvalidParameterException"},
			{"FilterLogEvents", jsonObject{"logGroupName": "/b"}, "ResourceNotFoundException"},
			{"FilterLogEvents", jsonObject{}, "InvalidParameterException"},
			{"FilterLogEvents", jsonObject{"logGroupName": "/a", "logGroupIdentifier": "/a"}, "InvalidParameterException"},
			{"FilterLogEvents", jsonObject{"logGroupName": "/a", "limit": 10001}, "InvalidParameterException"},
			{"FilterLogEvents", jsonObject{"logGroupName": "/a", "nextToken": "x"}, "InvalidParameterException"},
			{"FilterLogEvents", jsonObject{"logGroupName": "/a", "logStreamNames": []string{"one"}, "logStreamNamePrefix": "t"}, "InvalidParameterException"},
			{"FilterLogEvents", jsonObject{"logGroupName": "/a", "startFromHead": false}, "InvalidParameterException"},
			{"DescribeLogStreams", jsonObject{"logGroupName": "/a", "orderBy": "LastEventTime"}, "InvalidParameterException"},
			{"DescribeLogGroups", jsonObject{"limit": 51}, "InvalidParameterException"},
			{"PutRetentionPolicy", jsonObject{"logGroupName": "/b", "retentionInDays": 7}, "ResourceNotFoundException"},
			{"DeleteLogGroup", jsonObject{"logGroupName": "/b"}, "ResourceNotFoundException"},
			{"StartQuery", jsonObject{}, "UnknownOperationException"},
		} {
			if got := g.fails(test.action, test.in); got != test.want {
				t.Errorf("%s %v: got %s, want %s", test.action, test.in, got, test.want)
			}
		}
		// What is too old or from the future is passed over, and the rest is taken.
		answer := g.do("PutLogEvents", put(event(now-20*24*time.Hour.Milliseconds(), "too old")))
		g.want("too old", fmt.Sprint(answer), "map[rejectedLogEventsInfo:map[tooOldLogEventEndIndex:1]]")
		answer = g.do("PutLogEvents", put(event(now, "taken"), event(now+3*time.Hour.Milliseconds(), "too new")))
		g.want("too new", fmt.Sprint(answer), "map[rejectedLogEventsInfo:map[tooNewLogEventStartIndex:1]]")
		got, _ := g.found(nil)
		g.wantList("taken", got, []string{"taken"})
	})
}

func TestLogListings(t *testing.T) {
	withLogs(t, "", Options{}, func(g logging) {
		g.do("CreateLogGroup", jsonObject{"logGroupName": "/b"})
		g.do("PutRetentionPolicy", jsonObject{"logGroupName": "/b", "retentionInDays": 7})
		now := g.w.Now()
		g.put("one", now, "x")
		groups := func(in jsonObject) string {
			var b strings.Builder
			for _, group := range g.do("DescribeLogGroups", in)["logGroups"].([]any) {
				group := group.(map[string]any)
				fmt.Fprint(&b, group["logGroupName"], " ", group["arn"], " ", group["retentionInDays"], ";")
			}
			return b.String()
		}
		g.want("groups", groups(jsonObject{}), "/a arn:aws:logs:eu-west-1:222222222222:log-group:/a:* <nil>;/b arn:aws:logs:eu-west-1:222222222222:log-group:/b:* 7;")
		g.want("groups that begin so", groups(jsonObject{"logGroupNamePrefix": "/b"}), "/b arn:aws:logs:eu-west-1:222222222222:log-group:/b:* 7;")
		first := g.do("DescribeLogGroups", jsonObject{"limit": 1})
		g.want("the next page", groups(jsonObject{"limit": 1, "nextToken": first["nextToken"]}), "/b arn:aws:logs:eu-west-1:222222222222:log-group:/b:* 7;")
		streams := g.do("DescribeLogStreams", jsonObject{"logGroupName": "/a", "logStreamNamePrefix": "o"})["logStreams"].([]any)
		g.want("streams", len(streams), 1)
		stream := streams[0].(map[string]any)
		g.want("its last event", stream["lastEventTimestamp"], float64(now.UnixMilli()))
		g.want("its ARN", stream["arn"], "arn:aws:logs:eu-west-1:222222222222:log-group:/a:log-stream:one")
		g.do("DeleteLogGroup", jsonObject{"logGroupName": "/b"})
		g.want("after the deletion", groups(jsonObject{}), "/a arn:aws:logs:eu-west-1:222222222222:log-group:/a:* <nil>;")
	})
}

func TestLogsAuthorization(t *testing.T) {
	const group = "arn:aws:logs:eu-west-1:222222222222:log-group:/a"
	put := object{"logGroupName": "/a", "logStreamName": "one", "logEvents": []object{{"timestamp": 0, "message": "x"}}}
	for _, test := range []struct {
		name, statement, action string
		in                      object
		want                    string
	}{
		{"writing", may("logs:PutLogEvents", group+":*"), "PutLogEvents", put, ""},
		{"writing to a stream", may("logs:PutLogEvents", group+":log-stream:one"), "PutLogEvents", put, ""},
		{"writing to another stream", may("logs:PutLogEvents", group+":log-stream:two"), "PutLogEvents", put, "AccessDeniedException"},
		{"writing to another group", may("logs:PutLogEvents", group+"b:*"), "PutLogEvents", put, "AccessDeniedException"},
		{"writing by the group's bare ARN", may("logs:PutLogEvents", group), "PutLogEvents", put, "AccessDeniedException"},
		{"a stream", may("logs:CreateLogStream", group+":*"), "CreateLogStream", object{"logGroupName": "/a", "logStreamName": "new"}, ""},
		{"looking", may("logs:FilterLogEvents", group+":*"), "FilterLogEvents", object{"logGroupName": "/a"}, ""},
		{"looking by who may write", may("logs:PutLogEvents", group+":*"), "FilterLogEvents", object{"logGroupName": "/a"}, "AccessDeniedException"},
		{"looking by the group's ARN", may("logs:FilterLogEvents", group+":*"), "FilterLogEvents", object{"logGroupIdentifier": group}, ""},
		{"listing", may("logs:DescribeLogGroups", "*"), "DescribeLogGroups", object{}, ""},
	} {
		withLogs(t, test.name, Options{}, func(g logging) {
			if got := g.answer(g.role(test.statement), west, "logs", test.action, test.in); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
