package blueprint

// thisKey is the resource of a statement in a key's own policy.
var thisKey = []string{"*"}

const whyThisKey = `In a key's own policy "*" is that key.`

// administration lets IAM policies of the account give permissions for a key.
// Without it a key whose policy has a mistake could not be fixed.
func (d deployment) administration() Statement {
	return Statement{
		Sid:        "AccountAdministers",
		Principals: map[string][]string{"AWS": {"arn:" + d.partition + ":iam::" + d.Account + ":root"}},
		Actions:    []string{"kms:*"},
		Resources:  thisKey,
		Reason:     whyThisKey,
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
