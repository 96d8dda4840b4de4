package blueprint

import "snapferry/internal/snapshot"

// expirePermissions let the expire function delete copies in every Region, also
// in those that no policy names any more. EC2 itself refuses what has no mark,
// and what a person has put a hold on.
func (d deployment) expirePermissions() []Statement {
	return []Statement{
		{
			Sid:       "Look",
			Actions:   []string{"ec2:DescribeRegions", "ec2:DescribeSnapshots", "ec2:DescribeLockedSnapshots", "ec2:DescribeImages"},
			Resources: []string{"*"},
			Reason:    "EC2 describes all or nothing: its Describe actions take no resource. Copies are looked for in every Region, so that none is named.",
		},
		{
			Sid:       "DeleteMarkedCopies",
			Actions:   []string{"ec2:DeleteSnapshot"},
			Resources: d.snapshots(madeAlready, "*"),
			Conditions: where(d.own(),
				present("aws:ResourceTag/"+snapshot.TagOrder),
				present("aws:ResourceTag/"+snapshot.TagExpires),
				missing("aws:ResourceTag/"+snapshot.TagHold)),
		},
		d.publish(),
	}
}
