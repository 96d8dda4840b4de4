package sim

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"snapferry/internal/sim/iam"
)

// sts answers GetCallerIdentity, which tools call to see who they are, and
// AssumeRole.
type sts struct{ w *World }

var stsActions = map[string]func(sts, *call, time.Time) (any, *apiError){
	"GetCallerIdentity": sts.getCallerIdentity,
	"AssumeRole":        sts.assumeRole,
}

func (s sts) serve(_ context.Context, c *call) (reply any, problem *apiError) {
	action, known := stsActions[c.action]
	if !known {
		return nil, unknownAction(c)
	}
	s.w.step(func(now time.Time) {
		var body any
		if body, problem = action(s, c, now); problem == nil {
			reply = ec2Reply{Body: body}
		}
	})
	return reply, problem
}

func (s sts) getCallerIdentity(c *call, _ time.Time) (any, *apiError) {
	id := c.account
	if session := c.caller.session; session != nil {
		id = session.role.uniqueID() + ":" + session.name
	}
	return struct {
		Arn, UserId, Account string
	}{c.caller.principal().ARN, id, c.account}, nil
}

// How long an assumed role may be used for, in seconds.
const (
	minSession     = 900
	maxSession     = 43_200
	defaultSession = 3_600
)

func (s sts) assumeRole(c *call, now time.Time) (any, *apiError) {
	arn, name := c.form.Get("RoleArn"), c.form.Get("RoleSessionName")
	seconds := defaultSession
	if text := c.form.Get("DurationSeconds"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			n = 0
		}
		seconds = n
	}
	switch {
	case arn == "":
		return nil, badRequest("ValidationError", "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null")
	case !roleSession.MatchString(name):
		return nil, badRequest("ValidationError", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*, with length from 2 to 64", name)
	case seconds < minSession || seconds > maxSession:
		return nil, badRequest("ValidationError", "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint: Member must be from %d to %d", minSession, maxSession)
	case c.form.Has("Policy") || c.form.Has("PolicyArns.member.1.arn"):
		return nil, badRequest("ValidationError", "the simulated STS has no session policies: leave Policy and PolicyArns out")
	}
	a := c.ask("sts:AssumeRole", arn)
	a.keys.Set("sts:RoleSessionName", name)
	r := s.w.roleAt(arn)
	if problem := s.w.mayAssume(now, a, r); problem != nil {
		return nil, problem
	}
	expires := now.Add(time.Duration(seconds) * time.Second)
	key := s.w.startSession(r, name, s.w.uuid(), expires)
	type credentials struct{ AccessKeyId, SecretAccessKey, SessionToken, Expiration string }
	type user struct{ Arn, AssumedRoleId string }
	return struct {
		Credentials     credentials
		AssumedRoleUser user
	}{
		credentials{key, "any", "any", expires.UTC().Format(time.RFC3339)},
		user{s.w.sessions[key].principal.ARN, r.uniqueID() + ":" + name},
	}, nil
}

// mayAssume asks the role's trust policy and the caller's own. A role that is
// not there is refused like one that trusts nobody.
func (w *World) mayAssume(now time.Time, a *ask, r *role) *apiError {
	a.authority = iam.ResourceFirst
	if r != nil {
		a.owner, a.policy = r.account, r.trust
	}
	if d := w.decide(now, a); !d.Allowed {
		return &apiError{Status: http.StatusForbidden, Code: "AccessDenied", Message: a.refusal(d)}
	}
	return nil
}
