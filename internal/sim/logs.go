package sim

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// logs is CloudWatch Logs of all accounts and Regions: groups, streams and
// events, as far as it takes to write a function's log and to look into it.
type logs struct {
	w      *World
	groups map[logKey]*logGroup
}

func newLogs(w *World) *logs { return &logs{w: w, groups: map[logKey]*logGroup{}} }

// logKey is where a log group lives.
type logKey struct{ account, region, name string }

func (k logKey) arn() string {
	return "arn:aws:logs:" + k.region + ":" + k.account + ":log-group:" + k.name
}

// streamARN is what IAM is asked about, of the group too: then the stream's name
// is empty (https://github.com/vectordotdev/vector/issues/714 lists what Amazon's
// refusals name).
func (k logKey) streamARN(stream string) string { return k.arn() + ":log-stream:" + stream }

// logGroup is a log group. It keeps its last maxLogEvents events, so that a world
// that runs for days does not fill the memory.
type logGroup struct {
	key       logKey
	created   time.Time
	retention int // days; 0: for ever. Nothing is deleted for it.
	streams   map[string]*logStream
	events    []logEvent // in the order of their ingestion
	count     int        // of all events ever
}

const maxLogEvents = 100_000

type logStream struct {
	name        string
	created     time.Time
	first, last int64 // timestamps of events, ms; 0 without any
	ingested    time.Time
}

type logEvent struct {
	stream   string
	at       int64 // ms
	ingested time.Time
	number   int // within the group
	message  string
}

func (e logEvent) id() string { return fmt.Sprintf("%056d", e.number) }

var logsActions = map[string]func(*logs, *call) (any, *apiError){
	"CreateLogGroup":     logsStep((*logs).createGroup),
	"DeleteLogGroup":     logsStep((*logs).deleteGroup),
	"DescribeLogGroups":  logsStep((*logs).describeGroups),
	"PutRetentionPolicy": logsStep((*logs).putRetention),
	"CreateLogStream":    logsStep((*logs).createStream),
	"DescribeLogStreams": logsStep((*logs).describeStreams),
	"PutLogEvents":       logsStep((*logs).putEvents),
	"FilterLogEvents":    logsStep((*logs).filterEvents),
}

func (l *logs) serve(_ context.Context, c *call) (any, *apiError) {
	act, known := logsActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	return act(l, c)
}

// logsStep makes an action that answers within one step out of a method.
func logsStep[In any](f func(*logs, *call, time.Time, *In) (any, *apiError)) func(*logs, *call) (any, *apiError) {
	return func(l *logs, c *call) (reply any, problem *apiError) {
		in := new(In)
		if problem := readJSON(c, in); problem != nil {
			return nil, problem
		}
		l.w.step(func(now time.Time) {
			if problem = l.authorize(c, now); problem == nil {
				reply, problem = f(l, c, now, in)
			}
		})
		return reply, problem
	}
}

// authorize asks whether the caller may do something with its account's logs.
func (l *logs) authorize(c *call, now time.Time) *apiError {
	if l.w.unquestioned(c.caller, nil) {
		return nil
	}
	var in struct{ LogGroupName, LogGroupIdentifier, LogStreamName string }
	if problem := readJSON(c, &in); problem != nil {
		return problem
	}
	key := logKey{c.account, c.region, logGroupOf(in.LogGroupName, in.LogGroupIdentifier)}
	a := c.ask("logs:"+c.action, key.streamARN(in.LogStreamName))
	if d := l.w.decide(now, a); !d.Allowed {
		return badRequest("AccessDeniedException", "%s", a.refusal(d))
	}
	return nil
}

// logGroupOf is the group that a call means: an identifier is a name or an ARN.
func logGroupOf(name, identifier string) string {
	if name != "" {
		return name
	}
	if _, after, isARN := strings.Cut(identifier, ":log-group:"); isARN {
		return strings.TrimSuffix(after, ":*")
	}
	return identifier
}

func (l *logs) group(c *call, name string) (*logGroup, *apiError) {
	if name == "" {
		return nil, invalidLogs("1 validation error detected: Value at 'logGroupName' failed to satisfy constraint: Member must not be null")
	}
	g := l.groups[logKey{c.account, c.region, name}]
	if g == nil {
		return nil, badRequest("ResourceNotFoundException", "The specified log group does not exist.")
	}
	return g, nil
}

func invalidLogs(format string, args ...any) *apiError {
	return badRequest("InvalidParameterException", format, args...)
}

var (
	logGroupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	logStreamName = regexp.MustCompile(`^[^:*]{1,512}$`)
)

func (l *logs) createGroup(c *call, now time.Time, in *struct{ LogGroupName string }) (any, *apiError) {
	key := logKey{c.account, c.region, in.LogGroupName}
	switch {
	case !logGroupName.MatchString(in.LogGroupName):
		return nil, invalidLogs(`1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`, in.LogGroupName)
	case l.groups[key] != nil:
		return nil, badRequest("ResourceAlreadyExistsException", "The specified log group already exists")
	}
	l.groups[key] = &logGroup{key: key, created: now, streams: map[string]*logStream{}}
	return nil, nil
}

func (l *logs) deleteGroup(c *call, _ time.Time, in *struct{ LogGroupName string }) (any, *apiError) {
	g, problem := l.group(c, in.LogGroupName)
	if problem != nil {
		return nil, problem
	}
	delete(l.groups, g.key)
	return nil, nil
}

func (l *logs) putRetention(c *call, _ time.Time, in *struct {
	LogGroupName    string
	RetentionInDays int
}) (any, *apiError) {
	g, problem := l.group(c, in.LogGroupName)
	switch {
	case problem != nil:
		return nil, problem
	case in.RetentionInDays < 1:
		return nil, invalidLogs("The specified retention policy is not valid.")
	}
	g.retention = in.RetentionInDays
	return nil, nil
}

// logPage is what the listings of groups and streams have in common.
type logPage struct {
	Limit     *int
	NextToken string
}

func (in logPage) of(names []string) ([]string, string, *apiError) {
	limit := 50
	if in.Limit != nil {
		limit = *in.Limit
	}
	if limit < 1 || limit > 50 {
		return nil, "", invalidLogs("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must be between 1 and 50", limit)
	}
	names, next, problem := pageOf(names, &limit, 50, in.NextToken)
	if problem != nil {
		return nil, "", invalidLogs("The specified nextToken is invalid.")
	}
	return names, next, nil
}

type logGroupReply struct {
	Name      string `json:"logGroupName"`
	ARN       string `json:"arn"`
	GroupARN  string `json:"logGroupArn"`
	Created   int64  `json:"creationTime"`
	Retention int    `json:"retentionInDays,omitempty"`
	Class     string `json:"logGroupClass"`
}

func (l *logs) describeGroups(c *call, _ time.Time, in *struct {
	logPage
	LogGroupNamePrefix string
}) (any, *apiError) {
	var names []string
	for key := range l.groups {
		if key.account == c.account && key.region == c.region && strings.HasPrefix(key.name, in.LogGroupNamePrefix) {
			names = append(names, key.name)
		}
	}
	names, next, problem := in.of(names)
	if problem != nil {
		return nil, problem
	}
	reply := struct {
		Groups []logGroupReply `json:"logGroups"`
		Next   string          `json:"nextToken,omitempty"`
	}{[]logGroupReply{}, next}
	for _, name := range names {
		g := l.groups[logKey{c.account, c.region, name}]
		reply.Groups = append(reply.Groups, logGroupReply{
			Name: name, ARN: g.key.arn() + ":*", GroupARN: g.key.arn(), Created: g.created.UnixMilli(), Retention: g.retention, Class: "STANDARD",
		})
	}
	return reply, nil
}

func (l *logs) createStream(c *call, now time.Time, in *struct{ LogGroupName, LogStreamName string }) (any, *apiError) {
	g, problem := l.group(c, in.LogGroupName)
	switch {
	case problem != nil:
		return nil, problem
	case !logStreamName.MatchString(in.LogStreamName):
		return nil, invalidLogs("1 validation error detected: Value '%s' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*", in.LogStreamName)
	case g.streams[in.LogStreamName] != nil:
		return nil, badRequest("ResourceAlreadyExistsException", "The specified log stream already exists")
	}
	g.streams[in.LogStreamName] = &logStream{name: in.LogStreamName, created: now}
	return nil, nil
}

type logStreamReply struct {
	Name     string `json:"logStreamName"`
	ARN      string `json:"arn"`
	Created  int64  `json:"creationTime"`
	First    int64  `json:"firstEventTimestamp,omitempty"`
	Last     int64  `json:"lastEventTimestamp,omitempty"`
	Ingested int64  `json:"lastIngestionTime,omitempty"`
}

func (l *logs) describeStreams(c *call, _ time.Time, in *struct {
	logPage
	LogGroupName, LogGroupIdentifier, LogStreamNamePrefix, OrderBy string
	Descending                                                     bool
}) (any, *apiError) {
	g, problem := l.group(c, logGroupOf(in.LogGroupName, in.LogGroupIdentifier))
	if problem != nil {
		return nil, problem
	}
	if in.OrderBy != "" && in.OrderBy != "LogStreamName" || in.Descending {
		return nil, invalidLogs("the simulated CloudWatch Logs lists streams by their names only: leave orderBy and descending out")
	}
	names := slices.DeleteFunc(sortedKeys(g.streams), func(name string) bool { return !strings.HasPrefix(name, in.LogStreamNamePrefix) })
	names, next, problem := in.of(names)
	if problem != nil {
		return nil, problem
	}
	reply := struct {
		Streams []logStreamReply `json:"logStreams"`
		Next    string           `json:"nextToken,omitempty"`
	}{[]logStreamReply{}, next}
	for _, name := range names {
		s := g.streams[name]
		r := logStreamReply{Name: name, ARN: g.key.streamARN(name), Created: s.created.UnixMilli(), First: s.first, Last: s.last}
		if !s.ingested.IsZero() {
			r.Ingested = s.ingested.UnixMilli()
		}
		reply.Streams = append(reply.Streams, r)
	}
	return reply, nil
}
