package cloudformation

import (
	"context"
	"fmt"
)

// createLogGroup makes a log group. A key for it is passed over: the simulated
// CloudWatch Logs encrypts nothing.
func (d *deployer) createLogGroup(ctx context.Context, p *properties) (made, error) {
	name, days := d.name(p.text("LogGroupName"), 512), p.number("RetentionInDays", 0, 1, 3653)
	p.ignore("Tags", "KmsKeyId", "LogGroupClass")
	if err := p.end(); err != nil {
		return made{}, err
	}
	if err := d.do(ctx, "logs", "CreateLogGroup", map[string]any{"logGroupName": name}, nil); err != nil {
		return made{}, fmt.Errorf("create log group %s: %w", name, err)
	}
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("logs", "log-group:"+name+":*")}}, d.retain(ctx, name, days)
}

func (d *deployer) retain(ctx context.Context, group string, days int) error {
	if days == 0 {
		return nil
	}
	in := map[string]any{"logGroupName": group, "retentionInDays": days}
	if err := d.do(ctx, "logs", "PutRetentionPolicy", in, nil); err != nil {
		return fmt.Errorf("set the retention of log group %s: %w", group, err)
	}
	return nil
}

// updateLogGroup changes the retention; a group under another name is another.
func (d *deployer) updateLogGroup(ctx context.Context, before, after *part) (made, error) {
	was, is := newProperties(before.values), newProperties(after.values)
	if was.text("LogGroupName") != is.text("LogGroupName") {
		return made{}, fmt.Errorf("the simulation does not replace a log group: make another, under another id")
	}
	return before.made, d.retain(ctx, before.made.ref, is.number("RetentionInDays", 0, 1, 3653))
}
