package proof

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	measure  = flag.String("figures", "", "which figures to measure, with commas between them: storm, chaos, event, reconcile, expire, coldstart, growth, crash; all")
	jsonFile = flag.String("json", "", "where to write the figures as JSON")
	seeds    = flag.Int("seeds", 100, "how many small storms with chaos the figures have")
	largest  = flag.Int("largest", 50_000, "the largest storm of the growth figures")
)

// figures are what is measured, by name.
type figures map[string]float64

// bounds are what is to be reached, as text and as a test; figures without one
// are only shown.
var bounds = map[string]float64{
	"storm.makespan_ratio":             1.03,
	"storm.ec2_calls_per_copy":         3,
	"storm.refused_share":              0.01,
	"storm.wall_seconds":               60,
	"chaos.makespan_ratio":             1.15,
	"chaos.lost":                       0,
	"chaos.doubled":                    0,
	"fairness.worst_delay_ratio":       delayBound,
	"fairness.shared_lane_delay_ratio": delayBound,
	"event.wall_ms":                    5,
	"event.cpu_ms":                     2,
	"reconcile.calls_ratio":            1.05,
	"reconcile.peak_mb":                128,
	"expire.calls_ratio":               1.05,
	"expire.peak_mb":                   128,
	"coldstart.ratio":                  1.5,
	"crash.differences":                0,
}

// TestFigures measures what `make bench` prints. It asserts laws, never times.
func TestFigures(t *testing.T) {
	if *measure == "" {
		t.Skip("only on demand: make bench")
	}
	debug.SetGCPercent(1000) // the worlds are large, and the machine has room
	f := figures{}
	type part struct {
		name string
		run  func(*testing.T, figures)
	}
	parts := []part{
		{"event", figuresOfEvent}, {"coldstart", figuresOfColdStart}, {"reconcile", figuresOfReconcile}, {"expire", figuresOfExpire}, {"crash", figuresOfCrashes},
		{"storm", figuresOfStorm}, {"chaos", figuresOfChaos}, {"growth", figuresOfGrowth},
	}
	wanted := strings.Split(*measure, ",")
	for _, name := range wanted {
		if name != "all" && !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			t.Fatalf("there are no figures %q; -figures says %s", name, flag.Lookup("figures").Usage)
		}
	}
	for _, p := range parts {
		if slices.Contains(wanted, p.name) || slices.Contains(wanted, "all") {
			p.run(t, f)
			f.write(t) // also what a later part would lose
		}
	}
	fmt.Print(f.table())
}

func (f figures) write(t *testing.T) {
	t.Helper()
	if *jsonFile == "" {
		return
	}
	data, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = os.WriteFile(*jsonFile, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// table is the figures with their bounds beside them.
func (f figures) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| figure | measured | to reach |\n|---|---:|---:|\n")
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		bound, miss := "", ""
		if most, bounded := bounds[name]; bounded {
			bound = "at most " + number(most)
			if f[name] > most {
				miss = ", missed"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s |\n", name, number(f[name]), bound, miss)
	}
	return b.String()
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }

func figuresOfStorm(t *testing.T, f figures) {
	wall, cpu := time.Now(), cpuTime()
	s := Storm{Seed: 1, Sources: 5000}
	r := weather(t, s)
	report(t, s, r, time.Since(wall))
	f["storm.wall_seconds"] = time.Since(wall).Seconds()
	f["storm.cpu_seconds"] = (cpuTime() - cpu).Seconds()
	f["storm.copies"] = float64(r.Copies)
	f["storm.makespan_ratio"] = r.Ratio()
	f["storm.ec2_calls_per_copy"] = r.CallsPerCopy()
	f["storm.refused_share"] = float64(r.Refused) / float64(r.Copies+r.Refused)
	f["storm.lost"], f["storm.doubled"] = float64(r.Lost), float64(r.Doubled)
	f["storm.dollars_per_1000_copies"] = dollars(r) / float64(r.Copies) * 1000

	// 40 accounts on 64 lanes, and on the 32 that are the default.
	flood := Storm{Seed: 2, Sources: 1000, Flood: 0.8, Lanes: 64}
	r = weather(t, flood)
	report(t, flood, r, 0)
	f["fairness.worst_delay_ratio"] = r.Unfairness
	flood.Lanes = 0
	r = weather(t, flood)
	report(t, flood, r, 0)
	f["fairness.shared_lane_delay_ratio"], f["fairness.flooded_lane_delay_ratio"] = r.Unfairness, r.Flooded
}

func figuresOfChaos(t *testing.T, f figures) {
	large := Storm{Seed: 1, Sources: 5000, Chaos: Rough()}
	r := weather(t, large)
	report(t, large, r, 0)
	f["chaos.makespan_ratio"] = r.Ratio()
	f["chaos.copies"] = float64(r.Copies)
	f["chaos.ec2_calls_per_copy"] = r.CallsPerCopy()
	lost, doubled := r.Lost, r.Doubled
	for n := range *seeds {
		s := smallChaos(uint64(n + 1))
		r := weather(t, s)
		lost, doubled = lost+r.Lost, doubled+r.Doubled
	}
	f["chaos.lost"], f["chaos.doubled"], f["chaos.seeds"] = float64(lost), float64(doubled), float64(*seeds+1)
}

// figuresOfGrowth measures storms of three sizes, of copies so short that the
// largest is over before SQS's 14 days are, and the memory of the one function
// that remembers every copy, once they are made.
func figuresOfGrowth(t *testing.T, f figures) {
	runtime.MemProfileRate = 16 << 10
	defer func() { runtime.MemProfileRate = 512 << 10 }()
	for _, n := range []int{500, 5000, 50_000} {
		if n > *largest {
			continue
		}
		peak := &heap{}
		s := Storm{Seed: 3, Sources: n, Shortest: time.Minute, Longest: 10 * time.Minute, Sample: peak.sample}
		wall := time.Now()
		r := weather(t, s)
		report(t, s, r, time.Since(wall))
		f[fmt.Sprintf("growth.calls_per_copy_%d", n)] = r.CallsPerCopy()
		f[fmt.Sprintf("growth.live_mb_%d", n)] = float64(peak.most) / (1 << 20)
		f[fmt.Sprintf("growth.makespan_ratio_%d", n)] = r.Ratio()
		runtime.GC()
		_, resident, _ := reconcileOver(t, n)
		f[fmt.Sprintf("growth.peak_mb_%d", n)] = resident
		runtime.GC()
	}
}

// heap is the memory of the functions' side: what is in use and was allocated by
// the verbs, their ports and the SDK, and not within the simulation, as the
// runtime's memory profile tells it.
type heap struct {
	mu   sync.Mutex
	next time.Time
	many int // samples
	most int64

	pages int // of reconcile
}

// sample looks at some of reconcile's pages, ever fewer, and once in a while at the
// others: at most every 10 minutes of the storm's time and 400 times.
func (h *heap) sample(function string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if function == reconciling {
		h.pages++
	}
	if due := function == reconciling && h.pages%(1+h.many/50) == 0; !due && time.Now().Before(h.next) || h.many >= 400 {
		return
	}
	h.many++
	h.next = time.Now().Add(10*time.Minute + time.Duration(h.many)*time.Minute/2)
	runtime.GC()
	runtime.GC() // the profile lags behind by a collection
	records := make([]runtime.MemProfileRecord, 1000)
	for {
		n, ok := runtime.MemProfile(records, false)
		if ok {
			records = records[:n]
			break
		}
		records = make([]runtime.MemProfileRecord, n+100)
	}
	used := int64(0)
	for _, r := range records {
		if ofFunctions(r.Stack()) {
			used += r.InUseBytes()
		}
	}
	h.most = max(h.most, used)
}

// ofFunctions says whether a function allocated something, and not the simulation
// that it called.
func ofFunctions(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		switch {
		case strings.Contains(frame.Function, "snapferry/internal/sim."):
			return false
		case strings.Contains(frame.Function, "snapferry/internal/reactor."), strings.Contains(frame.Function, "snapferry/internal/cloud."):
			return true
		}
		if !more {
			return false
		}
	}
}

var crashLine = regexp.MustCompile(`crash points: (\d+), differences: (\d+)`)

// figuresOfCrashes has TestEveryCrashPoint run in a process of its own.
func figuresOfCrashes(t *testing.T, f figures) {
	out, err := exec.Command(os.Args[0], "-test.run", "^TestEveryCrashPoint$", "-test.v").CombinedOutput()
	m := crashLine.FindSubmatch(out)
	if m == nil {
		t.Errorf("TestEveryCrashPoint: %v: no line says how many points: %.2000s", err, out)
		return
	}
	f["crash.points"], _ = strconv.ParseFloat(string(m[1]), 64)
	f["crash.differences"], _ = strconv.ParseFloat(string(m[2]), 64)
}
