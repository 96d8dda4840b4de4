package proof

import (
	"context"
	"fmt"
)

// report does what Lambda does at the end of an invocation, under the function's
// role: it puts a line into the log group, in a log stream of the process. A
// refusal loses the line, and the function does not hear of it.
func (d *Deployment) report(p *process, i *invocation) {
	f := d.deployed[i.function]
	if f == nil {
		return
	}
	do := func(action string, in map[string]any) {
		in["logGroupName"], in["logStreamName"] = f.LogGroup, p.stream
		_ = d.World.Do(context.Background(), f.Role.AccessKeyID, f.Region, "logs", action, in, nil)
	}
	if p.stream == "" {
		p.stream = fmt.Sprintf("[$LATEST]%d", i.number)
		do("CreateLogStream", map[string]any{})
	}
	line := map[string]any{"timestamp": d.World.Now().UnixMilli(), "message": fmt.Sprintf("REPORT RequestId: %d", i.number)}
	do("PutLogEvents", map[string]any{"logEvents": []any{line}})
}
