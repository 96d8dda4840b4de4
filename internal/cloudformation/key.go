package cloudformation

import (
	"context"
	"fmt"
)

func (d *deployer) createKey(ctx context.Context, p *properties) (made, error) {
	in := map[string]any{}
	for _, property := range []string{"Description", "KeySpec", "KeyUsage"} {
		if text := p.text(property); text != "" {
			in[property] = text
		}
	}
	if policy := p.document("KeyPolicy"); policy != "" {
		in["Policy"] = policy
	}
	in["BypassPolicyLockoutSafetyCheck"] = p.yes("BypassPolicyLockoutSafetyCheck", false)
	if p.yes("MultiRegion", false) {
		p.problem("MultiRegion", "the simulated KMS has no multi-Region keys")
	}
	if origin := p.text("Origin"); origin != "" && origin != "AWS_KMS" {
		p.problem("Origin", "the simulated KMS has keys of its own only, not of the origin %s", origin)
	}
	enabled := p.yes("Enabled", true)
	// Simulated keys encrypt nothing, so that there is nothing to rotate; nobody
	// deletes the stack; and they have no tags.
	p.ignore("EnableKeyRotation", "RotationPeriodInDays", "PendingWindowInDays", "Tags")
	if err := p.end(); err != nil {
		return made{}, err
	}
	var created struct{ KeyMetadata struct{ KeyId, Arn string } }
	if err := d.do(ctx, "kms", "CreateKey", in, &created); err != nil {
		return made{}, fmt.Errorf("create key: %w", err)
	}
	key := created.KeyMetadata
	if !enabled {
		if err := d.do(ctx, "kms", "DisableKey", map[string]any{"KeyId": key.KeyId}, nil); err != nil {
			return made{}, fmt.Errorf("disable key: %w", err)
		}
	}
	return made{ref: key.KeyId, attributes: map[string]string{"Arn": key.Arn, "KeyId": key.KeyId}}, nil
}

func (d *deployer) createAlias(ctx context.Context, p *properties) (made, error) {
	name, key := p.required("AliasName"), p.required("TargetKeyId")
	if err := p.end(); err != nil {
		return made{}, err
	}
	if err := d.do(ctx, "kms", "CreateAlias", map[string]any{"AliasName": name, "TargetKeyId": key}, nil); err != nil {
		return made{}, fmt.Errorf("create alias %s: %w", name, err)
	}
	return made{ref: name, attributes: map[string]string{"AliasName": name}}, nil
}
