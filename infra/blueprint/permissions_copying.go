package blueprint

import (
	"slices"

	"snapferry/internal/policy"
	"snapferry/internal/snapshot"
)

// copying lets the copy function make copies, with their mark, of what listed
// accounts share. EC2 authorises the new snapshot, its tags and the source, each
// for itself, and Amazon's documents leave open with what ARNs and condition
// keys, above all when a copy crosses Regions and accounts at the same time:
// nobody has recorded such a request. So each statement holds in every reading,
// and its comment names them; internal/sim has them as Readings, and
// internal/proof tries them.
//
// A snapshot that is yet to be made is asked for as the literal "snapshot/*",
// with an empty account (recorded; the example in the EBS user guide, "Example
// IAM policies", matches it with snapshot/${*}, IAM's escape for a star). The
// statements about it match nothing that exists.
func (d deployment) copying() []Statement {
	encrypted, others := d.encrypting(), []string(nil)
	for _, region := range d.copiesPass() {
		if !slices.Contains(encrypted, region) {
			others = append(others, region)
		}
	}
	owners := d.owners()
	sources := d.snapshots(madeAlready, d.copiesPass()...)
	if len(owners) == 0 {
		sources = nil
	}
	return allow(
		Statement{
			Sid:       "MakeCopies",
			Actions:   []string{"ec2:CopySnapshot"},
			Resources: d.snapshots(yetToBe, others...),
			// Readings: EC2 tells whose the new snapshot will be by ec2:Owner, by
			// aws:ResourceAccount, by both, or not at all; what it tells has to be
			// the target account. It asks in the destination's Region or, for the
			// presigned request that a copy from another Region carries, in the
			// source's too: so the role can also copy within a source Region.
			Conditions: where(d.ownToBe(), d.marked()),
		},
		Statement{
			Sid:       "MakeEncryptedCopies",
			Actions:   []string{"ec2:CopySnapshot"},
			Resources: d.snapshots(yetToBe, encrypted...),
			// The same, where every rule encrypts. Readings: ec2:Encrypted is what the
			// request asks for, what the copy will be, or not there, be it always or
			// where the request says nothing. The function asks for encryption, so
			// that it is true wherever it is there. In the last reading IAM can't
			// tell: the copy of a request that says nothing passes.
			Conditions: where(d.ownToBe(), d.marked(), Conditions{"BoolIfExists": {"ec2:Encrypted": {"true"}}}),
		},
		Statement{
			Sid:     "FromListedOwners",
			Actions: []string{"ec2:CopySnapshot"},
			// Readings: the source's ARN has its own Region, or the copy's, or EC2
			// asks for both.
			Resources:  sources,
			Conditions: equals("ec2:Owner", owners...),
		},
		Statement{
			Sid:       "FromListedAccounts",
			Actions:   []string{"ec2:CopySnapshot"},
			Resources: sources,
			// Reading: only aws:ResourceAccount tells whose the source is. Where
			// ec2:Owner is there, the statement before this one decides alone.
			Conditions: where(equals("aws:ResourceAccount", owners...), missing("ec2:Owner")),
		},
		Statement{
			Sid:       "MarkCopies",
			Actions:   []string{"ec2:CreateTags"},
			Resources: d.snapshots(yetToBe, d.copiesPass()...),
			// Readings as with MakeCopies. Which tags, MakeCopies says: EC2 asks for
			// this in a CopySnapshot only, and for both.
			Conditions: where(d.ownToBe(), equals("ec2:CreateAction", "CopySnapshot")),
		},
	)
}

// copiesPass are the Regions in which EC2 may ask for a copy, or its source: where
// enabled policies copy to, and where they copy from.
func (d deployment) copiesPass() []string {
	if len(d.active) == 0 {
		return nil
	}
	return set(d.SourceRegions, d.active)
}

// encrypting are those of copiesPass in which every copy that EC2 may ask for is
// an encrypted one. In a source Region it may ask for copies to anywhere.
func (d deployment) encrypting() []string {
	plain := map[string]bool{}
	for _, p := range d.enabled {
		for _, rule := range p.Rules {
			if !rule.Encrypted {
				plain[rule.Region] = true
			}
		}
	}
	return slices.DeleteFunc(d.copiesPass(), func(region string) bool {
		return plain[region] || len(plain) > 0 && slices.Contains(d.SourceRegions, region)
	})
}

// marked asks for the mark in the request: without it a copy would neither be
// known nor expire.
func (d deployment) marked() Conditions {
	return where(
		equals("aws:RequestTag/"+snapshot.TagPolicy, d.policyNames()...),
		present("aws:RequestTag/"+snapshot.TagOrder),
		present("aws:RequestTag/"+snapshot.TagExpires))
}

// maxNamedKeys is how many keys of the account noOtherKeys names, so that it fits
// into a policy.
const maxNamedKeys = 50

// noOtherKeys keeps the policy of some other key of the account, if it lets
// anybody in the account use it, from letting the copy function encrypt under it:
// without a grant to EBS no copy is made. Other accounts' keys need no such
// denial, since across accounts the role's own permissions have to allow them.
//
// Where a rule names no key EBS takes the account's default key, which may be
// aws/ebs, whose ARN nobody here knows: there all keys of the account are left
// out.
//
// It denies kms:CreateGrant and nothing else: Lambda decrypts the function's
// environment in the name of its role, under aws/lambda and by a grant, so that
// a denial of kms:Decrypt would keep the function from starting.
func (d deployment) noOtherKeys() []Statement {
	keyless := d.keyless()
	regions, keys := slices.Clone(keyless), []string(nil)
	for _, key := range d.keys() {
		if region := keyRegion(key); policy.KeyAccount(key) == d.Account && !slices.Contains(keyless, region) {
			regions, keys = append(regions, region), append(keys, key)
		}
	}
	all := func(regions []string) (arns []string) {
		for _, region := range regions {
			arns = append(arns, d.arn("kms", region, "key/*"))
		}
		return arns
	}
	if len(keys) > maxNamedKeys {
		keyless, keys = set(regions), nil
	}
	s := Statement{
		Sid:          "NoOtherKeys",
		Deny:         true,
		Actions:      []string{"kms:CreateGrant"},
		NotResources: append(all(keyless), keys...),
		Conditions:   d.own(),
	}
	switch {
	case len(d.enabled) == 0:
		return nil
	case len(s.NotResources) == 0:
		s.Resources = all([]string{"*"})
	}
	return []Statement{s}
}
