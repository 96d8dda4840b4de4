package sim

import (
	"context"
	"slices"
	"strings"
	"time"
)

// executeChangeSet makes the stack what the change set says, and answers when
// that is over: at Amazon it goes on for minutes, and tools ask until it ends.
func (f *cloudformation) executeChangeSet(ctx context.Context, c *cfCall) (any, *apiError) {
	var s *cfStack
	var set *cfChangeSet
	token := c.form.Get("ClientRequestToken")
	if off := c.form.Get("DisableRollback"); off != "" && off != "false" {
		return nil, validation("the simulated CloudFormation rolls back what fails: leave DisableRollback out")
	}
	_, problem := f.aboutSet(c, func(stack *cfStack, found *cfChangeSet) (any, *apiError) {
		s, set = stack, found
		if set.execution != "AVAILABLE" || strings.HasSuffix(s.status, "_IN_PROGRESS") && s.status != inReview {
			return nil, badRequest("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", set.id, set.status)
		}
		now := f.w.Now()
		if problem := f.serviceRole(now, c, set.role, false); problem != nil {
			return nil, problem
		}
		set.execution = "EXECUTE_IN_PROGRESS"
		f.settle(now, s, set.progress("_IN_PROGRESS"), "User Initiated", token)
		return nil, nil
	})
	if problem != nil {
		return nil, problem
	}
	f.busy.Lock()
	defer f.busy.Unlock()
	// The caller may go away; what was begun is finished.
	outputs, err := f.templates.Apply(context.WithoutCancel(ctx), set.order, func(step ResourceStep) {
		f.w.step(func(now time.Time) {
			if step.ID == "" { // from here on it is undone
				f.settle(now, s, set.undone("_IN_PROGRESS"), step.Reason, token)
				return
			}
			f.note(now, s, step, token)
		})
	})
	f.w.step(func(now time.Time) {
		s.changeSet, s.role, s.capabilities = set.id, set.role, set.capabilities
		if set.kind == "UPDATE" {
			s.updated = now
		}
		// All other change sets are about a stack that is no longer so.
		s.changeSets = slices.DeleteFunc(s.changeSets, func(other *cfChangeSet) bool { return other == set })
		if err != nil {
			f.settle(now, s, set.undone("_COMPLETE"), "", token)
			if set.kind == "CREATE" {
				s.template, s.parameters, s.tags = set.order.Template, set.order.Parameters, set.tags
			}
			return
		}
		s.template, s.description, s.parameters = set.order.Template, set.summary.Description, set.order.Parameters
		s.tags, s.topics, s.outputs = set.tags, set.topics, outputs
		s.drop()
		f.settle(now, s, set.progress("_COMPLETE"), "", token)
	})
	return nil, nil
}

// progress is the status of a stack on its way, or at its end.
func (set *cfChangeSet) progress(ending string) string { return set.kind + ending }

// undone is the status of a stack that goes back to what it was
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html, "Stack status codes").
func (set *cfChangeSet) undone(ending string) string {
	if set.kind == "CREATE" {
		return "ROLLBACK" + ending
	}
	return "UPDATE_ROLLBACK" + ending
}

// deleteStack deletes a stack; one that is not there is deleted already.
func (f *cloudformation) deleteStack(ctx context.Context, c *cfCall) (any, *apiError) {
	var s *cfStack
	var problem *apiError
	name, token := c.form.Get("StackName"), c.form.Get("ClientRequestToken")
	if mode := c.form.Get("DeploymentConfig.Mode"); mode != "" && mode != "STANDARD" {
		return nil, validation("the simulated CloudFormation deletes in the mode STANDARD, not %s", mode)
	}
	if name == "" {
		return nil, validation("1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null")
	}
	f.w.step(func(now time.Time) {
		s = f.find(c, name)
		given := c.form.Get("RoleARN")
		if problem = f.may(now, c, s, name, "cloudformation:RoleArn", given); problem != nil || s == nil || s.status == stackDeleted {
			s = nil
			return
		}
		// Without a role the stack's last one counts, if there was one.
		role := given
		if role == "" {
			role = s.role
		}
		switch problem = f.serviceRole(now, c, role, given != ""); {
		case problem != nil:
		case s.protected:
			problem = validation("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
		case s.status != inReview && strings.HasSuffix(s.status, "_IN_PROGRESS"):
			problem = validation("Stack [%s] cannot be deleted while in status %s", s.name, s.status)
		default:
			s.role = role
			f.settle(now, s, "DELETE_IN_PROGRESS", "User Initiated", token)
		}
	})
	if problem != nil || s == nil {
		return nil, problem
	}
	f.busy.Lock()
	defer f.busy.Unlock()
	err := f.templates.Delete(context.WithoutCancel(ctx), s.id, func(step ResourceStep) {
		f.w.step(func(now time.Time) { f.note(now, s, step, token) })
	})
	f.w.step(func(now time.Time) {
		if err != nil {
			f.settle(now, s, deletionFailed, "The following resource(s) failed to delete: "+err.Error()+".", token)
			return
		}
		s.deleted, s.changeSets, s.outputs = now, nil, nil
		f.settle(now, s, stackDeleted, "", token)
	})
	return nil, nil
}
