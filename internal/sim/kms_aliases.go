package sim

import (
	"slices"
	"strings"
)

func (k *kms) createAlias(c *kmsCall) (any, *apiError) {
	var in struct{ AliasName, TargetKeyID string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	switch {
	case !strings.HasPrefix(in.AliasName, "alias/") || len(in.AliasName) == len("alias/"):
		return nil, badRequest("InvalidAliasNameException", "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html")
	case strings.HasPrefix(in.AliasName, "alias/aws/"):
		return nil, badRequest("NotAuthorizedException", "Alias names that begin with alias/aws/ are reserved")
	case strings.Contains(in.TargetKeyID, "alias/"):
		return nil, badRequest("ValidationException", "Aliases must refer to keys. Not aliases")
	}
	if problem := k.authorize(c, kmsARN(c.place(), in.AliasName)); problem != nil {
		return nil, problem
	}
	key, problem := k.changeable(c, in.TargetKeyID, "CreateAlias")
	if problem != nil {
		return nil, problem
	}
	if k.aliases[aliasKey{c.place(), in.AliasName}] != nil {
		return nil, badRequest("AlreadyExistsException", "An alias with the name %s already exists", kmsARN(c.place(), in.AliasName))
	}
	k.setAlias(c.place(), in.AliasName, key, c.now)
	return nil, nil
}

func (k *kms) deleteAlias(c *kmsCall) (any, *apiError) {
	var in struct{ AliasName string }
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	if problem := k.authorize(c, kmsARN(c.place(), in.AliasName)); problem != nil {
		return nil, problem
	}
	alias := k.aliases[aliasKey{c.place(), in.AliasName}]
	if alias == nil {
		return nil, c.notFound(in.AliasName)
	}
	if alias.key.managed {
		return nil, denied(c, "DeleteAlias", kmsARN(c.place(), in.AliasName))
	}
	if _, problem := k.key(c, alias.key.arn, "DeleteAlias"); problem != nil {
		return nil, problem
	}
	k.dropAlias(c.place(), in.AliasName)
	return nil, nil
}

func (k *kms) listAliases(c *kmsCall) (any, *apiError) {
	var in struct {
		KeyID string
		kmsPage
	}
	if problem := c.decode(&in); problem != nil {
		return nil, problem
	}
	if problem := k.authorize(c, "*"); problem != nil {
		return nil, problem
	}
	names := k.names[c.place()]
	if in.KeyID != "" {
		key, problem := k.ownKey(c, in.KeyID, "ListAliases")
		if problem != nil {
			return nil, problem
		}
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return k.aliases[aliasKey{c.place(), name}].key != key })
	}
	from, to, next, problem := in.cut(len(names))
	if problem != nil {
		return nil, problem
	}
	type item struct {
		AliasName, AliasArn string
		TargetKeyID         string `json:"TargetKeyId"`
		CreationDate        float64
		LastUpdatedDate     float64
	}
	items := []item{}
	for _, name := range names[from:to] {
		alias := k.aliases[aliasKey{c.place(), name}]
		changed := kmsTime(alias.changed)
		items = append(items, item{name, kmsARN(c.place(), name), alias.key.id, changed, changed})
	}
	return listed("Aliases", items, next), nil
}
