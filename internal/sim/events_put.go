package sim

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

const (
	// maxEntries and maxEntriesSize bound one PutEvents call.
	maxEntries     = 10
	maxEntriesSize = 1 << 20
)

// eventEntry is an event as its sender gives it.
type eventEntry struct {
	Source, DetailType, Detail string
	EventBusName               string
	Resources                  []string
	Time                       *float64
}

// size is what an entry counts towards the limit of a call.
func (entry *eventEntry) size() int {
	size := len(entry.Source) + len(entry.DetailType) + len(entry.Detail)
	for _, r := range entry.Resources {
		size += len(r)
	}
	if entry.Time != nil {
		size += 14
	}
	return size
}

type entryReply struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// envelope is an event as its receivers see it.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

func (e *events) putEvents(c *call, now time.Time, in *struct{ Entries []eventEntry }) (any, *apiError) {
	size := 0
	for i := range in.Entries {
		size += in.Entries[i].size()
	}
	switch {
	case len(in.Entries) == 0:
		return nil, invalidEvents("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(in.Entries) > maxEntries:
		return nil, invalidEvents("1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to %d", maxEntries)
	case size > maxEntriesSize:
		return nil, invalidEvents("Total size of the entries in the request is over the limit.")
	}
	// One entry that the caller may not put refuses the whole call, before
	// anything is put.
	for i := range in.Entries {
		if problem := e.authorizeEntry(c, now, &in.Entries[i]); problem != nil {
			return nil, problem
		}
	}
	reply := struct {
		FailedEntryCount int
		Entries          []entryReply
	}{}
	for i := range in.Entries {
		answer := e.put(c, now, &in.Entries[i])
		if answer.ErrorCode != "" {
			reply.FailedEntryCount++
		}
		reply.Entries = append(reply.Entries, answer)
	}
	return reply, nil
}

// entryBus is the bus that an entry is for.
func entryBus(c *call, nameOrARN string) busKey {
	if key, isARN := parseBusARN(nameOrARN); isARN {
		return key
	}
	if nameOrARN == "" {
		nameOrARN = defaultBus
	}
	return busKey{c.account, c.region, nameOrARN}
}

// put publishes one entry. An event for a bus that does not exist is accepted
// and lost, as at Amazon.
func (e *events) put(c *call, now time.Time, entry *eventEntry) entryReply {
	invalid := func(parameter, reason string) entryReply {
		return entryReply{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + parameter + " is not valid. Reason: " + reason}
	}
	key := entryBus(c, entry.EventBusName)
	switch {
	case entry.Source == "":
		return invalid("Source", "Source is a required argument.")
	case entry.DetailType == "":
		return invalid("DetailType", "DetailType is a required argument.")
	case entry.Detail == "":
		return invalid("Detail", "Detail is a required argument.")
	case strings.HasPrefix(entry.Source, "aws."):
		return entryReply{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	case !busName.MatchString(key.name):
		return invalid("EventBusName", entry.EventBusName+" is neither a name nor an event bus's ARN.")
	case key.region != c.region:
		return invalid("EventBusName", "the bus "+entry.EventBusName+" is in another Region than the call.")
	}
	if _, object := readEvent([]byte(entry.Detail)); !object {
		return entryReply{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	sent := now
	if entry.Time != nil {
		sent = time.UnixMilli(int64(*entry.Time * 1000))
	}
	id := e.w.uuid()
	event := envelope{
		Version: "0", ID: id, DetailType: entry.DetailType, Source: entry.Source, Account: c.account,
		Time: sent.UTC().Format(time.RFC3339), Region: c.region, Resources: entry.Resources, Detail: json.RawMessage(entry.Detail),
	}
	if event.Resources == nil {
		event.Resources = []string{}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(event); err != nil {
		return entryReply{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	}
	if to, exists := e.at(key, now); exists {
		e.publish(to, now, bytes.TrimSuffix(text.Bytes(), []byte("\n")), false)
	}
	return entryReply{EventID: id}
}

// testEventPattern matches an event without putting it.
func (e *events) testEventPattern(_ *call, _ time.Time, in *struct{ EventPattern, Event string }) (any, *apiError) {
	p, problem := parsePattern(in.EventPattern)
	if problem != nil {
		return nil, problem
	}
	fields, ok := readEvent([]byte(in.Event))
	if !ok {
		return nil, invalidEvents("Parameter Event is not valid. Reason: it is not a JSON object.")
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, present := fields[name]; !present {
			return nil, invalidEvents("Parameter Event is not valid. Reason: the mandatory field %s is missing.", name)
		}
	}
	return map[string]bool{"Result": p.match(fields)}, nil
}
