package blueprint

import "strings"

// aboutCopies is what docs/permissions.md says of the statements about copying;
// internal/proof holds it.
var aboutCopies = strings.ReplaceAll(`
## What IAM enforces of a copy
EC2 authorises a copy, its tags and its source one by one. Amazon's documents leave open with what ARNs and condition keys,
and nobody has recorded a copy that crosses Regions and accounts at the same time. The statements of ~snapferry-copy~ hold
in every reading; tests deploy them in a simulated AWS for each reading and for all of them together
([how](simulated-aws.md)). ~snapshot/${*}~ is IAM's escape for a literal star: it matches a snapshot that is yet to be made,
and none that exists.

| | enforced by IAM, in every reading |
|---|---|
| from whom | only snapshots of accounts that enabled policies list; never the target account's own, nor another account's |
| with what mark | the tags ~snapferry:policy~ (an enabled policy's name), ~snapferry:order~ and ~snapferry:expires~ are in the request |
| to where | Regions of enabled policies, and ~sourceRegions~ |
| tags on what exists | ~snapferry:settled~ = ~told~ on a marked copy in a policy's Region, and nothing else |
| under which key | other accounts' keys: only those that rules, ~defaultKeys~ and ~sources~ name, through EC2. The account's own: only those that rules name in the Region; where a rule of the Region names none, any key whose policy lets the role use it, as EBS's default key is not known when the permissions are made |

| not enforced by IAM | why |
|---|---|
| that a copy is encrypted | ~ec2:Encrypted~ is asked for where every rule of the Region encrypts (in a source Region: where every rule of all does). Should EC2 say nothing when the request says nothing, IAM can't tell. Elsewhere copies without encryption are meant to be made |
| that it is encrypted under its rule's key, and not another rule's of the Region | EC2 has no condition key for the key of a copy |
| which policy's accounts go to which policy's Regions | the statements are about all enabled policies together |
| that copies into a source Region are not made | EC2 may ask in the source's Region for a copy that leaves it, and the two can't be told apart. Such a copy has a mark and expires |
| from which Region a listed account's snapshot comes | it is enforced (~sourceRegions~ and the policies' Regions), unless EC2 asks for the source under the copy's Region |

All of that the function decides by policy; what it decided is in its log and in the outcomes. Nothing compares the finished copy's
encryption and key with its rule yet.`, "~", "`")
