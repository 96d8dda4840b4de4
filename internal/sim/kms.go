package sim

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// kms is the part of AWS KMS that EBS encryption needs: symmetric keys with
// their policies, aliases and grants. It encrypts nothing.
type kms struct {
	w       *World
	keys    map[string]*kmsKey // by ARN
	aliases map[aliasKey]*kmsAlias
	byPlace map[place][]*kmsKey // in the order of their making
	names   map[place][]string  // of aliases, sorted
}

type aliasKey struct {
	place
	name string // "alias/…"
}

type kmsAlias struct {
	key     *kmsKey
	changed time.Time
}

// Aliases of keys that AWS manages, one per account and Region.
const (
	ebsAlias = "alias/aws/ebs"
	sqsAlias = "alias/aws/sqs"
)

// States of a key.
const (
	keyEnabled  = "Enabled"
	keyDisabled = "Disabled"
	keyDoomed   = "PendingDeletion"
)

// kmsKey is a symmetric KMS key.
type kmsKey struct {
	place
	id, arn     string
	description string
	managed     bool // by AWS
	state       string
	created     time.Time
	deletion    time.Time // when it will be deleted, in state PendingDeletion
	policyText  string
	policy      *iam.Policy
	grants      []*kmsGrant
	grounds     *iam.Policy // policy and grants together
}

func newKMS(w *World) *kms {
	return &kms{
		w:       w,
		keys:    map[string]*kmsKey{},
		aliases: map[aliasKey]*kmsAlias{},
		byPlace: map[place][]*kmsKey{},
		names:   map[place][]string{},
	}
}

// kmsCall is a call to KMS within a step of the world.
type kmsCall struct {
	*call
	now        time.Time
	operations []string // of the grant that is to be made
}

func (c *kmsCall) place() place { return place{c.account, c.region} }

func (c *kmsCall) decode(in any) *apiError {
	if err := json.Unmarshal(c.body, in); err != nil {
		return badRequest("SerializationException", "%v", err)
	}
	return nil
}

var kmsActions = map[string]func(*kms, *kmsCall) (any, *apiError){
	"CreateKey":           (*kms).createKey,
	"DescribeKey":         (*kms).describeKey,
	"ListKeys":            (*kms).listKeys,
	"GetKeyPolicy":        (*kms).getKeyPolicy,
	"PutKeyPolicy":        (*kms).putKeyPolicy,
	"EnableKey":           (*kms).enableKey,
	"DisableKey":          (*kms).disableKey,
	"ScheduleKeyDeletion": (*kms).scheduleKeyDeletion,
	"CancelKeyDeletion":   (*kms).cancelKeyDeletion,
	"CreateAlias":         (*kms).createAlias,
	"DeleteAlias":         (*kms).deleteAlias,
	"ListAliases":         (*kms).listAliases,
	"CreateGrant":         (*kms).createGrant,
	"ListGrants":          (*kms).listGrants,
	"RevokeGrant":         (*kms).revokeGrant,
}

func (k *kms) serve(_ context.Context, c *call) (reply any, problem *apiError) {
	action, known := kmsActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	k.w.step(func(now time.Time) {
		reply, problem = action(k, &kmsCall{call: c, now: now})
	})
	return reply, problem
}

// add makes a key in a place.
func (k *kms) add(p place, now time.Time, policyText string, policy *iam.Policy) *kmsKey {
	key := &kmsKey{
		place:      p,
		id:         k.w.uuid(),
		state:      keyEnabled,
		created:    now,
		policyText: policyText,
		policy:     policy,
	}
	key.arn = kmsARN(p, "key/"+key.id)
	key.settle()
	k.keys[key.arn] = key
	k.byPlace[p] = append(k.byPlace[p], key)
	return key
}

func kmsARN(p place, resource string) string {
	return "arn:aws:kms:" + p.region + ":" + p.account + ":" + resource
}

func (k *kms) setAlias(p place, name string, key *kmsKey, now time.Time) {
	k.aliases[aliasKey{p, name}] = &kmsAlias{key, now}
	at, _ := slices.BinarySearch(k.names[p], name)
	k.names[p] = slices.Insert(k.names[p], at, name)
}

func (k *kms) dropAlias(p place, name string) {
	delete(k.aliases, aliasKey{p, name})
	if at, found := slices.BinarySearch(k.names[p], name); found {
		k.names[p] = slices.Delete(k.names[p], at, at+1)
	}
}

// awsManaged says whether a key is one that AWS manages.
func (k *kms) awsManaged(arn string) bool {
	key := k.keys[arn]
	return key != nil && key.managed
}

// find looks a key up by its id, its alias or the ARN of either, as an account
// in a Region names it; nil if there is none. Ids and aliases are the
// account's own, and no ARN leads to another Region.
func (k *kms) find(account, region, name string, now time.Time) *kmsKey {
	p := place{account, region}
	if strings.HasPrefix(name, "arn:") {
		fields := strings.SplitN(name, ":", 6)
		if len(fields) != 6 || fields[2] != "kms" || fields[3] != region {
			return nil
		}
		if key := k.keys[name]; key != nil {
			return key
		}
		p.account, name = fields[4], fields[5]
		if !strings.HasPrefix(name, "alias/") {
			return nil
		}
	}
	if strings.HasPrefix(name, "alias/") {
		if _, managed := managedKeys[name]; managed && p.account == account {
			return k.managed(p, name, now)
		}
		if alias := k.aliases[aliasKey{p, name}]; alias != nil {
			return alias.key
		}
		return nil
	}
	return k.keys[kmsARN(p, "key/"+name)]
}

// usable says whether a key is enabled and allows all that is asked of it.
func (k *kms) usable(arn string, now time.Time, asks ...kmsAsk) bool {
	key := k.keys[arn]
	return key != nil && key.state == keyEnabled && !slices.ContainsFunc(asks, func(ask kmsAsk) bool { return !k.allows(key, ask, now) })
}

// key finds the key that a call names and asks it whether the caller may.
func (k *kms) key(c *kmsCall, name, action string) (*kmsKey, *apiError) {
	if name == "" {
		return nil, badRequest("ValidationException", "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	}
	key := k.find(c.account, c.region, name, c.now)
	if key == nil {
		return nil, c.notFound(name)
	}
	a := k.ask(key, kmsAsk{by: c.caller, region: c.region, action: action, operations: c.operations, insecure: c.insecure})
	if d := k.w.decide(c.now, a); !d.Allowed {
		return nil, badRequest("AccessDeniedException", "%s", a.refusal(d))
	}
	return key, nil
}

func (c *kmsCall) notFound(name string) *apiError {
	arn := name
	switch {
	case strings.HasPrefix(name, "arn:"):
	case strings.HasPrefix(name, "alias/"):
		arn = kmsARN(c.place(), name)
	default:
		arn = kmsARN(c.place(), "key/"+name)
	}
	if strings.Contains(arn, ":alias/") {
		return badRequest("NotFoundException", "Alias %s is not found.", arn)
	}
	return badRequest("NotFoundException", "Key '%s' does not exist", arn)
}

// ownKey is key for the calls that do not work across accounts.
func (k *kms) ownKey(c *kmsCall, name, action string) (*kmsKey, *apiError) {
	key, problem := k.key(c, name, action)
	if problem == nil && key.account != c.account {
		return nil, denied(c, action, key.arn)
	}
	return key, problem
}

// denied is the answer to what no policy can allow.
func denied(c *kmsCall, action, arn string) *apiError {
	return badRequest("AccessDeniedException",
		"User: %s is not authorized to perform: kms:%s on resource: %s because no resource-based policy allows the kms:%s action",
		c.caller.principal().ARN, action, arn, action)
}

func invalidState(key *kmsKey) *apiError {
	if key.state == keyDisabled {
		return badRequest("DisabledException", "%s is disabled.", key.arn)
	}
	return badRequest("KMSInvalidStateException", "%s is pending deletion.", key.arn)
}

// kmsPage is the paging part of a list call.
type kmsPage struct {
	Limit  *int
	Marker string
}

// maxListed is how many items a list call returns at most, and by default.
const maxListed = 1000

// cut is the part of a list of n items that the page asks for.
func (p kmsPage) cut(n int) (from, to int, next string, problem *apiError) {
	limit := maxListed
	if p.Limit != nil {
		if limit = *p.Limit; limit < 1 || limit > maxListed {
			return 0, 0, "", badRequest("ValidationException", "Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", limit, maxListed)
		}
	}
	if p.Marker != "" {
		position, valid := untoken(p.Marker)
		at, err := strconv.Atoi(position)
		if !valid || err != nil || at < 0 {
			return 0, 0, "", badRequest("InvalidMarkerException", "Could not deserialize marker '%s'", p.Marker)
		}
		from = min(at, n)
	}
	if to = min(from+limit, n); to < n {
		next = token(strconv.Itoa(to))
	}
	return from, to, next, nil
}
