package blueprint

import (
	"fmt"
	"slices"
	"strings"

	"snapferry/internal/policy"
)

// override puts settings from the command line in the place of the file's.
func (s *Settings) override(o Overrides) (problems []policy.Problem) {
	wrong := func(name, value, text string) {
		problems = append(problems, policy.Problem{File: "command line", Path: name, Value: fmt.Sprintf("%q", value), Text: text})
	}
	if o.Account != "" {
		if s.Account = o.Account; !isAccount(o.Account) {
			wrong("ACCOUNT", o.Account, "is not an account id: write 12 digits, leading zeros kept")
		}
	}
	if o.HomeRegion != "" {
		s.HomeRegion = o.HomeRegion
		if fault := policy.RegionFault(o.HomeRegion); fault != "" {
			wrong("HOME_REGION", o.HomeRegion, fault)
		}
	}
	return problems
}

func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// check says what in the settings does not go together.
func (s Settings) check() (problems []policy.Problem) {
	report := func(path, value, format string, args ...any) {
		problems = append(problems, policy.Problem{File: s.File, Path: path, Value: value, Text: fmt.Sprintf(format, args...)})
	}
	partition, _ := policy.Partition(s.HomeRegion)
	same := func(path, region string) {
		if other, _ := policy.Partition(region); other != partition {
			report(path, fmt.Sprintf("%q", region), "is in partition %s, but the home Region %s is in %s: an account has Regions of one partition",
				other, s.HomeRegion, partition)
		}
	}
	each := func(path string, regions []string) {
		for _, region := range regions {
			same(path, region)
		}
	}
	each("$.sourceRegions", s.SourceRegions)
	each("$.ownKeys", s.OwnKeys)
	each("$.expireRegions", s.ExpireRegions)
	each("$.defaultKeys", s.keyRegions())
	each("$.encryptionKeys", sorted(s.EncryptionKeys))
	if fields := strings.Split(s.Boundary, ":"); len(fields) > 1 && fields[1] != partition {
		report("$.permissionsBoundary", fmt.Sprintf("%q", s.Boundary), "is in partition %s, but the home Region %s is in %s: write %s",
			fields[1], s.HomeRegion, partition, strings.Join(append([]string{"arn", partition}, fields[2:]...), ":"))
	}
	s.checkGuard(report)
	for i, source := range s.Sources {
		path := fmt.Sprintf("$.sources[%d]", i)
		if source.Account == s.Account {
			report(path+".account", fmt.Sprintf("%q", source.Account), "is the target account itself: snapshots come from other accounts; remove it")
		}
		for _, region := range source.Regions {
			if !slices.Contains(s.SourceRegions, region) {
				report(path+".regions", fmt.Sprintf("%q", region), "is not among sourceRegions, so that its shares would not be seen: add it there")
			}
		}
		for _, key := range source.Keys {
			if owner := policy.KeyAccount(key); owner != source.Account {
				report(path+".keys", fmt.Sprintf("%q", key), "is a key of account %s, not of %s: put it with its own account", owner, source.Account)
			}
			if region := keyRegion(key); !slices.Contains(source.Regions, region) {
				report(path+".keys", fmt.Sprintf("%q", key), "is a key in %s, which is not among the account's Regions, %s: add the Region, or remove the key",
					region, strings.Join(source.Regions, ", "))
			}
		}
	}
	return problems
}

// keyRegion is the Region that a key's ARN names; the ARN has been checked.
func keyRegion(arn string) string { return strings.Split(arn, ":")[3] }
