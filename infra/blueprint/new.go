package blueprint

import "snapferry/internal/policy"

// New is the blueprint for settings and the policies that are packaged with the
// functions, whose hash is policy.Hash of the files; or everything that keeps
// them from going together.
func New(settings Settings, policies []policy.Policy, hash string) (Blueprint, []policy.Problem) {
	d := newDeployment(settings, policies, hash)
	problems, warnings := d.fit()
	if len(problems) > 0 {
		return Blueprint{}, problems
	}
	b := Blueprint{
		Settings: settings,
		Home: Home{
			Account:   settings.Account,
			Region:    settings.HomeRegion,
			Bus:       d.app,
			Queues:    d.queues(),
			Rules:     d.rules(),
			Functions: d.functions(),
			Scheduler: d.scheduler(),
			Topic:     d.topic(d.homeTopic, settings.HomeRegion),
			Alarms:    d.alarms(),
			Dashboard: d.dashboard(),
		},
		Forwarders:     d.forwarders(),
		Keys:           d.ownKeys(),
		EncryptionKeys: d.encryptionKeys(),
		Sources:        d.sources(),
		StackSet:       d.stackSet(),
		Guard:          d.guard(),
		Loads:          d.loads(),
		Warnings:       warnings,
	}
	if problems := d.tooLarge(b); len(problems) > 0 {
		return Blueprint{}, problems
	}
	return b, nil
}
