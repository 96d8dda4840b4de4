package sim

import (
	"slices"
	"time"
)

// The ways in which a copy fails after it was accepted, as its StateMessage and
// its event say it.
const (
	keyNotAccessible  = "Given key ID is not accessible"
	sourceNotFound    = "Source snapshot is not found"
	sourceNotComplete = "Source snapshot is not complete"
	// No record shows how copying one's own archived snapshot fails, only that
	// it does.
	sourceArchived = "Source snapshot is archived"
)

// Failing takes between these two.
const (
	minFailing = 2 * time.Second
	maxFailing = 6 * time.Second
)

// lineageKey names the copies in one account and Region that come from the same
// volume or, where that is unknown, from the same snapshot.
type lineageKey struct {
	place
	of string
}

// lineage is the copies of one lineage. Only one of them is made at a time.
type lineage struct {
	waiting []*copyJob // the first is being made
	done    []*copyJob // those that exist, and the newest in any case
}

// has says whether a copy of the lineage under the key exists.
func (line *lineage) has(key string) bool {
	return slices.ContainsFunc(line.done, func(done *copyJob) bool { return done.copy.now.exists && done.key == key })
}

func (e *ec2) queueCopy(now time.Time, job *copyJob) {
	of := job.source
	if s := e.sourceOf(job); s != nil && s.volume != copiedVolume {
		of = s.volume
	}
	key := lineageKey{place{job.copy.owner, job.copy.in.name}, of}
	job.line = e.lineages[key]
	if job.line == nil {
		job.line = &lineage{}
		e.lineages[key] = job.line
	}
	job.line.waiting = append(job.line.waiting, job)
	if len(job.line.waiting) == 1 {
		e.beginCopy(now, job)
	}
}

// sourceOf is the job's source, if it exists at all.
func (e *ec2) sourceOf(job *copyJob) *ebsSnapshot {
	r := e.regions[job.sourceRegion]
	if r == nil {
		return nil
	}
	if s := r.snapshots[job.source]; s != nil && s.now.exists {
		return s
	}
	return nil
}

// beginCopy looks at the source and at the keys, once, and settles when the copy
// will end and how.
func (e *ec2) beginCopy(now time.Time, job *copyJob) {
	job.begun = now
	cause := e.examine(now, job)
	took := minFailing + time.Duration(e.w.chance.Int64N(int64(maxFailing-minFailing)))
	if cause == "" {
		took = e.copyTime(job.gib)
		if job.copy.minutes > 0 {
			took = min(took, time.Duration(job.copy.minutes)*time.Minute)
		}
	}
	e.w.at(now.Add(took), func(now time.Time) { e.endCopy(now, job, cause) })
}

func (e *ec2) copyTime(gib int) time.Duration {
	if e.w.options.CopyTime != nil {
		return e.w.options.CopyTime(gib)
	}
	return fewSeconds(gib)
}

// examine says why the copy will fail, or "" and how it will turn out.
func (e *ec2) examine(now time.Time, job *copyJob) (cause string) {
	account, to := job.copy.owner, job.copy.in.name
	source := e.sourceOf(job)
	if source == nil {
		return sourceNotFound
	}
	if source.owner != account {
		since, shared := source.now.sharedAt(account)
		if !shared || now.Before(since.Add(e.w.options.ShareLag)) {
			return sourceNotFound
		}
	}
	switch {
	case source.now.state != "completed":
		return sourceNotComplete
	case source.now.archived:
		return sourceArchived
	}
	job.gib = source.now.gib
	job.encrypted, job.key = e.outcome(job.copy.place(), job.wish, source.now.encrypted, now)
	e.consult(now, job, source)
	grant := forEBS(job.by, source.in.name, "CreateGrant")
	grant.operations = []string{"Decrypt"} // as CloudTrail records the grant
	if source.now.encrypted && !e.w.kms.usable(source.now.key, now, grant) {
		return keyNotAccessible
	}
	asks := []kmsAsk{forEBS(job.by, to, "CreateGrant")}
	// The first copy of a lineage under a key makes the data key; the later
	// ones, as recorded, go without.
	if !job.line.has(job.key) {
		asks = append(asks, forEBS(job.by, to, "GenerateDataKeyWithoutPlaintext"))
	}
	if job.encrypted && !e.w.kms.usable(job.key, now, asks...) {
		return keyNotAccessible
	}
	job.incremental = job.isIncremental(source)
	return ""
}

// What Amazon documents among the permissions for copying encrypted snapshots
// (Amazon EBS user guide, "Copying a snapshot"), of the source's key and of the
// copy's, and what no copy failed without where it was denied for a trial.
var (
	consultedFrom = []string{"DescribeKey", "Decrypt", "ReEncryptFrom"}
	consultedTo   = []string{"Decrypt", "GenerateDataKey", "ReEncryptTo"}
)

// consult asks the keys for what is documented, so that OnAuthorize tells whether
// the caller has it, and minds no answer.
func (e *ec2) consult(now time.Time, job *copyJob, source *ebsSnapshot) {
	if e.w.options.OnAuthorize == nil {
		return
	}
	ask := func(arn, region string, actions []string) {
		key := e.w.kms.keys[arn]
		if key == nil {
			return
		}
		for _, action := range actions {
			question := e.w.kms.ask(key, forEBS(job.by, region, action))
			question.advisory = true
			e.w.decide(now, question)
		}
	}
	if source.now.encrypted {
		ask(source.now.key, source.in.name, consultedFrom)
	}
	if job.encrypted {
		ask(job.key, job.copy.in.name, consultedTo)
	}
}

func (s *ebsSnapshot) place() place { return place{s.owner, s.in.name} }

// isIncremental follows Amazon EBS user guide, "Incremental snapshot copying":
// within an account and Region a copy under the same key always is; elsewhere
// the source's lineage must have been copied there before, the newest of those
// copies must still be there and not archived, and all of them must be
// unencrypted or under the one key.
func (job *copyJob) isIncremental(source *ebsSnapshot) bool {
	if source.place() == job.copy.place() && source.now.key == job.key {
		return true
	}
	n := len(job.line.done)
	if n == 0 {
		return false
	}
	newest := job.line.done[n-1].copy
	if !newest.now.exists || newest.now.archived {
		return false
	}
	return !slices.ContainsFunc(job.line.done, func(done *copyJob) bool {
		return done.copy.now.exists && done.key != job.key
	})
}

// endCopy completes or fails a copy and begins the next of its lineage.
func (e *ec2) endCopy(now time.Time, job *copyJob, cause string) {
	s, line := job.copy, job.line
	e.copying[s.place()]--
	if cause == "" {
		s.now.gib, s.now.encrypted, s.now.key = job.gib, job.encrypted, job.key
		line.done = slices.DeleteFunc(line.done, func(done *copyJob) bool { return !done.copy.now.exists })
		line.done = append(line.done, job)
	}
	// A copy that was deleted while pending ends without an event.
	if e.end(now, s, cause) {
		e.publishCopy(now, job, cause)
	}
	line.waiting = line.waiting[1:]
	if len(line.waiting) > 0 {
		e.beginCopy(now, line.waiting[0])
	}
}
