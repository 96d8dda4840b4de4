package sim

import (
	"strconv"

	"snapferry/internal/sim/iam"
)

// Readings say how the simulated AWS decides where Amazon's documents disagree
// or are silent. The zero value is what was recorded of Amazon or, where nothing
// was, what the documents say most plainly. A policy that is to work at Amazon has
// to pass in all of them, one at a time and together.
type Readings struct {
	// PresignedCopy has a copy from another Region authorised in the source's
	// Region too, because the request carries a presigned one for that Region
	// (EC2 API reference, CopySnapshot, PresignedUrl): the new snapshot, and the
	// tags that it is made with. Recorded copies across Regions stay within one
	// account, and those across accounts within one Region; what Amazon asks of a
	// copy that crosses both is known of none.
	PresignedCopy bool
	// SourceARN is the Region in the ARN of a copy's source. The service
	// authorization reference shows the form arn:…:ec2:${Region}::snapshot/… and
	// does not say which Region is meant.
	SourceARN SourceARN
	// NewOwner has ec2:Owner on a snapshot that is yet to be made, with the
	// caller's account. The reference lists the key for CopySnapshot's snapshots
	// without telling the two apart; a recorded refusal has none on the new one.
	NewOwner bool
	// NoNewAccount leaves aws:ResourceAccount out on a snapshot that is yet to be
	// made. The IAM user guide names actions of EC2 that do not have the key, and
	// a recorded refusal of CopySnapshot has it.
	NoNewAccount bool
	// SourceOwner is which key tells whose the source of a copy is. Recorded copies
	// have both; the same guide doubts aws:ResourceAccount.
	SourceOwner SourceOwner
	// NewEncrypted is what ec2:Encrypted is on a snapshot that is yet to be made
	// by CopySnapshot. The EBS guide's examples have the key and do not say what
	// it is when the request leaves Encrypted out.
	NewEncrypted NewEncrypted
	// ClosedQueues has EventBridge deliver to no queue under SQS's own encryption,
	// neither as a target nor as a dead-letter queue. The EventBridge guide says
	// so of "an AWS owned key"; the template of karpenter's getting-started guide
	// (aws/karpenter-provider-aws) has rules with such a queue, SqsManagedSseEnabled,
	// as their target.
	ClosedQueues bool
	// NoKeySource has EventBridge ask a queue's KMS key without aws:SourceArn and
	// aws:SourceAccount. The SQS guide, "Key management", has them in such a key's
	// policy; the SNS guide says that EventBridge supports neither for encrypted
	// topics.
	NoKeySource bool
}

// SourceARN is a reading of the ARN of a copy's source in another Region.
type SourceARN int

// The Regions that the ARN of a source may have.
const (
	SourceARNBoth        SourceARN = iota // both ARNs have to be allowed
	SourceARNSource                       // the source's own
	SourceARNDestination                  // that of the copy
)

// SourceOwner is a reading of the keys that tell whose the source of a copy is.
type SourceOwner int

// The keys that may tell it.
const (
	SourceOwnerBoth    SourceOwner = iota
	SourceOwnerOwner               // only ec2:Owner
	SourceOwnerAccount             // only aws:ResourceAccount
)

// NewEncrypted is a reading of ec2:Encrypted on the snapshot that CopySnapshot is
// to make.
type NewEncrypted int

// What the key may be.
const (
	NewEncryptedIfAsked NewEncrypted = iota // as the request says; absent if it says nothing
	NewEncryptedAsked                       // as the request says; false if it says nothing
	NewEncryptedResult                      // as the copy will come out
	NewEncryptedAbsent                      // always absent
)

// askNewCopy is about the copy that CopySnapshot is to make, as the Region given
// is asked for it: the destination or, for a presigned request, the source's.
func (c *ec2Call) askNewCopy(action, region string, tags map[string]string) *ask {
	read := c.ec2.w.options.Readings
	a := c.askNew(action, "snapshot", tags)
	a.resource, a.region = snapshotARN(region, "*"), region
	a.keys.Set("ec2:Region", region)
	if read.NewOwner {
		a.keys.Set("ec2:Owner", c.account)
	}
	a.noAccount = read.NoNewAccount
	return a
}

// askCopy is about the copy and the tags that it is made with.
func (c *ec2Call) askCopy(region string, tags map[string]string) []*ask {
	made := c.askNewCopy("ec2:CopySnapshot", region, tags)
	c.setNewEncrypted(made)
	if len(tags) == 0 {
		return []*ask{made}
	}
	tagged := c.askNewCopy("ec2:CreateTags", region, tags)
	tagged.keys.Set("ec2:CreateAction", c.action)
	return []*ask{made, tagged}
}

// askSource is about the source of a copy.
func (c *ec2Call) askSource(arnRegion, region, id string) *ask {
	a := c.askSnapshot("ec2:CopySnapshot", snapshotARN(arnRegion, id), region, id)
	switch c.ec2.w.options.Readings.SourceOwner {
	case SourceOwnerOwner:
		a.noAccount = true
	case SourceOwnerAccount:
		a.keys.Set("ec2:Owner")
	}
	return a
}

// setNewEncrypted sets ec2:Encrypted on a copy that is yet to be made.
func (c *ec2Call) setNewEncrypted(a *ask) {
	asked, _ := c.flag("Encrypted")
	set := func(encrypted bool) { a.keys.Set("ec2:Encrypted", strconv.FormatBool(encrypted)) }
	switch c.ec2.w.options.Readings.NewEncrypted {
	case NewEncryptedIfAsked:
		c.setEncrypted(a)
	case NewEncryptedAsked:
		set(asked)
	case NewEncryptedResult:
		source := c.ec2.sourceOf(&copyJob{source: c.get("SourceSnapshotId"), sourceRegion: c.get("SourceRegion")})
		set(asked || c.ec2.settingsOf(place{c.account, c.region}).encrypt || source != nil && source.now.encrypted)
	case NewEncryptedAbsent:
	}
}

// keySource is what EventBridge tells a queue's KMS key about the rule that it
// delivers for.
func (w *World) keySource(from ruleSource) iam.Keys {
	if w.options.Readings.NoKeySource {
		return nil
	}
	return from.keys()
}
