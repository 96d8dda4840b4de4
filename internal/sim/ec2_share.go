package sim

import (
	"maps"
	"time"
)

// maxModifications is how many entries one ModifySnapshotAttribute may have,
// counted before duplicates and the owner itself are left out.
const maxModifications = 500

// permissionChange is what a ModifySnapshotAttribute asks for.
type permissionChange struct {
	add      bool
	accounts []string
	public   bool
}

// permissionChange reads either form of the call: the lists under
// CreateVolumePermission, or OperationType with lists of its own.
func (c *ec2Call) permissionChange() (permissionChange, *apiError) {
	const attribute = "CreateVolumePermission."
	add := c.groups(attribute+"Add", "UserId", "Group")
	remove := c.groups(attribute+"Remove", "UserId", "Group")
	var users, groups []string
	refusal := "UserId %s" // the two forms word it differently
	change := permissionChange{add: len(add) > 0}
	switch {
	case len(add) > 0 && len(remove) > 0:
		return change, badRequest("InvalidParameterCombination", "One and only one operation type may be specified for createVolumePermissions")
	case len(add) > 0 || len(remove) > 0:
		for _, prefix := range append(add, remove...) {
			if c.has(prefix + "UserId") {
				users = append(users, c.get(prefix+"UserId"))
			}
			if c.has(prefix + "Group") {
				groups = append(groups, c.get(prefix+"Group"))
			}
		}
	default:
		users, groups = c.list("UserId"), c.list("UserGroup")
		refusal = "UserId (%s) is invalid."
		switch {
		case !c.has("Attribute") && !c.has("OperationType") && len(users) == 0 && len(groups) == 0:
			return change, badRequest("InvalidParameterCombination", "No attributes specified.")
		case c.get("Attribute") == "":
			return change, badRequest("MissingParameter", "Value for parameter attribute is invalid. Parameter may not be null or empty.")
		case c.get("Attribute") != "createVolumePermission":
			return change, badRequest("InvalidParameterValue", "Unrecognized attribute.")
		}
		switch c.get("OperationType") {
		case "add":
			change.add = true
		case "remove":
		default:
			return change, badRequest("InvalidParameterCombination", "No operation specified for createVolumePermission attribute.")
		}
	}
	if len(users)+len(groups) > maxModifications {
		return change, badRequest("InvalidParameterValue", "Modification size must not be greater than %d.", maxModifications)
	}
	for _, user := range users {
		if !accountID.MatchString(user) {
			return change, badRequest("InvalidAMIAttributeItemValue", refusal, user)
		}
	}
	for _, group := range groups {
		if group != "all" {
			return change, badRequest("InvalidAMIAttributeItemValue", "UserGroup %s", group)
		}
	}
	change.accounts, change.public = users, len(groups) > 0
	return change, nil
}

func (e *ec2) modifySnapshotAttribute(c *ec2Call) (any, *apiError) {
	change, problem := c.permissionChange()
	if problem != nil {
		return nil, problem
	}
	id, problem := c.snapshotID()
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	s, problem := c.ownSnapshot(id)
	if problem != nil {
		return nil, problem
	}
	if change.add {
		if problem := e.shareable(s, change); problem != nil {
			return nil, problem
		}
	}
	shares := maps.Clone(s.now.shares)
	if shares == nil {
		shares = map[string]time.Time{}
	}
	var added []string
	for _, account := range change.accounts {
		_, shared := shares[account]
		switch {
		case account == s.owner: // needs no permission, and gets none
		case change.add && !shared:
			shares[account] = c.now
			added = append(added, account)
		case !change.add:
			delete(shares, account)
		}
	}
	s.now.shares = shares
	if change.public {
		switch {
		case !change.add:
			s.now.public = time.Time{}
		case s.now.public.IsZero():
			s.now.public = c.now
		}
	}
	e.reveal(c.now, s)
	// Only a private snapshot's share makes an event (Amazon EBS user guide,
	// "EventBridge for Amazon EBS"). Whether sharing with an account that has
	// the snapshot already makes another is not known; here only a new share
	// does. Whoever acts on events must bear both: one too few, one too many.
	if s.now.public.IsZero() {
		for _, account := range added {
			e.publishShare(c.now, s, account)
		}
	}
	return returned{true}, nil
}

// shareable refuses what can't be shared at all.
func (e *ec2) shareable(s *ebsSnapshot, change permissionChange) *apiError {
	switch {
	case s.now.archived:
		return badRequest("OperationNotPermitted", "The snapshot %s is archived and can't be shared", s.id)
	case change.public && s.now.encrypted:
		return badRequest("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly.")
	case s.now.encrypted && e.w.kms.awsManaged(s.now.key):
		return badRequest("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
	}
	return nil
}

func (e *ec2) describeSnapshotAttribute(c *ec2Call) (any, *apiError) {
	attribute := c.get("Attribute")
	if attribute != "createVolumePermission" && attribute != "productCodes" {
		return nil, badRequest("InvalidRequest", "The request received was invalid.")
	}
	id, problem := c.snapshotID()
	if problem != nil {
		return nil, problem
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	s, problem := c.ownSnapshot(id)
	if problem != nil {
		return nil, problem
	}
	type permission struct {
		UserID string `xml:"userId,omitempty"`
		Group  string `xml:"group,omitempty"`
	}
	type list[T any] struct {
		Items []T `xml:"item"`
	}
	reply := struct {
		SnapshotID   string            `xml:"snapshotId"`
		Permissions  *list[permission] `xml:"createVolumePermission"`
		ProductCodes *list[string]     `xml:"productCodes"`
	}{SnapshotID: id}
	if attribute == "productCodes" {
		reply.ProductCodes = &list[string]{}
		return reply, nil
	}
	reply.Permissions = &list[permission]{}
	if !s.now.public.IsZero() {
		reply.Permissions.Items = append(reply.Permissions.Items, permission{Group: "all"})
	}
	for _, account := range sortedKeys(s.now.shares) {
		reply.Permissions.Items = append(reply.Permissions.Items, permission{UserID: account})
	}
	return reply, nil
}

func (e *ec2) resetSnapshotAttribute(c *ec2Call) (any, *apiError) {
	if c.get("Attribute") != "createVolumePermission" {
		return nil, badRequest("InvalidRequest", "The request received was invalid.")
	}
	id, problem := c.required("SnapshotId")
	if problem != nil {
		return nil, problem
	}
	if !resourceID.MatchString(id) {
		return nil, badRequest("InvalidSnapshotID.Malformed", "The snapshot ID '%s' is malformed", id)
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	s, problem := c.ownSnapshot(id)
	if problem != nil {
		return nil, problem
	}
	s.now.shares, s.now.public = nil, time.Time{}
	e.reveal(c.now, s)
	return returned{true}, nil
}

// modifySnapshotTier archives a snapshot. That takes as long as a copy.
func (e *ec2) modifySnapshotTier(c *ec2Call) (any, *apiError) {
	id, problem := c.snapshotID()
	if problem != nil {
		return nil, problem
	}
	if tier := c.get("StorageTier"); tier != "archive" {
		return nil, badRequest("InvalidParameterValue", "Value (%s) for parameter storageTier is invalid. Expected: 'archive'.", tier)
	}
	if problem := c.permitted(); problem != nil {
		return nil, problem
	}
	s, problem := c.ownSnapshot(id)
	if problem != nil {
		return nil, problem
	}
	switch {
	case len(s.images) > 0:
		return nil, badRequest("InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", id, sortedKeys(s.images)[0])
	case s.now.state != "completed" || s.now.archived:
		return nil, badRequest("IncorrectState", "The snapshot %s is not a completed snapshot in the standard tier", id)
	}
	started := c.now
	e.w.at(started.Add(e.copyTime(s.now.gib)), func(now time.Time) {
		if s.now.exists && !s.now.archived {
			s.now.archived = true
			e.reveal(now, s)
			e.publishArchive(started, now, s)
		}
	})
	return struct {
		SnapshotID string `xml:"snapshotId"`
		Started    string `xml:"tieringStartTime"`
	}{id, ec2Time(started)}, nil
}
