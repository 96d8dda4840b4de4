package proof

import (
	"hash/fnv"
	"sync"
	"time"

	"snapferry/internal/sim"
)

// Chaos is how often what goes wrong. Whether it does with one call or event
// follows from the storm's seed and from which call of its kind it is, and from
// nothing else.
type Chaos struct {
	Faults   float64 // of the functions' remote calls, half of them after their effect
	Kills    float64 // of remote calls: the function's process ends there
	Lost     float64 // of events
	Repeated float64 // of events
	Gone     float64 // of sources, at some time in the storm
	// Outages is how often an hour one service answers nothing for two minutes.
	Outages float64
	Delay   time.Duration // how late an event may come, so that events overtake each other
	Lag     time.Duration // of EC2's listings

	seed uint64
	run  *run

	mu    sync.Mutex
	count map[string]uint64
}

// Rough is the chaos of the figures.
func Rough() *Chaos {
	return &Chaos{Faults: 0.05, Kills: 0.002, Lost: 0.05, Repeated: 0.05, Gone: 0.04, Outages: 0.25, Delay: 90 * time.Second, Lag: 10 * time.Second}
}

func (c *Chaos) prepare(r *run, s *Settings) {
	c.seed, c.run, c.count = r.Seed, r, map[string]uint64{}
	s.Simulation.ListingLag, s.Simulation.ShareLag = c.Lag, c.Lag
	s.Intervene, s.Delay = c.intervene, c.delay
}

// draw is a number from 0 to 1 for the next occurrence of what.
func (c *Chaos) draw(what string) float64 {
	c.mu.Lock()
	c.count[what]++
	n := c.count[what]
	c.mu.Unlock()
	return chanceOf(c.seed, what, n)
}

func chanceOf(seed uint64, what string, n uint64) float64 {
	h := fnv.New64a()
	h.Write([]byte(what))
	x := h.Sum64() ^ seed*0x9e3779b97f4a7c15 ^ n*0xbf58476d1ce4e5b9
	// splitmix64's finish: neighbours become strangers.
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

func (c *Chaos) intervene(r Remote) Intervention {
	c.run.mu.Lock()
	calm := c.run.calm
	c.run.mu.Unlock()
	if calm {
		return Intervention{}
	}
	if c.outage(r.Service) {
		return Intervention{Fault: sim.Fault{Status: 503, Code: "ServiceUnavailable", Message: "The service is unavailable. Please try again."}}
	}
	call := r.Function + " " + r.Service + " " + r.Action + " " + r.Region
	if at := c.draw("kill " + call); at < c.Kills {
		return Intervention{Kill: true, Fault: sim.Fault{Done: at < c.Kills/2}}
	}
	at := c.draw("fault " + call)
	if at >= c.Faults {
		return Intervention{}
	}
	kind := int(at / c.Faults * 8)
	fault := sim.Fault{Done: kind%2 == 1}
	switch kind / 2 {
	case 0:
		fault.Drop = true
	case 1:
		fault.Status, fault.Code, fault.Message = 500, "InternalError", "An internal error has occurred"
	case 2:
		fault.Status, fault.Code, fault.Message = 503, "Unavailable", "The server is overloaded and can't handle the request."
	default: // says that nothing was done, and says so truly
		fault.Status, fault.Code, fault.Message, fault.Done = 503, "RequestLimitExceeded", "Request limit exceeded.", false
	}
	return Intervention{Fault: fault}
}

// outage says whether a service is out right now.
func (c *Chaos) outage(service string) bool {
	const lasts = 2 * time.Minute
	slot := uint64(time.Now().Unix()) / uint64(lasts.Seconds())
	return chanceOf(c.seed, "outage "+service, slot) < c.Outages*float64(lasts)/float64(time.Hour)
}

// deliveries is how often an event is delivered.
func (c *Chaos) deliveries(data []byte) int {
	switch at := c.draw("event"); {
	case at < c.Lost:
		return 0
	case at < c.Lost+c.Repeated:
		return 2
	}
	return 1
}

// delay is how late an event comes.
func (c *Chaos) delay() time.Duration {
	return time.Duration(c.draw("delay") * float64(c.Delay))
}
