package blueprint

import "time"

// Settings say what is deployed and where, besides the policies: infra/settings.json.
type Settings struct {
	// File is where they were read, for problems to name.
	File       string
	Account    string // the target account
	HomeRegion string
	// SourceRegions are those in which snapshots are shared with the account.
	SourceRegions []string
	Sources       []SourceAccount
	Organization  Organization
	Guard         GuardSettings
	Conventions
	Snapshots Snapshots
	Schedules Schedules
	CopySlots int
	Capacity  Capacity
	CatchUp   time.Duration
	Lanes     int
	// OwnKeys are the target Regions that get a key of snapferry's own.
	OwnKeys []string
	// DefaultKeys are, by Region, the customer managed keys that copies get where
	// no rule names one.
	DefaultKeys map[string]string
	// EncryptionKeys are, by Region, the customer managed keys for queues, topics and
	// logs there.
	EncryptionKeys map[string]string
	// ExpireRegions are those with copies that no policy names any more.
	ExpireRegions []string
	AlarmEmails   []string
	OrderAge      time.Duration
	// QuietAfter is how long no copy at all may complete; 0 is for ever.
	QuietAfter   time.Duration
	LogLevel     string
	LogRetention int // days
	Tracing      bool
	Architecture string // arm64 or x86_64
}

// SourceAccount is an account that shares snapshots.
type SourceAccount struct {
	Account string
	Regions []string
	// Keys are the ARNs of those that its volumes are encrypted under.
	Keys []string
}

// Organization is where the source accounts are, if they get their stack as a
// StackSet; the zero Organization is none.
type Organization struct {
	ID    string
	Units []string
	// CallAs is SELF in the management account, and DELEGATED_ADMIN in a member
	// account that administers StackSets for it.
	CallAs string
	// An operation goes on while no more than FailureTolerance accounts have
	// failed in a Region, MaxConcurrent accounts at once.
	MaxConcurrent, FailureTolerance int
	RegionConcurrency               string // PARALLEL or SEQUENTIAL
}

// Conventions are what an organisation asks of everything in its accounts.
type Conventions struct {
	NamePrefix string // of all names
	IAMPath    string // of all roles and managed policies: /, /acme/backup/
	// Boundary is the permissions boundary of all roles: the name of a managed
	// policy, which each account has to have, or the ARN of one of AWS's own; ""
	// for none.
	Boundary string
	Tags     map[string]string // of everything, besides Application
	// Qualifier is that of the target account's cdk bootstrap.
	Qualifier string
}

// Snapshots is how source accounts make snapshots.
type Snapshots struct {
	Tags        map[string]string // of the volumes; any one of them is enough
	Every       time.Duration     // whole hours
	At          string            // hh:mm, UTC
	Keep        int               // snapshots of each volume
	UnshareDays int               // after which they are not shared any more
}

// Schedules are how often functions run.
type Schedules struct{ Reconcile, Expire time.Duration }

// Overrides are settings from the command line, which win over the file's; ""
// is none.
type Overrides struct{ Account, HomeRegion string }
