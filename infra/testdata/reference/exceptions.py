"""What the reference has against the statements, and why it is meant so: each a
pattern that the end of a finding matches, and a reason.
"""

EXCEPTIONS = [
    (r"LifecycleRole Look: ec2:DescribeSnapshotAttribute: \* though it takes snapshot",
     "as in Amazon's own AWSDataLifecycleManagerServiceRole: DLM reads whom a snapshot is shared with, and changes nothing by it"),
]
