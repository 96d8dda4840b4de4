package main

import (
	"cmp"
	"fmt"
	"strings"

	"snapferry/internal/policy"
)

// describe says in one line what a policy will do.
func describe(p policy.Policy) string {
	var rules []string
	for _, rule := range p.Rules {
		rules = append(rules, describeRule(rule))
	}
	what := fmt.Sprintf("copies what %s shares, described as %q, to %s",
		strings.Join(p.Owners, " or "), p.Filter, strings.Join(rules, "; to "))
	if !p.Enabled {
		return p.Name + ": disabled, copies nothing; when enabled it " + what
	}
	return p.Name + ": " + what
}

func describeRule(r policy.Rule) string {
	encryption := "not encrypted unless the source is"
	if r.Encrypted {
		encryption = "encrypted under " + cmp.Or(r.KeyARN, "the Region's default key")
	}
	return fmt.Sprintf("%s, %s, %s", r.Region, encryption, describeRetention(r.Retention))
}

func describeRetention(r policy.Retention) string {
	if r.Interval == 0 {
		return "kept for ever"
	}
	unit := strings.TrimSuffix(strings.ToLower(string(r.Unit)), "s")
	kept := "kept " + count(r.Interval, unit)
	if r.MinimumCount > 0 {
		kept += fmt.Sprintf(", the last %d always", r.MinimumCount)
	}
	return kept
}

// validationJSON is what validate --json prints.
type validationJSON struct {
	Valid    bool          `json:"valid"`
	Hash     string        `json:"policyHash,omitempty"`
	Policies []policyJSON  `json:"policies"`
	Problems []problemJSON `json:"problems"`
	Warnings []string      `json:"warnings"`
}

type policyJSON struct {
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Enabled     bool       `json:"enabled"`
	Owners      []string   `json:"owners"`
	Filter      string     `json:"filter"`
	Rules       []ruleJSON `json:"rules"`
}

type ruleJSON struct {
	Region            string            `json:"region"`
	Encrypted         bool              `json:"encrypted"`
	Key               string            `json:"key,omitempty"`
	Retain            *retainJSON       `json:"retain,omitempty"`
	Tags              map[string]string `json:"tags,omitempty"`
	CompletionMinutes int32             `json:"completionDurationMinutes,omitempty"`
}

type retainJSON struct {
	Interval     int    `json:"interval"`
	Unit         string `json:"unit"`
	MinimumCount int    `json:"minimumCount,omitempty"`
}

type problemJSON struct {
	File    string `json:"file"`
	Path    string `json:"path"`
	Value   string `json:"value"`
	Problem string `json:"problem"`
}

func (checked validated) json() validationJSON {
	v := validationJSON{
		Valid:    len(checked.problems) == 0,
		Hash:     checked.hash,
		Policies: []policyJSON{},
		Problems: []problemJSON{},
		Warnings: append([]string{}, checked.warnings...),
	}
	for _, p := range checked.problems {
		v.Problems = append(v.Problems, problemJSON{p.File, p.Path, p.Value, p.Text})
	}
	for _, p := range checked.policies {
		rules := []ruleJSON{}
		for _, r := range p.Rules {
			rule := ruleJSON{Region: r.Region, Encrypted: r.Encrypted, Key: r.KeyARN, Tags: r.Tags, CompletionMinutes: r.CompletionMinutes}
			if r.Retention.Interval > 0 {
				rule.Retain = &retainJSON{r.Retention.Interval, string(r.Retention.Unit), r.Retention.MinimumCount}
			}
			rules = append(rules, rule)
		}
		v.Policies = append(v.Policies, policyJSON{p.Name, p.Description, p.Enabled, p.Owners, p.Filter.String(), rules})
	}
	return v
}
