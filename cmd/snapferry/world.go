package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"snapferry/internal/sim"
)

// maxSpeed is how much faster than the machine the simulated clock may run: at
// more than this the functions, which run at the machine's speed, would be
// slower than the queues' time-outs.
const maxSpeed = 600

// logLag is how long a line of a log stays invisible: at Amazon it takes some
// seconds.
const logLag = 2 * time.Second

// worldFlags are the flags that say how a simulated world behaves.
type worldFlags struct {
	speed                  int
	copyTime, snapshotTime time.Duration
	copyQuota              int
	listingLag             time.Duration
	noThrottling           bool
	seed                   uint64
}

func (f *worldFlags) bind(flags *pflag.FlagSet) {
	flags.IntVar(&f.speed, "speed", 1, fmt.Sprintf("run the simulated clock `N` times as fast, up to %d", maxSpeed))
	flags.DurationVar(&f.copyTime, "copy-time", 2*time.Second, "how long a copy is pending, on the simulated clock")
	flags.DurationVar(&f.snapshotTime, "snapshot-time", time.Second, "how long a new snapshot is pending")
	flags.IntVar(&f.copyQuota, "copy-quota", 20, "how many copies may be pending per account and target Region")
	flags.DurationVar(&f.listingLag, "listing-lag", 0, "how long listings lag behind")
	flags.BoolVar(&f.noThrottling, "no-throttling", false, "never answer RequestLimitExceeded")
	flags.Uint64Var(&f.seed, "seed", 0, "choose ids and chance: the same seed and calls give the same world")
}

// options checks the flags' values and makes a clock.
func (f *worldFlags) options() (sim.Options, error) {
	switch {
	case f.speed < 1 || f.speed > maxSpeed:
		return sim.Options{}, usage("--speed %d: want 1 to %d", f.speed, maxSpeed)
	case f.copyTime < 0:
		return sim.Options{}, usage("--copy-time %v: want no less than 0s", f.copyTime)
	case f.snapshotTime < 0:
		return sim.Options{}, usage("--snapshot-time %v: want no less than 0s", f.snapshotTime)
	case f.copyQuota < 1:
		return sim.Options{}, usage("--copy-quota %d: want 1 or more", f.copyQuota)
	case f.listingLag < 0:
		return sim.Options{}, usage("--listing-lag %v: want no less than 0s", f.listingLag)
	}
	return sim.Options{
		Clock:        sim.NewScaledClock(time.Now(), f.speed),
		Seed:         f.seed,
		CopyTime:     func(int) time.Duration { return f.copyTime },
		CreateTime:   func(int) time.Duration { return f.snapshotTime },
		CopyQuota:    f.copyQuota,
		ListingLag:   f.listingLag,
		LogLag:       logLag,
		NoThrottling: f.noThrottling,
	}, nil
}

// callLog prints every call as one line.
func callLog(w io.Writer, clock sim.Clock) func(sim.Call, sim.Answer) {
	return func(c sim.Call, a sim.Answer) {
		fmt.Fprintln(w, clock.Now().Format(time.TimeOnly), callLine(c, a))
	}
}

func callLine(c sim.Call, a sim.Answer) string {
	line := fmt.Sprintf("%s %s %s:%s %d", c.Account, c.Region, c.Service, c.Action, a.Status)
	if a.Code != "" {
		line += " " + a.Code
	}
	return line
}
