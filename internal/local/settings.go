package local

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/sim"
)

// Settings say what is deployed. The zero value of a field with a default means
// the default.
type Settings struct {
	// World is the simulated AWS, and Clock the one that it was made with.
	World *sim.World
	Clock sim.Clock

	// Templates, when set, are synthesized CloudFormation templates, and what is
	// deployed is what they say: each function runs with their environment, memory
	// and time-out, and may do what its role may. POLICY_HASH in them guards that
	// Policies are those that they were made for. Account to ExpireRegions,
	// CopySlots, CatchUp and the two schedules are then theirs, and must not be
	// set; Deployment has the first three of them.
	Templates *cloudformation.Assembly

	Account string // the target account; default 222222222222
	Home    string // the Region of bus, queues and functions; default us-east-1
	// SourceRegions are where snapshots are shared, TargetRegions where copies
	// go, ExpireRegions where copies expire; default for the last: as targets.
	SourceRegions, TargetRegions, ExpireRegions []string

	// Functions is the directory that has NAME/bootstrap for each function.
	Functions string
	// Policies is a directory of policy documents, or one document.
	Policies string

	CopySlots int           // default 20
	CatchUp   time.Duration // default 168h
	LogLevel  string        // default info, or what the templates say
	// ReconcileEvery and ExpireEvery are on the world's clock; 0 means never,
	// but on demand.
	ReconcileEvery, ExpireEvery time.Duration

	// Listen is where the world is served; default 127.0.0.1:0.
	Listen string
	// Output gets what the functions print, unless Quiet, and what goes wrong
	// between them.
	Output io.Writer
	Quiet  bool
	// Invoked, when set, is told of every invocation's end, from any goroutine.
	Invoked func(function string, answer []byte, err error)
}

func (s Settings) withDefaults() Settings {
	s.Listen = cmp.Or(s.Listen, "127.0.0.1:0")
	if s.Invoked == nil {
		s.Invoked = func(string, []byte, error) {}
	}
	if s.Templates != nil {
		return s
	}
	s.Account = cmp.Or(s.Account, "222222222222")
	s.Home = cmp.Or(s.Home, "us-east-1")
	s.CopySlots = cmp.Or(s.CopySlots, 20)
	s.CatchUp = cmp.Or(s.CatchUp, 168*time.Hour)
	s.LogLevel = cmp.Or(s.LogLevel, "info")
	if s.ExpireRegions == nil {
		s.ExpireRegions = s.TargetRegions
	}
	return s
}

// The functions.
const (
	Copy      = "copy"
	Reconcile = "reconcile"
	Expire    = "expire"
)

const copyTimeout = time.Minute

// Function is how a function is run against the AWS at endpoint.
func (s Settings) Function(name, endpoint string) (FunctionConfig, error) {
	s = s.withDefaults()
	config := FunctionConfig{
		Name:        name,
		Binary:      filepath.Join(s.Functions, name, "bootstrap"),
		Policies:    s.Policies,
		Environment: s.environment(name, endpoint),
		Account:     s.Account,
		Region:      s.Home,
		Output:      s.Output,
		Quiet:       s.Quiet,
	}
	switch name {
	case Copy:
		config.MemoryMB, config.Timeout, config.Concurrency = 256, copyTimeout, 2
	case Reconcile:
		config.MemoryMB, config.Timeout = 512, 5*time.Minute
	case Expire:
		config.MemoryMB, config.Timeout = 256, 5*time.Minute
	default:
		return FunctionConfig{}, fmt.Errorf("find function %q: there are %s, %s and %s", name, Copy, Reconcile, Expire)
	}
	return config, executable(name, config.Binary)
}

// executable says why a function's program can't be run, and what to do.
func executable(name, program string) error {
	info, err := os.Stat(program)
	switch {
	case err != nil:
		return fmt.Errorf(`find function %s: %w: build the functions for this machine with "make build-local"`, name, err)
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf(`find function %s: %s %w: build it again with "make build-local", or make it executable with "chmod +x"`, name, program, ErrNoProgram)
	}
	return nil
}

// ErrNoProgram says that what should be a function is no program.
var ErrNoProgram = errors.New("is not an executable file")

// environment is the variables of one function; endpoint is where the world is.
func (s Settings) environment(function, endpoint string) map[string]string {
	queue := func(name string) string { return endpoint + "/" + s.Account + "/" + name }
	variables := credentials(endpoint, s.Account)
	variables["EVENT_BUS"], variables["LOG_LEVEL"] = busName, s.LogLevel
	switch function {
	case Copy:
		variables["ORDERS_QUEUE_URL"] = queue(ordersQueue("{region}", "{lane}"))
		variables["ORDERS_DLQ_URL"] = queue(ordersDLQ)
		variables["COPY_SLOTS"] = strconv.Itoa(s.CopySlots)
	case Reconcile:
		variables["ORDERS_QUEUE_URL"] = queue(ordersQueue("{region}", "{lane}"))
		variables["EVENTS_QUEUE_URL"] = queue(eventsQueue)
		variables["SOURCE_REGIONS"] = strings.Join(s.SourceRegions, ",")
		variables["CATCH_UP"] = s.CatchUp.String()
	case Expire:
		variables["EXPIRE_REGIONS"] = strings.Join(s.ExpireRegions, ",")
	}
	return variables
}

// credentials are the variables that tell the SDK where AWS is, and who calls.
func credentials(endpoint, accessKeyID string) map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":      endpoint,
		"AWS_ACCESS_KEY_ID":     accessKeyID,
		"AWS_SECRET_ACCESS_KEY": "local",
	}
}

func (s Settings) check() error {
	if s.Templates != nil {
		return s.checkTemplated()
	}
	if len(s.SourceRegions) == 0 || len(s.TargetRegions) == 0 {
		return fmt.Errorf("deploy: no source or no target Region given")
	}
	for _, regions := range [][]string{s.SourceRegions, s.TargetRegions, s.ExpireRegions} {
		if slices.Contains(regions, "") {
			return fmt.Errorf("deploy: a Region without a name in %q", regions)
		}
	}
	return nil
}
