package blueprint

import (
	"fmt"
	"slices"
	"time"
)

// What CloudFormation fills in where a stack is for any account and Region.
const (
	anyAccount = "${AWS::AccountId}"
	anyRegion  = "${AWS::Region}"
)

// sources are what the source accounts need, each in each of its Regions.
func (d deployment) sources() []Source {
	if d.Organization.ID != "" {
		return nil
	}
	var sources []Source
	for _, account := range d.Sources {
		for _, region := range account.Regions {
			encrypted := slices.ContainsFunc(account.Keys, func(key string) bool { return keyRegion(key) == region })
			sources = append(sources, d.source(account.Account, region, encrypted))
		}
	}
	return sources
}

// stackSet is that for an organisation, if there is one. It makes the same in
// each of the source Regions.
func (d deployment) stackSet() *StackSet {
	if d.Organization.ID == "" {
		return nil
	}
	return &StackSet{
		Name:    d.app + "-source",
		Units:   d.Organization.Units,
		Regions: d.SourceRegions,
		CallAs:  d.Organization.CallAs, MaxConcurrent: d.Organization.MaxConcurrent,
		FailureTolerance: d.Organization.FailureTolerance, RegionConcurrency: d.Organization.RegionConcurrency,
		Source: d.source(anyAccount, anyRegion, true),
	}
}

func (d deployment) source(account, region string, encrypted bool) Source {
	s := Source{
		Account: account,
		Region:  region,
		Policy: SourcePolicy{
			Description: "Snapshots that are shared with " + d.Account + " to be copied",
			TargetTags:  d.Snapshots.Tags,
			Name:        Application,
			EveryHours:  int(d.Snapshots.Every / time.Hour),
			At:          d.Snapshots.At,
			Keep:        d.Snapshots.Keep,
			ShareWith:   []string{d.Account},
			UnshareDays: d.Snapshots.UnshareDays,
			CopyTags:    true,
		},
		Lifecycle: d.lifecycle(account, region),
	}
	if encrypted {
		s.KeyStatements = d.keyStatements(account, region)
	}
	return s
}

func (d deployment) lifecycleName(region string) string { return d.app + "-lifecycle-" + region }

// lifecycle is the role that DLM takes on to create, share and delete snapshots.
// Encrypted volumes need nothing more here: their key's own policy names the
// role, which is enough within one account.
func (d deployment) lifecycle(account, region string) Role {
	in := func(resource string) string {
		return fmt.Sprintf("arn:%s:ec2:%s:%s", d.partition, region, resource)
	}
	snapshots, existing := []string{in(":snapshot/*")}, []string{in(":snapshot/snap-*")}
	statements := []Statement{{
		Sid:        "Look",
		Actions:    []string{"ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeSnapshotAttribute"},
		Resources:  []string{"*"},
		Conditions: equals("aws:RequestedRegion", region),
		Reason:     "EC2 describes all or nothing: its Describe actions take no resource.",
	}}
	// A volume is meant that has any one of the tags.
	for i, key := range sorted(d.Snapshots.Tags) {
		statements = append(statements, Statement{
			Sid:        numbered("OfTaggedVolumes", i),
			Actions:    []string{"ec2:CreateSnapshot"},
			Resources:  []string{in(account + ":volume/*")},
			Conditions: equals("aws:ResourceTag/"+key, d.Snapshots.Tags[key]),
		})
	}
	return Role{
		Name: d.lifecycleName(region), Path: d.IAMPath, Boundary: d.boundaryIn(account),
		Trust: runBy("dlm.amazonaws.com", account, fmt.Sprintf("arn:%s:dlm:%s:%s:policy/*", d.partition, region, account)),
		Statements: append(statements,
			Statement{
				Sid:       "MakeSnapshots",
				Actions:   []string{"ec2:CreateSnapshot"},
				Resources: snapshots,
			},
			// Whether DLM tags in the call that creates or after it is documented
			// nowhere.
			Statement{
				Sid:       "TagSnapshots",
				Actions:   []string{"ec2:CreateTags"},
				Resources: snapshots,
			},
			Statement{
				Sid:        "Share",
				Actions:    []string{"ec2:ModifySnapshotAttribute"},
				Resources:  existing,
				Conditions: d.nobodyElse("ec2:Add"),
			},
			Statement{
				Sid:        "Unshare",
				Actions:    []string{"ec2:ModifySnapshotAttribute"},
				Resources:  existing,
				Conditions: d.nobodyElse("ec2:Remove"),
			},
			Statement{
				Sid:       "DeleteItsOwn",
				Actions:   []string{"ec2:DeleteSnapshot"},
				Resources: existing,
				// DLM sets the tag on all that it makes, and nobody else can.
				Conditions: present("aws:ResourceTag/aws:dlm:lifecycle-policy-id"),
			},
		),
	}
}

// copier asks that the target account's copy function be who calls. It is a
// condition, because a policy that names the role itself is refused until the
// role exists, and dead once it has been made anew.
func (d deployment) copier() Conditions {
	return Conditions{"ArnEquals": {"aws:PrincipalArn": {d.role(copyFunction)}}}
}

func (d deployment) role(function string) string {
	return d.roleARN(d.Account, d.full(function))
}

func (d deployment) target() map[string][]string {
	return map[string][]string{"AWS": {fmt.Sprintf("arn:%s:iam::%s:root", d.partition, d.Account)}}
}

// keyStatements are what the policy of a source key needs besides: DLM's role to
// snapshot volumes that are encrypted under it, and the copy function to copy
// the snapshots. From which Region EC2 asks for the key of a snapshot that goes
// to another one is documented nowhere, so that kms:ViaService is not asked for
// here; the copy function's own permissions have it.
func (d deployment) keyStatements(account, region string) []Statement {
	dlm := map[string][]string{"AWS": {d.roleARN(account, d.lifecycleName(region))}}
	forAWS := Conditions{"Bool": {"kms:GrantIsForAWSResource": {"true"}}}
	statement := func(sid string, who map[string][]string, actions []string, conditions Conditions) Statement {
		return Statement{Sid: sid, Principals: who, Actions: actions, Resources: thisKey, Conditions: conditions, Reason: whyThisKey}
	}
	grant := []string{"kms:CreateGrant"}
	return []Statement{
		statement("SnapferryLifecycleUses", dlm, useKey(), nil),
		statement("SnapferryLifecycleGrants", dlm, grant, forAWS),
		statement("SnapferryCopyUses", d.target(), useKey(), d.copier()),
		statement("SnapferryCopyGrants", d.target(), grant, where(d.copier(), forAWS)),
	}
}

// nobodyElse asks that a share, or its end, be about the target account alone: a
// call may name several accounts, and all of them.
func (d deployment) nobodyElse(change string) Conditions {
	return where(present(change+"/userId"), missing(change+"/group"),
		Conditions{"ForAllValues:StringEquals": {change + "/userId": {d.Account}}})
}
