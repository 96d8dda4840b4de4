package sim

import (
	"slices"
	"time"

	"snapferry/internal/sim/iam"
)

const (
	minDeletionDays = 7
	maxDeletionDays = 30
)

// keyMetadata is a key as DescribeKey shows it.
type keyMetadata struct {
	AWSAccountID string   `json:"AWSAccountId"`
	KeyID        string   `json:"KeyId"`
	Arn          string   `json:"Arn"`
	CreationDate float64  `json:"CreationDate"`
	Enabled      bool     `json:"Enabled"`
	Description  string   `json:"Description"`
	KeyUsage     string   `json:"KeyUsage"`
	KeyState     string   `json:"KeyState"`
	DeletionDate *float64 `json:"DeletionDate,omitempty"`
	Origin       string   `json:"Origin"`
	KeyManager   string   `json:"KeyManager"`
	MasterSpec   string   `json:"CustomerMasterKeySpec"`
	KeySpec      string   `json:"KeySpec"`
	Algorithms   []string `json:"EncryptionAlgorithms"`
	MultiRegion  bool     `json:"MultiRegion"`
}

// kmsTime is a time as KMS writes it.
func kmsTime(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (key *kmsKey) metadata() any {
	m := keyMetadata{
		AWSAccountID: key.account, KeyID: key.id, Arn: key.arn, CreationDate: kmsTime(key.created),
		Enabled: key.state == keyEnabled, Description: key.description, KeyUsage: "ENCRYPT_DECRYPT",
		KeyState: key.state, Origin: "AWS_KMS", KeyManager: "CUSTOMER",
		MasterSpec: "SYMMETRIC_DEFAULT", KeySpec: "SYMMETRIC_DEFAULT", Algorithms: []string{"SYMMETRIC_DEFAULT"},
	}
	if key.managed {
		m.KeyManager = "AWS"
	}
	if key.state == keyDoomed {
		deletion := kmsTime(key.deletion)
		m.DeletionDate = &deletion
	}
	return map[string]keyMetadata{"KeyMetadata": m}
}

func (k *kms) createKey(c *kmsCall) (any, *apiError) {
	var in struct {
		Policy, Description            string
		KeyUsage, KeySpec              string
		CustomerMasterKeySpec          string
		BypassPolicyLockoutSafetyCheck bool
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	spec := in.KeySpec + in.CustomerMasterKeySpec
	if in.KeyUsage != "" && in.KeyUsage != "ENCRYPT_DECRYPT" || spec != "" && spec != "SYMMETRIC_DEFAULT" {
		return nil, badRequest("UnsupportedOperationException", "the simulated KMS has symmetric encryption keys only")
	}
	if problem := k.authorize(c, "*"); problem != nil {
		return nil, problem
	}
	if in.Policy == "" {
		in.Policy = defaultKeyPolicy(c.account)
	}
	policy, problem := checkPolicy(c, in.Policy, in.BypassPolicyLockoutSafetyCheck)
	if problem != nil {
		return nil, problem
	}
	key := k.add(c.place(), c.now, in.Policy, policy)
	key.description = in.Description
	return key.metadata(), nil
}

// checkPolicy parses a policy and refuses one that the caller could not change
// again.
func checkPolicy(c *kmsCall, text string, bypass bool) (*iam.Policy, *apiError) {
	policy, problem := parseKeyPolicy(text)
	if problem != nil {
		return nil, problem
	}
	if !bypass && !changeableBy(policy, c.account) {
		return nil, badRequest("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	}
	return policy, nil
}

func (k *kms) describeKey(c *kmsCall) (any, *apiError) {
	var in struct{ KeyID string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.key(c, in.KeyID, "DescribeKey")
	if problem != nil {
		return nil, problem
	}
	return key.metadata(), nil
}

func (k *kms) listKeys(c *kmsCall) (any, *apiError) {
	var in kmsPage
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	if problem := k.authorize(c, "*"); problem != nil {
		return nil, problem
	}
	keys := k.byPlace[c.place()]
	from, to, next, problem := in.cut(len(keys))
	if problem != nil {
		return nil, problem
	}
	type item struct {
		KeyID  string `json:"KeyId"`
		KeyArn string
	}
	items := []item{}
	for _, key := range keys[from:to] {
		items = append(items, item{key.id, key.arn})
	}
	return listed("Keys", items, next), nil
}

// listed is the answer of a list call.
func listed(name string, items any, next string) map[string]any {
	reply := map[string]any{name: items, "Truncated": next != ""}
	if next != "" {
		reply["NextMarker"] = next
	}
	return reply
}

func (k *kms) getKeyPolicy(c *kmsCall) (any, *apiError) {
	var in struct{ KeyID string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.ownKey(c, in.KeyID, "GetKeyPolicy")
	if problem != nil {
		return nil, problem
	}
	return map[string]string{"Policy": key.policyText, "PolicyName": "default"}, nil
}

func (k *kms) putKeyPolicy(c *kmsCall) (any, *apiError) {
	var in struct {
		KeyID, Policy                  string
		BypassPolicyLockoutSafetyCheck bool
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.changeable(c, in.KeyID, "PutKeyPolicy")
	if problem != nil {
		return nil, problem
	}
	policy, problem := checkPolicy(c, in.Policy, in.BypassPolicyLockoutSafetyCheck)
	if problem != nil {
		return nil, problem
	}
	key.policyText, key.policy = in.Policy, policy
	key.settle()
	return nil, nil
}

// changeable finds a key of the caller's that it may manage.
func (k *kms) changeable(c *kmsCall, name, action string) (*kmsKey, *apiError) {
	key, problem := k.ownKey(c, name, action)
	switch {
	case problem != nil:
		return nil, problem
	case key.managed:
		return nil, denied(c, action, key.arn)
	case key.state == keyDoomed && action != "CancelKeyDeletion":
		return nil, invalidState(key)
	}
	return key, nil
}

func (k *kms) enableKey(c *kmsCall) (any, *apiError) { return k.setState(c, "EnableKey", keyEnabled) }

func (k *kms) disableKey(c *kmsCall) (any, *apiError) {
	return k.setState(c, "DisableKey", keyDisabled)
}

func (k *kms) setState(c *kmsCall, action, state string) (any, *apiError) {
	var in struct{ KeyID string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.changeable(c, in.KeyID, action)
	if problem != nil {
		return nil, problem
	}
	key.state = state
	return nil, nil
}

func (k *kms) scheduleKeyDeletion(c *kmsCall) (any, *apiError) {
	var in struct {
		KeyID               string
		PendingWindowInDays *int
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	days := maxDeletionDays
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < minDeletionDays || days > maxDeletionDays {
		return nil, badRequest("ValidationException", "PendingWindowInDays must be from %d to %d", minDeletionDays, maxDeletionDays)
	}
	key, problem := k.changeable(c, in.KeyID, "ScheduleKeyDeletion")
	if problem != nil {
		return nil, problem
	}
	deletion := c.now.Add(time.Duration(days) * day)
	key.state, key.deletion = keyDoomed, deletion
	k.w.at(deletion, func(time.Time) {
		if key.state == keyDoomed && key.deletion.Equal(deletion) {
			k.remove(key)
		}
	})
	return map[string]any{"KeyId": key.arn, "DeletionDate": kmsTime(deletion), "KeyState": key.state, "PendingWindowInDays": days}, nil
}

func (k *kms) remove(key *kmsKey) {
	delete(k.keys, key.arn)
	k.byPlace[key.place] = slices.DeleteFunc(k.byPlace[key.place], func(other *kmsKey) bool { return other == key })
	for _, name := range slices.Clone(k.names[key.place]) {
		if k.aliases[aliasKey{key.place, name}].key == key {
			k.dropAlias(key.place, name)
		}
	}
}

func (k *kms) cancelKeyDeletion(c *kmsCall) (any, *apiError) {
	var in struct{ KeyID string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	key, problem := k.changeable(c, in.KeyID, "CancelKeyDeletion")
	if problem != nil {
		return nil, problem
	}
	if key.state != keyDoomed {
		return nil, badRequest("KMSInvalidStateException", "%s is not pending deletion.", key.arn)
	}
	key.state = keyDisabled
	return map[string]string{"KeyId": key.arn}, nil
}
