package sim

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// copyQuota is how many copies may be pending per account and destination
// Region.
const copyQuota = 20

// Bounds of CompletionDurationMinutes. The quota of throughput for such copies is
// not simulated: no record shows how a copy beyond it is refused.
const (
	minCompletion  = 15
	maxCompletion  = 2880
	stepCompletion = 15
)

// copyJob is a copy on its way.
type copyJob struct {
	copy                 *ebsSnapshot
	source, sourceRegion string
	wish                 encryptionWish
	line                 *lineage
	by                   caller // who asked for it, and whose keys EBS uses

	// Known once it has begun.
	begun       time.Time
	gib         int
	encrypted   bool
	key         string
	incremental bool
}

// copySnapshot checks what Amazon checks at once, in its order: the form of the
// parameters, then whether the caller may, then a dry run, then what the parameters mean. About the source
// it checks nothing: a copy of something that does not exist is answered with
// an id, and fails afterwards.
func (e *ec2) copySnapshot(c *ec2Call) (any, *apiError) {
	job := &copyJob{source: c.get("SourceSnapshotId"), sourceRegion: c.get("SourceRegion"), by: c.caller}
	minutes, problem := e.checkCopy(c, job)
	if problem != nil {
		return nil, problem
	}
	asked, problem := c.flag("Encrypted")
	if problem != nil {
		return nil, problem
	}
	tags, problem := c.tagSpecification("snapshot")
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	if to := c.get("DestinationRegion"); to != "" && to != c.region {
		return nil, badRequest("InvalidParameterValue", "DestinationRegion '%s' does not match the current region (%s)", to, c.region)
	}
	if problem := c.checkPresigned(job); problem != nil {
		return nil, problem
	}
	if job.wish, problem = e.encryption(c, asked); problem != nil {
		return nil, problem
	}
	if problem := c.roomForSnapshot(); problem != nil {
		return nil, problem
	}
	at := place{c.account, c.region}
	quota := e.w.options.CopyQuota
	if quota <= 0 {
		quota = copyQuota
	}
	// No record shows the HTTP status of this refusal. With 400 the SDKs do not
	// retry it by themselves; a caller that knows the code does well with any.
	if e.copying[at] >= quota {
		return nil, badRequest("ResourceLimitExceeded", "Too many snapshot copies in progress. The limit is %d for this destination region.", quota)
	}
	e.copying[at]++
	s := e.newSnapshot(c, tags)
	// The facts of the source are not shown before the copy is complete.
	s.volume, s.minutes = copiedVolume, minutes
	s.now.message = "Metadata not updated"
	e.reveal(c.now, s)
	job.copy = s
	e.queueCopy(c.now, job)
	return struct {
		SnapshotID string   `xml:"snapshotId"`
		Tags       *xmlTags `xml:"tagSet"`
	}{s.id, tagItems(tags)}, nil
}

// checkCopy checks the form of the parameters.
func (e *ec2) checkCopy(c *ec2Call, job *copyJob) (minutes int, problem *apiError) {
	if !c.has("SourceSnapshotId") {
		return 0, badRequest("MissingParameter", "The request must contain the parameter SourceSnapshotId")
	}
	if !validSource(job.source) {
		return 0, badRequest("InvalidParameterValue", "The specified snapshotId is invalid")
	}
	if !c.has("SourceRegion") {
		return 0, &apiError{Status: http.StatusInternalServerError, Code: "InternalError", Message: "An internal error has occurred"}
	}
	if !e.knows(job.sourceRegion) {
		return 0, badRequest("InvalidRegion", "%s is not a valid region name", job.sourceRegion)
	}
	if c.has("DestinationOutpostArn") || c.has("DestinationAvailabilityZone") {
		return 0, badRequest("UnsupportedOperation", "the simulated AWS has no Outposts and no Local Zones")
	}
	minutes, given, problem := c.number("CompletionDurationMinutes")
	if problem != nil {
		return 0, problem
	}
	if given && (minutes < minCompletion || minutes > maxCompletion || minutes%stepCompletion != 0) {
		return 0, badRequest("InvalidParameterValue", "CompletionDurationMinutes must be between %d and %d in %d minute increments", minCompletion, maxCompletion, stepCompletion)
	}
	return minutes, nil
}

// validSource says whether CopySnapshot takes the id of a source. It does not
// take one of zeros only.
func validSource(id string) bool {
	return strings.HasPrefix(id, "snap-") && resourceID.MatchString(id) && strings.Trim(id[len("snap-"):], "0") != ""
}

// checkPresigned compares PresignedUrl with the request around it. Its
// signature is not verified, which agrees with what was recorded of Amazon.
func (c *ec2Call) checkPresigned(job *copyJob) *apiError {
	presigned := c.get("PresignedUrl")
	if presigned == "" {
		return nil
	}
	u, err := url.Parse(presigned)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return badRequest("InvalidParameterValue", "The protocol in PresignedUrl should be http or https")
	}
	q := u.Query()
	if source := q.Get("SourceSnapshotId"); source != job.source {
		return badRequest("InvalidParameterValue", "The source snapshot specified in PresignedUrl '%s' does not match the source snapshot in the request: '%s'", source, job.source)
	}
	if to := q.Get("DestinationRegion"); to != c.region {
		return badRequest("InvalidParameterValue", "The destination region specified in PresignedUrl: '%s' is incorrect", to)
	}
	if from := q.Get("SourceRegion"); from != job.sourceRegion {
		return badRequest("InvalidParameterValue", "The source region specified in PresignedUrl: '%s' is incorrect", from)
	}
	return nil
}
