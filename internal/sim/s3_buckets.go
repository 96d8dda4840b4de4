package sim

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// s3Time is a time as S3 writes it within XML.
func s3Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *s3) listBuckets(c *s3Call) (restReply, *apiError) {
	type bucket struct{ Name, CreationDate, BucketRegion string }
	var a struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Owner   struct{ ID string }
		Buckets []bucket `xml:"Buckets>Bucket"`
	}
	a.Owner.ID = c.account
	for _, name := range sortedKeys(s.buckets) {
		if b := s.buckets[name]; b.account == c.account {
			a.Buckets = append(a.Buckets, bucket{name, s3Time(b.created), b.region})
		}
	}
	return restReply{xml: a}, nil
}

func (s *s3) createBucket(c *s3Call) (restReply, *apiError) {
	var in struct{ LocationConstraint string }
	if len(c.upload) > 0 && xml.Unmarshal(c.upload, &in) != nil {
		return restReply{}, badRequest("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	// us-east-1 is the Region without a name.
	where := in.LocationConstraint
	if where == "" {
		where = usEast1
	}
	switch {
	case !bucketName.MatchString(c.bucket):
		return restReply{}, badRequest("InvalidBucketName", "The specified bucket is not valid.")
	case where != c.region:
		return restReply{}, badRequest("IllegalLocationConstraintException", "The %s location constraint is incompatible for the region specific endpoint this request was sent to.", where)
	case c.in != nil && c.in.account == c.account:
		return restReply{}, &apiError{Status: http.StatusConflict, Code: "BucketAlreadyOwnedByYou", Message: "Your previous request to create the named bucket succeeded and you already own it."}
	case c.in != nil:
		return restReply{}, &apiError{Status: http.StatusConflict, Code: "BucketAlreadyExists", Message: "The requested bucket name is not available."}
	}
	s.buckets[c.bucket] = &s3Bucket{place: place{c.account, c.region}, name: c.bucket, created: c.now, algorithm: "AES256", objects: map[string]*s3Object{}}
	return restReply{header: http.Header{"Location": {"/" + c.bucket}}}, nil
}

// usEast1 is the Region whose buckets have no location.
const usEast1 = "us-east-1"

func (s *s3) headBucket(c *s3Call) (restReply, *apiError) {
	return restReply{header: http.Header{"X-Amz-Bucket-Region": {c.in.region}}}, nil
}

func (s *s3) deleteBucket(c *s3Call) (restReply, *apiError) {
	if len(c.in.objects) > 0 {
		return restReply{}, &apiError{Status: http.StatusConflict, Code: "BucketNotEmpty", Message: "The bucket you tried to delete is not empty"}
	}
	delete(s.buckets, c.bucket)
	return restReply{status: http.StatusNoContent}, nil
}

func (s *s3) getBucketLocation(c *s3Call) (restReply, *apiError) {
	region := c.in.region
	if region == usEast1 {
		region = ""
	}
	return restReply{xml: struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: region}}, nil
}

// encryption is a bucket's default encryption, in and out.
type encryption struct {
	XMLName xml.Name `xml:"ServerSideEncryptionConfiguration"`
	Rule    struct {
		Default struct {
			SSEAlgorithm   string
			KMSMasterKeyID string `xml:",omitempty"`
		} `xml:"ApplyServerSideEncryptionByDefault"`
		BucketKeyEnabled bool
	}
}

func (s *s3) getBucketEncryption(c *s3Call) (restReply, *apiError) {
	var a encryption
	a.XMLName.Space = s3Namespace
	a.Rule.Default.SSEAlgorithm, a.Rule.Default.KMSMasterKeyID = c.in.algorithm, c.in.kmsKey
	return restReply{xml: a}, nil
}

func (s *s3) putBucketEncryption(c *s3Call) (restReply, *apiError) {
	var in encryption
	algorithm := ""
	if xml.Unmarshal(c.upload, &in) == nil {
		algorithm = in.Rule.Default.SSEAlgorithm
	}
	if algorithm != "AES256" && algorithm != "aws:kms" {
		return restReply{}, badRequest("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	c.in.algorithm, c.in.kmsKey = algorithm, in.Rule.Default.KMSMasterKeyID
	return restReply{}, nil
}

func (s *s3) putBucketPolicy(c *s3Call) (restReply, *apiError) {
	policy, err := iam.Parse(iam.Resource, string(c.upload))
	if err != nil {
		return restReply{}, badRequest("MalformedPolicy", "%v", err)
	}
	c.in.policy, c.in.policyText = policy, string(c.upload)
	return restReply{status: http.StatusNoContent}, nil
}

func (s *s3) getBucketPolicy(c *s3Call) (restReply, *apiError) {
	if c.in.policy == nil {
		return restReply{}, &apiError{Status: http.StatusNotFound, Code: "NoSuchBucketPolicy", Message: "The bucket policy does not exist"}
	}
	return restReply{body: []byte(c.in.policyText), header: http.Header{"Content-Type": {"application/json"}}}, nil
}

func (s *s3) deleteBucketPolicy(c *s3Call) (restReply, *apiError) {
	c.in.policy, c.in.policyText = nil, ""
	return restReply{status: http.StatusNoContent}, nil
}

// maxKeys is how many objects a listing has at most, and by default.
const maxKeys = 1000

func (s *s3) listObjects(c *s3Call) (restReply, *apiError) {
	type content struct {
		Key, LastModified, ETag string
		Size                    int
		StorageClass            string
	}
	var a struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name, Prefix          string
		MaxKeys, KeyCount     int
		IsTruncated           bool
		NextContinuationToken string    `xml:",omitempty"`
		Contents              []content `xml:"Contents"`
	}
	a.Name, a.Prefix, a.MaxKeys = c.bucket, c.query.Get("prefix"), maxKeys
	if text := c.query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return restReply{}, badRequest("InvalidArgument", "Provided max-keys not an integer or within integer range")
		}
		a.MaxKeys = min(n, maxKeys)
	}
	if c.query.Get("delimiter") != "" {
		return restReply{}, &apiError{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "the simulated S3 lists all keys with a prefix: leave delimiter out"}
	}
	after := c.query.Get("start-after")
	if text := c.query.Get("continuation-token"); text != "" {
		var valid bool
		if after, valid = untoken(text); !valid {
			return restReply{}, badRequest("InvalidArgument", "The continuation token provided is incorrect")
		}
	}
	for _, key := range sortedKeys(c.in.objects) {
		if !strings.HasPrefix(key, a.Prefix) || key <= after {
			continue
		}
		if len(a.Contents) == a.MaxKeys {
			a.IsTruncated = true
			if len(a.Contents) > 0 {
				a.NextContinuationToken = token(a.Contents[len(a.Contents)-1].Key)
			}
			break
		}
		o := c.in.objects[key]
		a.Contents = append(a.Contents, content{key, s3Time(o.modified), o.etag(), len(o.body), "STANDARD"})
	}
	a.KeyCount = len(a.Contents)
	return restReply{xml: a}, nil
}
