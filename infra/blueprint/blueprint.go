// Package blueprint decides what is deployed: it turns settings and policies into
// queues, functions, permissions, schedules, alarms and the like, all of it plain
// data. It makes no constructs and calls nothing, so that what may delete a
// backup, and what may not, is tested in milliseconds; infra/stacks only puts it
// into CloudFormation's words.
package blueprint

import (
	"time"

	"snapferry/internal/policy"
)

// Blueprint is a whole deployment: one target account, and what its source
// accounts need.
type Blueprint struct {
	Settings Settings
	Home     Home
	// Forwarders are one for each Region in which snapshots are shared or to
	// which they are copied, sorted. The home Region is no exception.
	Forwarders []Forwarder
	// Keys are the Regions that get a key of snapferry's own, sorted.
	Keys []Key
	// EncryptionKeys are the user's own keys for queues, topics and logs, by Region,
	// sorted; none where AWS encrypts.
	EncryptionKeys []EncryptionKey
	// Sources are one for each source account and Region in it; none where
	// StackSet is.
	Sources []Source
	// StackSet prepares the source accounts of a whole organisation; nil for
	// none.
	StackSet *StackSet
	// Guard keeps everybody else of the target account off all this; nil for none.
	Guard *Guard
	// Loads are what each target Region is to carry; none if settings do not say
	// what is expected.
	Loads []Load
	// Warnings are about what is valid and perhaps not meant.
	Warnings []policy.Problem
}

// StackSet is a Source in each account of an organisation's units.
type StackSet struct {
	Name    string
	Units   []string // ou-a1b2-c3d4e5f6
	Regions []string
	// How operations go: see Organization.
	CallAs                          string
	MaxConcurrent, FailureTolerance int
	RegionConcurrency               string
	// Source has "${AWS::AccountId}" and "${AWS::Region}" for what differs;
	// CloudFormation fills them in.
	Source Source
}

// Home is what is in the home Region, once.
type Home struct {
	Account, Region string
	Bus             string // its name
	Queues          []Queue
	Rules           []Rule // on Bus, to the events queue
	Functions       []Function
	// Scheduler is the role that invokes functions on their schedules.
	Scheduler Role
	Topic     Topic
	Alarms    []Alarm
	Dashboard Dashboard
}

// Function is one of the Lambda functions.
type Function struct {
	Name        string // copy, reconcile, expire: also of its code in dist/
	FullName    string // snapferry-copy
	Description string
	MemoryMB    int
	Timeout     time.Duration
	Environment map[string]string
	Role        Role
	// Schedule is in EventBridge Scheduler's words, "rate(15 minutes)"; "" for
	// none.
	Schedule string
	// Undelivered is the name of the queue that takes what Scheduler can't
	// deliver, under Scheduler's role.
	Undelivered string
	// Source feeds the function from a queue; nil for none.
	Source        *EventSource
	LogRetention  int    // days
	LogKey        string // the ARN of the key that encrypts the log; "" is AWS's own
	Tracing       bool
	MaxConcurrent int // reserved concurrency; 0 for none
}

// EventSource is a Lambda event source mapping from SQS; partial batch answers
// are always on.
type EventSource struct {
	Queue         string // its name
	BatchSize     int
	Window        time.Duration
	MaxConcurrent int
}

// Queue is an SQS queue. All refuse what does not come over TLS.
type Queue struct {
	Name       string // with .fifo for FIFO queues
	Visibility time.Duration
	Retention  time.Duration
	// DeadLetters is the queue that takes what was received MaxReceives times;
	// "" for none.
	DeadLetters string
	MaxReceives int
	// Key is the ARN of the key that encrypts it; "" is SQS's own.
	Key    string
	Policy []Statement // besides the refusal of plain HTTP
}

// Rule is an EventBridge rule.
type Rule struct {
	Name    string
	Pattern string // JSON
	// TargetARN is a queue or, in another Region, a bus.
	TargetARN   string
	Role        *Role  // for a bus; each rule has one of its own
	Undelivered string // the name of the queue for what can't be delivered
}

// Forwarder sends one Region's events to the home bus.
type Forwarder struct {
	Region      string
	Rules       []Rule // on the Region's default bus
	Undelivered Queue
	Topic       Topic // alarms reach topics of their own Region only
	Alarms      []Alarm
}

// Role is an IAM role: who may take it on, and what it may do then.
type Role struct {
	Name       string
	Path       string // "/", "/acme/backup/"
	Boundary   string // the ARN of its permissions boundary; "" for none
	Trust      []Statement
	Statements []Statement
}

// Key is a customer managed key of snapferry's own in a target Region, for rules
// that name it. It stays when the stack goes.
type Key struct {
	Region string
	Alias  string
	Policy KeyPolicy
}

// EncryptionKey is a key of the user's own, and what its policy must have besides;
// printed for people, since the key is theirs.
type EncryptionKey struct {
	Region, ARN string
	Statements  []Statement
}

// KeyPolicy is a key's description and who may do what with it.
type KeyPolicy struct {
	Description string
	Statements  []Statement
}

// Topic is an SNS topic for people: names of alarms and numbers go there, nothing
// of what is copied.
type Topic struct {
	Name   string
	Key    string // the ARN of the key that encrypts it; "" is none
	Emails []string
	Policy []Statement // besides the refusal of plain HTTP
}

// Source is what a source account needs in one Region.
type Source struct {
	Account, Region string
	Policy          SourcePolicy
	// KeyStatements are what the policy of the key that the volumes are
	// encrypted under must have besides; printed for people, since the key is
	// theirs.
	KeyStatements []Statement
	Lifecycle     Role // that DLM takes on
}

// SourcePolicy is a DLM snapshot policy that creates and shares.
type SourcePolicy struct {
	Description string
	TargetTags  map[string]string // of volumes; any one of them is enough
	Name        string
	EveryHours  int
	At          string // hh:mm, UTC
	Keep        int    // snapshots
	ShareWith   []string
	UnshareDays int
	CopyTags    bool
}

// Statement is one of an IAM policy.
type Statement struct {
	Sid        string
	Deny       bool
	Principals map[string][]string // "AWS", "Service"; none in an identity's policy
	Actions    []string
	NotActions []string // all but these, in the place of Actions
	Resources  []string
	// NotResources, instead of Resources, are what a denial leaves out.
	NotResources []string
	Conditions   Conditions
	// Reason says why Resources is "*", where it is. It is for people: docs and
	// tests, not CloudFormation.
	Reason string
}

// Conditions are by operator, then by key.
type Conditions map[string]map[string][]string

// Alarm is a CloudWatch alarm that tells the stack's topic.
type Alarm struct {
	Name        string
	Description string // what hurts, and the runbook's section
	Runbook     string // the section's anchor in docs/runbook.md
	// Metrics are combined by Expression, in which they are m0, m1, ...; one
	// alone needs none.
	Metrics    []Metric
	Expression string
	// Threshold is crossed from Comparison on, in Of of the last Periods.
	Threshold  float64
	Comparison string // CloudWatch's: GreaterThanOrEqualToThreshold, LessThanThreshold
	Periods    int
	Of         int
	// Missing is what no data means: breaching, notBreaching, ignore.
	Missing string
}

// Metric is one that CloudWatch has.
type Metric struct {
	Namespace  string
	Name       string
	Dimensions map[string]string
	Statistic  string // Sum, Maximum, p99
	Period     time.Duration
	Region     string // "" for the stack's own
	Label      string
}

// Dashboard is rows of graphs.
type Dashboard struct {
	Name string
	Rows [][]Graph
}

// Graph is one widget.
type Graph struct {
	Title   string
	Unit    string
	Metrics []Metric
	Single  bool // the latest value, as a number
	Stacked bool // one on the other, so that their sum shows
}
