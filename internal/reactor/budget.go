package reactor

import (
	"context"
	"time"
)

// budget is the time in which an invocation may begin something new; what is
// left after it is for handing back what is in hand. The zero budget is endless.
type budget struct{ until time.Time }

// budgetOf keeps ten seconds of what ctx gives, or a quarter if that is less.
func budgetOf(ctx context.Context) budget {
	deadline, ok := ctx.Deadline()
	if !ok {
		return budget{}
	}
	return budget{deadline.Add(-min(10*time.Second, time.Until(deadline)/4))}
}

func (b budget) spent(ctx context.Context) bool {
	return ctx.Err() != nil || !b.until.IsZero() && !time.Now().Before(b.until)
}
