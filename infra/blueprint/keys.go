package blueprint

// thisKey is the resource of a statement in a key's own policy.
var thisKey = []string{"*"}

const whyThisKey = `In a key's own policy "*" is that key.`

// administration lets IAM policies of the account give permissions for a key.
// Without it a key whose policy has a mistake could be mended by nobody.
func (d deployment) administration() Statement {
	return Statement{
		Sid:        "AccountAdministers",
		Principals: map[string][]string{"AWS": {"arn:" + d.partition + ":iam::" + d.Account + ":root"}},
		Actions:    []string{"kms:*"},
		Resources:  thisKey,
		Reason:     whyThisKey,
	}
}

// transportKey is the key for what services deliver to. SNS needs no statement:
// it uses the key in the name of whoever publishes.
func (d deployment) transportKey(region string) KeyPolicy {
	deliver := func(sid, principal string) Statement {
		return Statement{
			Sid:        sid,
			Principals: service(principal),
			Actions:    []string{"kms:GenerateDataKey*", "kms:Decrypt"},
			Resources:  thisKey,
			Conditions: equals("aws:SourceAccount", d.Account),
			Reason:     whyThisKey,
		}
	}
	return KeyPolicy{
		Description: "snapferry: events and alarms in " + region,
		Statements: []Statement{
			d.administration(),
			deliver("EventsArrive", "events.amazonaws.com"),
			deliver("AlarmsArrive", "cloudwatch.amazonaws.com"),
		},
	}
}

// ownKeys are snapferry's own keys for copies. Who may use them is for IAM: the
// copy function's role may, once a rule names the key.
func (d deployment) ownKeys() []Key {
	keys := make([]Key, len(d.OwnKeys))
	for i, region := range d.OwnKeys {
		keys[i] = Key{
			Region: region,
			Alias:  "alias/" + d.app,
			Policy: KeyPolicy{Description: "snapferry: copies in " + region, Statements: []Statement{d.administration()}},
		}
	}
	return keys
}
