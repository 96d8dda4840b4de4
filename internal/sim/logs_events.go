package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What CloudWatch Logs takes and gives at a time (API reference, PutLogEvents
// and FilterLogEvents).
const (
	maxLogBatch      = 10_000
	maxLogBatchBytes = 1 << 20
	logEventOverhead = 26 // bytes that each event counts besides its text
	maxLogPage       = 10_000
	maxLogPageBytes  = 1 << 20
	// logScan is how many events one call of FilterLogEvents looks at. Amazon does
	// not say how many; a page may be empty and have a token, and so it is here.
	logScan = 1_000
)

func (l *logs) putEvents(c *call, now time.Time, in *struct {
	LogGroupName, LogStreamName string
	LogEvents                   []struct {
		Timestamp int64
		Message   string
	}
}) (any, *apiError) {
	g, problem := l.group(c, in.LogGroupName)
	if problem != nil {
		return nil, problem
	}
	s := g.streams[in.LogStreamName]
	if s == nil {
		return nil, badRequest("ResourceNotFoundException", "The specified log stream does not exist.")
	}
	size := 0
	for i, e := range in.LogEvents {
		size += len(e.Message) + logEventOverhead
		if e.Message == "" {
			return nil, invalidLogs("1 validation error detected: Value '' at 'logEvents.%d.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1", i+1)
		}
		if i > 0 && e.Timestamp < in.LogEvents[i-1].Timestamp {
			return nil, invalidLogs("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	switch n := len(in.LogEvents); {
	case n == 0 || n > maxLogBatch:
		return nil, invalidLogs("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have between 1 and %d items", maxLogBatch)
	case size > maxLogBatchBytes:
		return nil, invalidLogs("Upload too large: %d bytes exceeds limit of %d", size, maxLogBatchBytes)
	case in.LogEvents[n-1].Timestamp-in.LogEvents[0].Timestamp > (24 * time.Hour).Milliseconds():
		return nil, invalidLogs("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	old, new := now.Add(-14*24*time.Hour).UnixMilli(), now.Add(2*time.Hour).UnixMilli()
	tooOld, tooNew := 0, -1
	for i, e := range in.LogEvents {
		switch {
		case e.Timestamp < old:
			tooOld = i + 1
			continue
		case e.Timestamp > new:
			if tooNew < 0 {
				tooNew = i
			}
			continue
		}
		g.count++
		g.events = append(g.events, logEvent{stream: s.name, at: e.Timestamp, ingested: now, number: g.count, message: e.Message})
		if s.first == 0 || e.Timestamp < s.first {
			s.first = e.Timestamp
		}
		s.last, s.ingested = max(s.last, e.Timestamp), now
	}
	if extra := len(g.events) - maxLogEvents; extra > 0 {
		g.events = slices.Delete(g.events, 0, extra)
	}
	reply := map[string]any{}
	rejected := map[string]int{}
	if tooOld > 0 {
		rejected["tooOldLogEventEndIndex"] = tooOld
	}
	if tooNew >= 0 {
		rejected["tooNewLogEventStartIndex"] = tooNew
	}
	if len(rejected) > 0 {
		reply["rejectedLogEventsInfo"] = rejected
	}
	return reply, nil
}

type filterInput struct {
	LogGroupName, LogGroupIdentifier string
	LogStreamNames                   []string
	LogStreamNamePrefix              string
	StartTime, EndTime               *int64
	FilterPattern                    string
	Limit                            *int
	NextToken                        string
	StartFromHead                    *bool
}

type filteredEvent struct {
	Stream   string `json:"logStreamName"`
	At       int64  `json:"timestamp"`
	Message  string `json:"message"`
	Ingested int64  `json:"ingestionTime"`
	ID       string `json:"eventId"`
}

// filterEvents looks for events that Options.LogLag lets show, the oldest first.
func (l *logs) filterEvents(c *call, now time.Time, in *filterInput) (any, *apiError) {
	if in.LogGroupName != "" && in.LogGroupIdentifier != "" {
		return nil, invalidLogs("LogGroupName and LogGroupIdentifier are mutually exclusive: give one of them.")
	}
	g, problem := l.group(c, logGroupOf(in.LogGroupName, in.LogGroupIdentifier))
	if problem != nil {
		return nil, problem
	}
	matches, problem := parseFilter(in.FilterPattern)
	if problem != nil {
		return nil, problem
	}
	limit := maxLogPage
	if in.Limit != nil {
		limit = *in.Limit
	}
	switch {
	case limit < 1 || limit > maxLogPage:
		return nil, invalidLogs("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must be between 1 and %d", limit, maxLogPage)
	case len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "":
		return nil, invalidLogs("LogStreamNamePrefix and LogStreamNames are mutually exclusive: give one of them.")
	case in.StartFromHead != nil && !*in.StartFromHead:
		return nil, invalidLogs("the simulated CloudWatch Logs gives the oldest events first: leave startFromHead out")
	}
	var seen []logEvent
	for _, e := range g.events {
		if in.wants(e) && !now.Before(e.ingested.Add(l.w.options.LogLag)) {
			seen = append(seen, e)
		}
	}
	slices.SortFunc(seen, func(a, b logEvent) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number)) })
	if seen, problem = after(seen, in.NextToken); problem != nil {
		return nil, problem
	}
	reply := struct {
		Events   []filteredEvent `json:"events"`
		Searched []struct{}      `json:"searchedLogStreams"`
		Next     string          `json:"nextToken,omitempty"`
	}{Events: []filteredEvent{}, Searched: []struct{}{}}
	size := 0
	for i, e := range seen {
		if i == logScan || len(reply.Events) == limit || size > 0 && size+len(e.message) > maxLogPageBytes {
			last := seen[i-1]
			reply.Next = token(fmt.Sprintf("%d/%d", last.at, last.number))
			break
		}
		if matches(e.message) {
			size += len(e.message)
			reply.Events = append(reply.Events, filteredEvent{e.stream, e.at, e.message, e.ingested.UnixMilli(), e.id()})
		}
	}
	return reply, nil
}

// wants says whether an event is in the streams and the time asked for.
func (in *filterInput) wants(e logEvent) bool {
	switch {
	case in.StartTime != nil && e.at < *in.StartTime, in.EndTime != nil && e.at > *in.EndTime:
		return false
	case len(in.LogStreamNames) > 0:
		return slices.Contains(in.LogStreamNames, e.stream)
	}
	return strings.HasPrefix(e.stream, in.LogStreamNamePrefix)
}

// after is the events behind the one that a token names.
func after(events []logEvent, nextToken string) ([]logEvent, *apiError) {
	if nextToken == "" {
		return events, nil
	}
	var at int64
	var number int
	position, valid := untoken(nextToken)
	if _, err := fmt.Sscanf(position, "%d/%d", &at, &number); !valid || err != nil {
		return nil, invalidLogs("The specified nextToken is invalid.")
	}
	return slices.DeleteFunc(events, func(e logEvent) bool { return e.at < at || e.at == at && e.number <= number }), nil
}
