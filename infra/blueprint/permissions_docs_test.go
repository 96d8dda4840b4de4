package blueprint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"snapferry/internal/policy"
)

// whys say in docs/permissions.md what each statement is for.
var whys = map[string]string{
	"Look":                     "see sources and copies",
	"DefaultKey":               "ask which key a rule without `CmkArn` means",
	"MakeCopies":               "make copies, each with its mark in the same call; in source Regions too, since EC2 may ask there for a copy that leaves them",
	"MakeEncryptedCopies":      "the same, where every rule encrypts: a copy that EC2 says is not encrypted is refused",
	"FromListedOwners":         "copy from listed accounts only: EC2 authorises the source too",
	"FromListedAccounts":       "the same, should EC2 tell only by `aws:ResourceAccount` whose the source is",
	"MarkCopies":               "set tags while copying, and at no other time",
	"TellOnce":                 "note on a copy that its end was told; no other tag, and only on a marked copy",
	"TakeEvents":               "Lambda polls under the function's role",
	"WorkOnOrders":             "wait for slots with orders, and hand them back",
	"BuryOrders":               "put away what EC2 has refused for a day",
	"TellOutcomes":             "publish outcomes, and no events of others",
	"GrantToEBS":               "let EBS go on copying after the call, with a grant that only AWS services get",
	"UseKeys":                  "read the source under its key and encrypt the copy under its own",
	"NoOtherKeys":              "no grant for another key of the account, whatever that key's policy says; in Regions where a rule names no key, EBS's default key is not known here, and any of the account's keys would do",
	"Log":                      "write its log",
	"Trace":                    "send traces, if `tracing` is on",
	"Order":                    "order what events missed, after counting what waits",
	"Wake":                     "have `copy` look into a Region's orders",
	"UseQueueKey":              "with `encryptionKeys`: the queues are encrypted under this key",
	"DeleteMarkedCopies":       "delete marked copies without a hold: EC2 itself refuses all others",
	"Invoke":                   "run the two functions",
	"Undelivered":              "keep what could not be delivered",
	"Forward":                  "send a Region's events to the home bus",
	"OfTaggedVolumes":          "snapshot volumes with the tag",
	"MakeSnapshots":            "EC2 authorises the new snapshot too",
	"TagSnapshots":             "DLM tags what it makes, and copies the volume's tags",
	"Share":                    "share with the target account, and nobody else",
	"Unshare":                  "end that, after `unshareDays`",
	"DeleteItsOwn":             "delete what DLM made, which has DLM's own tag",
	"AccountAdministers":       "let the account's IAM policies give permissions for the key; without it a mistake in this policy could not be fixed",
	"SnapferryEventsArrive":    "EventBridge delivers to queues under the key",
	"SnapferryAlarmsArrive":    "CloudWatch publishes to topics under the key",
	"SnapferryLogsAreWritten":  "CloudWatch Logs encrypts the functions' logs",
	"SnapferryQueuesAreUsed":   "the roles send and receive; needless where the key's policy leaves it to the account's IAM policies",
	"Deliver":                  "what these rules send, or could not deliver",
	"Alarm":                    "alarms of this account",
	"SnapferryLifecycleUses":   "snapshot volumes under the key",
	"SnapferryLifecycleGrants": "let EBS do it in DLM's name",
	"SnapferryCopyUses":        "copy snapshots under the key, for the role `snapferry-copy` only",
	"SnapferryCopyGrants":      "let EBS go on copying in that role's name",
}

// TestPermissionsDoc: docs/permissions.md is the guide's example as it is
// deployed.
func TestPermissionsDoc(t *testing.T) {
	b := guide(t, nil)
	doc := permissionsDoc{t: t, used: map[string]bool{}}
	doc.line(`# Permissions

Who may do what, for the example in the repository: target account 222222222222, source account 111111111111, shares in
us-east-1, copies in sa-east-1 and eu-west-2. The test that compares this page with the code also writes it:
` + "`go test ./infra/blueprint -run TestPermissionsDoc -update`" + `. To see yours, read the templates that ` + "`make synth`" + ` writes.

All conditions of a row must hold. In the target account no role may share,
restore, lock or archive a snapshot, change a key, or read the data in a snapshot. Where the resource is ` + "`*`" + `, Amazon offers
nothing narrower, or narrower would be wrong; the reason stands there.

Copying neither lists nor revokes grants and encrypts nothing itself, so that ` + "`kms:ListGrants`, `kms:RevokeGrant`" + ` and
` + "`kms:Encrypt`" + `, which DLM's guide gives, are not here. A target Region's default key ` + "`aws/ebs`" + ` needs no permission; a customer
managed one goes into ` + "`defaultKeys`" + ` ([settings](settings.md)).`)
	doc.line(aboutCopies)

	doc.line("\n## Target account")
	for _, f := range b.Home.Functions {
		doc.role(f.Role, "the Lambda function of this name")
	}
	doc.role(b.Home.Scheduler, "EventBridge Scheduler")
	doc.role(*b.Forwarders[0].Rules[0].Role, "the EventBridge rule; each rule that forwards has a role of its own")

	doc.line("\n## Source account")
	for _, s := range b.Sources {
		doc.role(s.Lifecycle, "the DLM snapshot policy")
	}

	doc.line("\n## Keys")
	encrypted := guide(t, ownEncryption)
	doc.policy("A key for queues, topics and logs", "What you add to the policy of each key in `encryptionKeys` ([how](deploy.md#your-own-keys-for-queues-topics-and-logs)); here of the home Region's. Those of other Regions need the first two.", encrypted.EncryptionKeys[2].Statements)
	own := guide(t, func(s *Settings) { s.OwnKeys = []string{"eu-west-2"} })
	doc.policy("A key of snapferry's own", "One for each Region in `ownKeys`. That the function `copy` may use it follows from the rules that name it.", own.Keys[0].Policy.Statements)
	doc.policy("A source key", "What its owner adds to the policy that the key has ([how](deploy.md#5-the-source-account)).", b.Sources[0].KeyStatements)

	doc.line("\n## Queues and topics\nEach also refuses whatever does not come over TLS (`aws:SecureTransport` is `false`).")
	for _, q := range b.Home.Queues {
		if len(q.Policy) > 0 {
			doc.policy("The queue "+q.Name, "", q.Policy)
		}
	}
	doc.policy("The queue "+b.Forwarders[0].Undelivered.Name+" in "+b.Forwarders[0].Region, "The other Regions' are alike.", b.Forwarders[0].Undelivered.Policy)
	doc.policy("The topic "+b.Home.Topic.Name, "The forwarders' are alike.", b.Home.Topic.Policy)

	worlds(t, func(_ *testing.T, _ Settings, _ []policy.Policy, b Blueprint) {
		for _, role := range roles(b) {
			for _, s := range role.Statements {
				doc.used[stem(s.Sid)] = true
			}
		}
	})
	for _, sid := range names(whys) {
		if !doc.used[sid] {
			t.Errorf("whys has %s, which is no statement's Sid", sid)
		}
	}
	compare(t, "../../docs/permissions.md", doc.text.String())
}

// permissionsDoc writes statements as tables.
type permissionsDoc struct {
	t    *testing.T
	text strings.Builder
	used map[string]bool
}

func (d *permissionsDoc) line(text string) { d.text.WriteString(text + "\n") }

func (d *permissionsDoc) role(r Role, who string) {
	d.line("\n### " + r.Name)
	var principals []string
	for _, s := range r.Trust {
		for _, names := range s.Principals {
			principals = append(principals, names...)
		}
	}
	trust := "For " + who + ". Trusts `" + strings.Join(principals, "`, `") + "`"
	if conditions := written(r.Trust[0].Conditions); len(conditions) > 0 {
		trust += " where " + strings.Join(conditions, " and ")
	}
	d.line(trust + ".\n")
	d.table(r.Statements, false)
}

func (d *permissionsDoc) policy(title, text string, statements []Statement) {
	d.line("\n### " + title)
	if text != "" {
		d.line(text + "\n")
	}
	d.table(statements, true)
}

func (d *permissionsDoc) table(statements []Statement, principals bool) {
	columns := []string{"actions", "resources", "where", "why"}
	if principals {
		columns[1] = "who"
	}
	d.line("| " + strings.Join(columns, " | ") + " |\n|---|---|---|---|")
	for _, s := range statements {
		d.used[stem(s.Sid)] = true
		why := whys[stem(s.Sid)]
		if why == "" {
			d.t.Errorf("whys has nothing for %s", s.Sid)
		}
		about, action := quoted(s.Resources), quoted(s.Actions)
		if len(s.NotResources) > 0 {
			about = append([]string{"all but"}, quoted(s.NotResources)...)
		}
		if s.Deny {
			action[0] = "**denied**: " + action[0]
		}
		if principals {
			about = nil
			for _, kind := range slices.Sorted(maps.Keys(s.Principals)) {
				about = append(about, quoted(s.Principals[kind])...)
			}
		} else if s.Reason != "" {
			why += ". " + s.Reason
		}
		d.line(fmt.Sprintf("| %s | %s | %s | %s |", cell(action), cell(about), cell(written(s.Conditions)), strings.TrimSuffix(why, ".")))
	}
}

// stem is a Sid without its number.
func stem(sid string) string { return strings.TrimRight(sid, "0123456789") }

func cell(parts []string) string { return strings.Join(parts, "<br>") }

func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = "`" + s + "`"
	}
	return out
}

// written are conditions as people read them.
func written(c Conditions) []string {
	var out []string
	for _, operator := range slices.Sorted(maps.Keys(c)) {
		for _, key := range slices.Sorted(maps.Keys(c[operator])) {
			values := c[operator][key]
			alternatives := strings.Join(quoted(values), " or ")
			switch name := "`" + key + "`"; operator {
			case "Null":
				out = append(out, name+map[string]string{"true": " is not there", "false": " is there"}[values[0]])
			case "ForAllValues:StringEquals":
				out = append(out, name+" are only "+alternatives)
			case "ArnLike":
				out = append(out, name+" is like "+alternatives)
			case "StringEqualsIfExists", "BoolIfExists":
				out = append(out, name+" is "+alternatives+" or not there")
			default: // StringEquals, ArnEquals, Bool
				out = append(out, name+" is "+alternatives)
			}
		}
	}
	return out
}
