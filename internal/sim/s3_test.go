package sim

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// rest makes a request to S3 and returns the status, and the body or what a header
// says.
func rest(t *testing.T, w *World, caller, region, method, path, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://sim"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+caller+"/20260101/"+region+"/s3/aws4_request, SignedHeaders=host, Signature=0")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := w.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

func TestBucketsAndObjects(t *testing.T) {
	w := New(Options{})
	const (
		europe  = `<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`
		kms     = `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`
		secure  = `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::files","arn:aws:s3:::files/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}}`
		chunked = "5;chunk-signature=x\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n"
	)
	for _, test := range []struct {
		name, caller, region, method, path, body string
		header                                   []string
		status                                   int
		want                                     string // the answer contains it
	}{
		{"no bucket", vault, west, "GET", "/files?list-type=2", "", nil, 404, "<Code>NoSuchBucket</Code>"},
		{"another Region's name", vault, west, "PUT", "/files", "", nil, 400, "<Code>IllegalLocationConstraintException</Code>"},
		{"a bad name", vault, west, "PUT", "/F", europe, nil, 400, "<Code>InvalidBucketName</Code>"},
		{"create", vault, west, "PUT", "/files", europe, nil, 200, ""},
		{"again", vault, west, "PUT", "/files", europe, nil, 409, "<Code>BucketAlreadyOwnedByYou</Code>"},
		{"by another", owner, west, "PUT", "/files", europe, nil, 409, "<Code>BucketAlreadyExists</Code>"},
		{"where it is", vault, east, "GET", "/files?location", "", nil, 200, ">eu-west-1</LocationConstraint>"},
		{"whose it is", vault, west, "GET", "/files?location", "", []string{"X-Amz-Expected-Bucket-Owner", owner}, 403, "<Code>AccessDenied</Code>"},
		{"from elsewhere", vault, east, "GET", "/files?list-type=2", "", nil, 301, "<Code>PermanentRedirect</Code>"},
		{"by a stranger", stranger, west, "GET", "/files?list-type=2", "", nil, 403, "<Code>AccessDenied</Code>"},
		{"encrypt", vault, west, "PUT", "/files?encryption", kms, nil, 200, ""},
		{"encrypted", vault, west, "GET", "/files?encryption", "", nil, 200, "<SSEAlgorithm>aws:kms</SSEAlgorithm>"},
		{"no object", vault, west, "HEAD", "/files/a/b.zip", "", nil, 404, ""},
		{"put", vault, west, "PUT", "/files/a/b.zip", "hello", nil, 200, ""},
		{"get", vault, west, "GET", "/files/a/b.zip", "", nil, 200, "hello"},
		{"put in chunks", vault, west, "PUT", "/files/a/c.zip", chunked, []string{"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 200, ""},
		{"get what came in chunks", vault, west, "GET", "/files/a/c.zip", "", nil, 200, "hello world"},
		{"put half a chunk", vault, west, "PUT", "/files/a/d.zip", "5\r\nhel", []string{"X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, 400, "<Code>IncompleteBody</Code>"},
		{"list", vault, west, "GET", "/files?list-type=2&prefix=a/&max-keys=1", "", nil, 200, "<Key>a/b.zip</Key>"},
		{"list the rest", vault, west, "GET", "/files?list-type=2&start-after=a/b.zip", "", nil, 200, "<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a/c.zip</Key>"},
		{"a policy", vault, west, "PUT", "/files?policy", secure, nil, 204, ""},
		{"without TLS", vault, west, "GET", "/files/a/b.zip", "", []string{InsecureHeader, "yes"}, 403, "explicit deny in a resource-based policy"},
		{"in parts", vault, west, "POST", "/files/a/b.zip?uploads", "", nil, 501, "the simulated S3 does not have POST object?uploads"},
		{"a part of it", vault, west, "GET", "/files/a/b.zip", "", []string{"Range", "bytes=0-1"}, 501, "leave Range out"},
		{"delete it full", vault, west, "DELETE", "/files", "", nil, 409, "<Code>BucketNotEmpty</Code>"},
		{"delete b", vault, west, "DELETE", "/files/a/b.zip", "", nil, 204, ""},
		{"delete c", vault, west, "DELETE", "/files/a/c.zip", "", nil, 204, ""},
		{"buckets", vault, west, "GET", "/", "", nil, 200, "<Name>files</Name>"},
		{"delete", vault, west, "DELETE", "/files", "", nil, 204, ""},
	} {
		status, got, _ := rest(t, w, test.caller, test.region, test.method, test.path, test.body, test.header...)
		if status != test.status || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %d %s, want %d ...%s", test.name, status, got, test.status, test.want)
		}
	}
}

// TestTemplateInBucket: CloudFormation reads a template's file from S3, if the
// caller may.
func TestTemplateInBucket(t *testing.T) {
	s := inStacks(t)
	if err := s.w.CreateBucket(vault, west, "files"); err != nil {
		t.Fatal(err)
	}
	rest(t, s.w, vault, west, "PUT", "/files/t.json", "One "+strings.Repeat("x", maxTemplateBody))
	rest(t, s.w, vault, west, "PUT", "/files/long.json", strings.Repeat("x", maxTemplateFile+1))
	key, err := s.w.AddRole(vault, "deployer", permit(may("cloudformation:*", "*")))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ caller, address, want string }{
		{vault, "https://s3.eu-west-1.amazonaws.com/files/t.json", ""},
		{vault, "https://files.s3.eu-west-1.amazonaws.com/t.json", ""},
		{vault, "http://sim/files/t.json", ""}, // the endpoint that the caller uses
		{vault, "https://s3.eu-west-1.amazonaws.com/files/long.json", "ValidationError: Template may not exceed 1000000 bytes in size."},
		{vault, "https://s3.eu-west-1.amazonaws.com/files/none.json", "ValidationError: S3 error: The specified key does not exist."},
		{key, "https://s3.eu-west-1.amazonaws.com/files/t.json", "ValidationError: S3 error: Access Denied"},
	} {
		s.caller = test.caller
		_, problem := s.ask("ValidateTemplate", "TemplateURL", test.address)
		if test.want == "" && problem != "" || !strings.HasPrefix(problem, test.want) {
			t.Errorf("%s: got %q, want %q", test.address, problem, test.want)
		}
	}
}
