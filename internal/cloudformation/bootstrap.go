package cloudformation

import (
	"context"
	"fmt"
	"strings"
)

// createBucket makes a bucket as `cdk bootstrap` has one.
func (d *deployer) createBucket(ctx context.Context, p *properties) (made, error) {
	name := strings.ToLower(d.name(p.text("BucketName"), 63))
	// Objects have one version here, are read by nobody from outside, and never
	// grow old.
	p.ignore("AccessControl", "BucketEncryption", "PublicAccessBlockConfiguration", "VersioningConfiguration", "LifecycleConfiguration", "Tags")
	if err := p.end(); err != nil {
		return made{}, err
	}
	if err := d.world.CreateBucket(d.stack.Account, d.stack.Region, name); err != nil {
		return made{}, fmt.Errorf("create bucket %s: %w", name, err)
	}
	m := made{ref: name, attributes: map[string]string{
		"Arn": "arn:aws:s3:::" + name, "DomainName": name + ".s3.amazonaws.com", "RegionalDomainName": name + ".s3." + d.stack.Region + ".amazonaws.com",
	}}
	return m, d.encryptBucket(ctx, p)
}

// encryptBucket sets what a bucket's objects are encrypted with.
func (d *deployer) encryptBucket(_ context.Context, p *properties) error {
	for _, rule := range p.group("BucketEncryption").groups("ServerSideEncryptionConfiguration") {
		by := rule.group("ServerSideEncryptionByDefault")
		algorithm, key := by.text("SSEAlgorithm"), by.text("KMSMasterKeyID")
		if err := d.world.EncryptBucket(strings.ToLower(d.name(p.text("BucketName"), 63)), algorithm, key); err != nil {
			return err
		}
	}
	return nil
}

func (d *deployer) removeBucket(_ context.Context, p *part) error {
	return d.world.DeleteBucket(p.made.ref)
}

func (d *deployer) createBucketPolicy(_ context.Context, p *properties) (made, error) {
	bucket, policy := p.required("Bucket"), p.document("PolicyDocument")
	if err := p.end(); err != nil {
		return made{}, err
	}
	return made{ref: bucket}, d.world.SetBucketPolicy(bucket, policy)
}

func (d *deployer) removeBucketPolicy(_ context.Context, p *part) error {
	return d.world.SetBucketPolicy(p.made.ref, "")
}

func (d *deployer) createParameter(ctx context.Context, p *properties) (made, error) {
	name, value, kind := d.name(p.text("Name"), 1011), p.required("Value"), p.required("Type")
	description := p.text("Description")
	if err := p.end(); err != nil {
		return made{}, err
	}
	in := map[string]any{"Name": name, "Value": value, "Type": kind, "Description": description}
	if err := d.do(ctx, "ssm", "PutParameter", in, nil); err != nil {
		return made{}, fmt.Errorf("create parameter %s: %w", name, err)
	}
	return made{ref: name, attributes: map[string]string{"Type": kind, "Value": value}}, nil
}
