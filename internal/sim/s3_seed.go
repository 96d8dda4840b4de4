package sim

import (
	"fmt"
	"time"

	"snapferry/internal/sim/iam"
)

// CreateBucket makes an S3 bucket in an account and Region.
func (w *World) CreateBucket(account, region, name string) (err error) {
	if !bucketName.MatchString(name) {
		return fmt.Errorf("create bucket %q: a name has 3 to 63 lower-case letters, digits and hyphens", name)
	}
	w.step(func(now time.Time) {
		if w.s3.buckets[name] != nil {
			err = fmt.Errorf("create bucket %s: it exists already", name)
			return
		}
		w.s3.buckets[name] = &s3Bucket{place: place{account, region}, name: name, created: now, algorithm: "AES256", objects: map[string]*s3Object{}}
	})
	return err
}

// bucket runs f on a bucket, within a step.
func (w *World) bucket(what, name string, f func(*s3Bucket) error) (err error) {
	w.step(func(time.Time) {
		b := w.s3.buckets[name]
		if b == nil {
			err = fmt.Errorf("%s bucket %s: it does not exist", what, name)
			return
		}
		if err = f(b); err != nil {
			err = fmt.Errorf("%s bucket %s: %w", what, name, err)
		}
	})
	return err
}

// EncryptBucket says how a bucket's objects are encrypted: with AES256 or aws:kms,
// under a key or, with "", S3's own.
func (w *World) EncryptBucket(name, algorithm, key string) error {
	return w.bucket("encrypt", name, func(b *s3Bucket) error {
		if algorithm != "AES256" && algorithm != "aws:kms" {
			return fmt.Errorf("%q is neither AES256 nor aws:kms", algorithm)
		}
		b.algorithm, b.kmsKey = algorithm, key
		return nil
	})
}

// SetBucketPolicy gives a bucket a policy, or takes it away with "".
func (w *World) SetBucketPolicy(name, policy string) error {
	return w.bucket("set the policy of", name, func(b *s3Bucket) (err error) {
		b.policy, b.policyText = nil, policy
		if policy != "" {
			b.policy, err = iam.Parse(iam.Resource, policy)
		}
		return err
	})
}

// DeleteBucket deletes an empty bucket.
func (w *World) DeleteBucket(name string) error {
	return w.bucket("delete", name, func(b *s3Bucket) error {
		if len(b.objects) > 0 {
			return fmt.Errorf("it is not empty")
		}
		delete(w.s3.buckets, name)
		return nil
	})
}
