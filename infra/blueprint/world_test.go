package blueprint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"snapferry/internal/policy"
)

// someRegions are those that generated settings and policies choose from.
var someRegions = []string{"ap-southeast-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2", "eu-west-3",
	"sa-east-1", "us-east-1", "us-east-2", "us-west-2"}

const target = "222222222222"

// generated is settings and policies that go together, of many kinds.
func generated(r *rand.Rand) (Settings, []policy.Policy) {
	s := defaults()
	s.File, s.Account, s.HomeRegion = "settings.json", target, one(r, someRegions)
	s.SourceRegions = some(r, someRegions, 1)
	s.OwnKeys, s.ExpireRegions = some(r, someRegions, 0), some(r, someRegions, 0)
	s.Lanes = 1 + r.IntN(20)
	s.Tracing = r.IntN(2) == 0
	s.Schedules.Reconcile = time.Duration(1+r.IntN(60)) * time.Minute
	if r.IntN(4) == 0 {
		s.Organization = Organization{ID: "o-a1b2c3d4e5", Units: []string{"ou-a1b2-c3d4e5f6"}}
	}
	for i := range 1 + r.IntN(6) {
		source := SourceAccount{Account: fmt.Sprintf("1%011d", i), Regions: some(r, s.SourceRegions, 1)}
		for _, region := range source.Regions {
			if r.IntN(2) == 0 {
				source.Keys = append(source.Keys, keyARN(region, source.Account, r.IntN(5)))
			}
		}
		s.Sources = append(s.Sources, source)
	}
	s.DefaultKeys = map[string]string{}
	for _, region := range some(r, someRegions, 0) {
		s.DefaultKeys[region] = keyARN(region, target, 7)
	}
	s.EncryptionKeys = map[string]string{}
	if r.IntN(2) == 0 {
		s.EncryptionKeys[s.HomeRegion] = keyARN(s.HomeRegion, target, 8)
		for _, region := range some(r, s.SourceRegions, 0) {
			s.EncryptionKeys[region] = keyARN(region, target, 8)
		}
	}
	var policies []policy.Policy
	for i := range 1 + r.IntN(4) {
		p := policy.Policy{Name: fmt.Sprintf("policy-%d", i), Enabled: r.IntN(4) > 0}
		for _, region := range some(r, someRegions, 1) {
			rule := policy.Rule{Region: region, Encrypted: r.IntN(2) == 0}
			if rule.Encrypted && r.IntN(2) == 0 {
				rule.KeyARN = keyARN(region, target, r.IntN(5))
			}
			p.Rules = append(p.Rules, rule)
		}
		policies = append(policies, p)
	}
	for i, source := range s.Sources {
		p := &policies[i%len(policies)]
		p.Owners = append(p.Owners, source.Account)
	}
	for i := range policies {
		if len(policies[i].Owners) == 0 {
			policies[i].Owners = []string{s.Sources[0].Account}
		}
	}
	return s, policies
}

func keyARN(region, account string, n int) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%08d-12ab-34cd-56ef-1234567890ab", region, account, n)
}

func one(r *rand.Rand, list []string) string { return list[r.IntN(len(list))] }

// some are at least a few of a list, in order.
func some(r *rand.Rand, list []string, least int) []string {
	n := least + r.IntN(len(list)-least+1)
	chosen := slices.Clone(list)
	r.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	return set(chosen[:n])
}

// world is generated settings and policies, and the blueprint for them.
type world struct {
	settings  Settings
	policies  []policy.Policy
	blueprint Blueprint
	problems  []policy.Problem
}

// generatedWorlds are always the same.
var generatedWorlds = sync.OnceValue(func() []world {
	all := make([]world, 100)
	for seed := range all {
		w := &all[seed]
		w.settings, w.policies = generated(rand.New(rand.NewPCG(uint64(seed), 0)))
		w.blueprint, w.problems = New(w.settings, w.policies, "hash")
	}
	return all
})

// worlds tries a law on many generated settings and policies.
func worlds(t *testing.T, law func(t *testing.T, s Settings, policies []policy.Policy, b Blueprint)) {
	t.Helper()
	for seed, w := range generatedWorlds() {
		if len(w.problems) > 0 {
			t.Fatalf("seed %d: %s", seed, lines(w.problems))
		}
		law(t, w.settings, slices.Clone(w.policies), w.blueprint)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
