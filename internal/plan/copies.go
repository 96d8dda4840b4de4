package plan

import (
	"encoding/binary"
	"errors"
	"time"

	"snapferry/internal/snapshot"
)

// Copies are the copies in one Region, as far as Expire has to know them. They
// are small, because there may be a hundred thousand in each of several Regions:
// what most of them share is kept once, and no tag or description at all.
type Copies struct {
	blocks  [][]entry // full ones but the last, so that growing moves nothing
	names   [][]byte  // of the entries, so many that the collector has nothing to visit
	traits  []traits
	numbers map[traits]uint32
}

// Sizes of what Copies grows by.
const (
	blockSize = 1024     // entries
	namesSize = 64 << 10 // bytes
)

// entry is a copy, in little.
type entry struct {
	traits uint32 // an index
	names  uint32 // where its id, source and volume begin: block and offset, 16 bits each

	started, completed, sourceTime, expires instant
}

// traits are what many copies have in common.
type traits struct {
	region       string
	state        snapshot.State
	stateMessage string
	encrypted    bool
	keyARN       string
	held         bool
	unmarked     bool
	unreadable   string // why its mark can't be read

	policy, sourceRegion, sourceAccount string
}

// instant is a time in Unix microseconds: EC2 tells milliseconds, and marks
// seconds. Nanoseconds would not do, people may write the year 9999.
type instant int64

func instantOf(t time.Time) instant { return instant(t.UnixMicro()) }

func (i instant) time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// facts are what Expire has to know about one copy.
type facts struct {
	copy       snapshot.Snapshot // some of it: see Verdict
	mark       snapshot.Mark
	unmarked   bool
	unreadable string
	held       bool
}

func factsOf(c snapshot.Snapshot) facts {
	f := facts{held: snapshot.Held(c.Tags), copy: snapshot.Snapshot{
		Ref: c.Ref, State: c.State, Encrypted: c.Encrypted, KeyARN: c.KeyARN, Started: c.Started, Completed: c.Completed,
	}}
	if c.State == snapshot.Failed {
		f.copy.StateMessage = c.StateMessage // else it may be the progress
	}
	mark, err := snapshot.ParseMark(c.Tags)
	switch {
	case errors.Is(err, snapshot.ErrNoMark):
		f.unmarked = true
	case err != nil:
		f.unreadable = err.Error()
	}
	f.mark = mark
	return f
}

// Add adds a copy.
func (c *Copies) Add(s snapshot.Snapshot) {
	f := factsOf(s)
	last := len(c.blocks) - 1
	if last < 0 || len(c.blocks[last]) == blockSize {
		c.blocks = append(c.blocks, make([]entry, 0, blockSize))
		last++
	}
	c.blocks[last] = append(c.blocks[last], entry{
		traits: c.number(traits{
			region: f.copy.Region, state: f.copy.State, stateMessage: f.copy.StateMessage, encrypted: f.copy.Encrypted, keyARN: f.copy.KeyARN,
			held: f.held, unmarked: f.unmarked, unreadable: f.unreadable,
			policy: f.mark.Policy, sourceRegion: f.mark.Source.Region, sourceAccount: f.mark.SourceAccount,
		}),
		names:      c.write(f.copy.ID, f.mark.Source.ID, f.mark.SourceVolume),
		started:    instantOf(f.copy.Started),
		completed:  instantOf(f.copy.Completed),
		sourceTime: instantOf(f.mark.SourceTime),
		expires:    instantOf(f.mark.Expires),
	})
}

// Len is how many copies were added.
func (c *Copies) Len() int {
	if len(c.blocks) == 0 {
		return 0
	}
	last := len(c.blocks) - 1
	return last*blockSize + len(c.blocks[last])
}

// at is the copy that was added as number i, from 0.
func (c *Copies) at(i int) facts {
	e := &c.blocks[i/blockSize][i%blockSize]
	t := &c.traits[e.traits]
	id, source, volume := c.read(e.names)
	f := facts{
		copy: snapshot.Snapshot{
			Ref: snapshot.Ref{Region: t.region, ID: id}, State: t.state, StateMessage: t.stateMessage, Encrypted: t.encrypted, KeyARN: t.keyARN,
			Started: e.started.time(), Completed: e.completed.time(),
		},
		unmarked: t.unmarked, unreadable: t.unreadable, held: t.held,
	}
	if !t.unmarked && t.unreadable == "" {
		f.mark = snapshot.Mark{
			Policy: t.policy, Source: snapshot.Ref{Region: t.sourceRegion, ID: source}, SourceAccount: t.sourceAccount, SourceVolume: volume,
			SourceTime: e.sourceTime.time(), Expires: e.expires.time(),
		}
	}
	return f
}

func (c *Copies) number(t traits) uint32 {
	n, known := c.numbers[t]
	if !known {
		if c.numbers == nil {
			c.numbers = map[traits]uint32{}
		}
		n = uint32(len(c.traits))
		c.traits = append(c.traits, t)
		c.numbers[t] = n
	}
	return n
}

// write keeps three names, each after its length, and returns where.
func (c *Copies) write(id, source, volume string) uint32 {
	need := 3*binary.MaxVarintLen32 + len(id) + len(source) + len(volume)
	last := len(c.names) - 1
	if last < 0 || len(c.names[last])+need > namesSize {
		c.names = append(c.names, make([]byte, 0, max(namesSize, need)))
		last++
	}
	block := c.names[last]
	where := uint32(last)<<16 | uint32(len(block))
	for _, name := range [...]string{id, source, volume} {
		block = append(binary.AppendUvarint(block, uint64(len(name))), name...)
	}
	c.names[last] = block
	return where
}

func (c *Copies) read(where uint32) (id, source, volume string) {
	block := c.names[where>>16][where&0xffff:]
	next := func() string {
		n, width := binary.Uvarint(block)
		name := string(block[width : width+int(n)])
		block = block[width+int(n):]
		return name
	}
	return next(), next(), next()
}
