package sim

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// s3 is Amazon S3 as far as uploads of a deployment need it: buckets with a
// policy, and objects in one piece. Buckets are addressed by path
// (http://HOST/BUCKET/KEY), as SDKs do with an endpoint that is an IP address.
type s3 struct {
	w       *World
	buckets map[string]*s3Bucket // by name, which is the world's own
}

type s3Bucket struct {
	place
	name       string
	created    time.Time
	algorithm  string // of server-side encryption: AES256 or aws:kms
	kmsKey     string
	policyText string
	policy     *iam.Policy
	objects    map[string]*s3Object
}

type s3Object struct {
	body        []byte
	contentType string
	modified    time.Time
}

func (o *s3Object) etag() string {
	sum := md5.Sum(o.body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// restCall is a request to a service that speaks REST.
type restCall struct {
	method      string
	bucket, key string
	query       url.Values
	header      http.Header
	upload      []byte
}

// restReply is an answer of S3: XML, bytes, or nothing but a header.
type restReply struct {
	status int // 0: 200
	header http.Header
	xml    any // an element that names itself
	body   []byte
}

// bucketName is what S3 takes as a bucket's name, dots aside
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html).
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

// s3Action is an operation of S3: the sub-resource or the key decides which one
// a request means.
type s3Action struct {
	method   string
	resource string // "", "bucket" or "object"
	sub      string // a member of the query, such as location
	name     string
	// permission is its IAM action.
	permission string
	serve      func(*s3, *s3Call) (restReply, *apiError)
}

// s3Call is a call to S3 within a step of the world.
type s3Call struct {
	*call
	*restCall
	now time.Time
	in  *s3Bucket // nil: there is none of the name
}

var s3Actions = []s3Action{
	{"GET", "", "", "ListBuckets", "ListAllMyBuckets", (*s3).listBuckets},
	{"PUT", "bucket", "", "CreateBucket", "CreateBucket", (*s3).createBucket},
	{"PUT", "bucket", "encryption", "PutBucketEncryption", "PutEncryptionConfiguration", (*s3).putBucketEncryption},
	{"PUT", "bucket", "policy", "PutBucketPolicy", "PutBucketPolicy", (*s3).putBucketPolicy},
	{"DELETE", "bucket", "policy", "DeleteBucketPolicy", "DeleteBucketPolicy", (*s3).deleteBucketPolicy},
	{"HEAD", "bucket", "", "HeadBucket", "ListBucket", (*s3).headBucket},
	{"DELETE", "bucket", "", "DeleteBucket", "DeleteBucket", (*s3).deleteBucket},
	{"GET", "bucket", "location", "GetBucketLocation", "GetBucketLocation", (*s3).getBucketLocation},
	{"GET", "bucket", "encryption", "GetBucketEncryption", "GetEncryptionConfiguration", (*s3).getBucketEncryption},
	{"GET", "bucket", "policy", "GetBucketPolicy", "GetBucketPolicy", (*s3).getBucketPolicy},
	{"GET", "bucket", "list-type", "ListObjectsV2", "ListBucket", (*s3).listObjects},
	{"PUT", "object", "", "PutObject", "PutObject", (*s3).putObject},
	{"GET", "object", "", "GetObject", "GetObject", (*s3).getObject},
	{"HEAD", "object", "", "HeadObject", "GetObject", (*s3).getObject},
	{"DELETE", "object", "", "DeleteObject", "DeleteObject", (*s3).deleteObject},
}

// subresources are the members of a query that make another operation of a
// request; others are options of it.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "inventory", "legal-hold", "lifecycle", "list-type", "location",
	"logging", "metrics", "notification", "object-lock", "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication",
	"requestPayment", "restore", "retention", "select", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

// readREST finds out which operation of S3 a request means. One that the
// simulation does not have is named by its method and sub-resource.
func (c *call) readREST(r *http.Request, body []byte) *apiError {
	path := strings.TrimPrefix(r.URL.Path, "/")
	in := &restCall{method: r.Method, query: r.URL.Query(), header: r.Header}
	in.bucket, in.key, _ = strings.Cut(path, "/")
	resource, sub := "", ""
	switch {
	case in.key != "":
		resource = "object"
	case in.bucket != "":
		resource = "bucket"
	}
	for _, name := range subresources {
		if in.query.Has(name) {
			sub = name
		}
	}
	c.rest = in
	c.action = r.Method
	if resource != "" {
		c.action += " " + strings.TrimSuffix(resource+"?"+sub, "?")
	}
	for _, a := range s3Actions {
		if a.method == r.Method && a.resource == resource && a.sub == sub {
			c.action = a.name
		}
	}
	var ok bool
	if in.upload, ok = unchunk(r.Header, body); !ok {
		return badRequest("IncompleteBody", "The request body terminated unexpectedly")
	}
	return nil
}

func (s *s3) serve(_ context.Context, c *call) (reply any, problem *apiError) {
	at := -1
	for i, a := range s3Actions {
		if a.name == c.action {
			at = i
		}
	}
	if at < 0 {
		return nil, &apiError{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "the simulated S3 does not have " + c.action}
	}
	action := s3Actions[at]
	s.w.step(func(now time.Time) {
		in := &s3Call{call: c, restCall: c.rest, now: now, in: s.buckets[c.rest.bucket]}
		if problem = s.refuse(in, action); problem == nil {
			reply, problem = action.serve(s, in)
		}
	})
	return reply, problem
}

// refuse is what S3 refuses whatever the operation is.
func (s *s3) refuse(c *s3Call, action s3Action) *apiError {
	switch {
	case action.resource == "" || action.name == "CreateBucket":
	case c.in == nil:
		return &apiError{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
	case c.in.region != c.region && action.name != "GetBucketLocation":
		return &apiError{Status: http.StatusMovedPermanently, Code: "PermanentRedirect",
			Message: "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint."}
	case c.header.Get("X-Amz-Expected-Bucket-Owner") != "" && c.header.Get("X-Amz-Expected-Bucket-Owner") != c.in.account:
		return accessDenied("Access Denied")
	}
	in := c.in
	if action.name == "CreateBucket" {
		in = nil // whose it may be already is not asked
	}
	return s.may(c.now, c.call, in, action.permission, c.bucket, c.key)
}

func accessDenied(message string) *apiError {
	return &apiError{Status: http.StatusForbidden, Code: "AccessDenied", Message: message}
}

// may asks IAM, of the bucket or of one of its objects.
func (s *s3) may(now time.Time, c *call, in *s3Bucket, permission, bucket, key string) *apiError {
	resource := "*"
	if bucket != "" {
		resource = "arn:aws:s3:::" + bucket
	}
	if key != "" {
		resource += "/" + key
	}
	a := c.ask("s3:"+permission, resource)
	if in != nil {
		a.owner, a.policy = in.account, in.policy
		a.keys.Set("s3:ResourceAccount", in.account)
	}
	return s.w.allowed(now, a)
}

// read is an object, as a service reads it on the caller's behalf; call it within
// a step. Buckets of other Regions are read too.
func (s *s3) read(now time.Time, c *call, bucket, key string) (*s3Object, *apiError) {
	in := s.buckets[bucket]
	if in == nil {
		return nil, &apiError{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
	}
	if problem := s.may(now, c, in, "GetObject", bucket, key); problem != nil {
		return nil, accessDenied("Access Denied")
	}
	o := in.objects[key]
	if o == nil {
		return nil, noSuchKey()
	}
	return o, nil
}

func noSuchKey() *apiError {
	return &apiError{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
}
