package sim

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"snapferry/internal/sim/iam"
)

// permitted authorises a call whose parameters are in order, and then answers a
// dry run: Amazon looks at the form of parameters first, and at what exists
// last.
func (c *ec2Call) permitted() *apiError {
	w := c.ec2.w
	if !w.unquestioned(c.caller, nil) {
		for _, a := range ec2Permissions[c.action](c) {
			if len(a.keys["ec2:region"]) == 0 {
				a.keys.Set("ec2:Region", c.region)
			}
			if d := w.decide(c.now, a); !d.Allowed {
				return unauthorized(a, d)
			}
		}
	}
	return c.dryRun()
}

// unauthorized is EC2's denial, with the message that STS could decode.
func unauthorized(a *ask, d iam.Decision) *apiError {
	encoded, err := json.Marshal(map[string]any{
		"allowed": false, "explicitDeny": d.Denied,
		"context": map[string]any{"principal": a.by.principal().ARN, "action": a.action, "resource": a.resource, "conditions": a.keys},
	})
	if err != nil {
		panic("sim: marshal an authorization message: " + err.Error())
	}
	return &apiError{Status: http.StatusForbidden, Code: "UnauthorizedOperation",
		Message: "You are not authorized to perform this operation. " + a.refusal(d) +
			". Encoded authorization failure message: " + base64.RawURLEncoding.EncodeToString(encoded)}
}

// ec2Permissions says what each call is authorised for: the actions, resources
// and condition keys of the service authorization reference for Amazon EC2. All
// asks of a call have to be allowed.
var ec2Permissions = map[string]func(*ec2Call) []*ask{
	"CreateVolume":    (*ec2Call).askCreateVolume,
	"DescribeVolumes": (*ec2Call).askAll,
	"DeleteVolume":    func(c *ec2Call) []*ask { return []*ask{c.askVolume(c.get("VolumeId"))} },

	"CreateSnapshot":    (*ec2Call).askCreateSnapshot,
	"CopySnapshot":      (*ec2Call).askCopySnapshot,
	"DescribeSnapshots": (*ec2Call).askAll,
	"DeleteSnapshot":    (*ec2Call).askThisSnapshot,

	"CreateTags":   (*ec2Call).askTags,
	"DeleteTags":   (*ec2Call).askTags,
	"DescribeTags": (*ec2Call).askAll,

	"ModifySnapshotAttribute":   (*ec2Call).askShare,
	"DescribeSnapshotAttribute": (*ec2Call).askAll,
	"ResetSnapshotAttribute":    (*ec2Call).askThisSnapshot,

	"LockSnapshot":            (*ec2Call).askLock,
	"UnlockSnapshot":          (*ec2Call).askThisSnapshot,
	"DescribeLockedSnapshots": (*ec2Call).askAll,
	"ModifySnapshotTier":      (*ec2Call).askThisSnapshot,

	"RegisterImage":   (*ec2Call).askRegisterImage,
	"DeregisterImage": func(c *ec2Call) []*ask { return []*ask{c.askImage(c.get("ImageId"))} },
	"DescribeImages":  (*ec2Call).askAll,

	"DescribeRegions":           (*ec2Call).askAll,
	"DescribeAvailabilityZones": (*ec2Call).askAll,

	"GetEbsEncryptionByDefault":     (*ec2Call).askAll,
	"EnableEbsEncryptionByDefault":  (*ec2Call).askAll,
	"DisableEbsEncryptionByDefault": (*ec2Call).askAll,
	"GetEbsDefaultKmsKeyId":         (*ec2Call).askAll,
	"ModifyEbsDefaultKmsKeyId":      (*ec2Call).askAll,
	"ResetEbsDefaultKmsKeyId":       (*ec2Call).askAll,
}

// askAll is for calls that are authorised for * only.
func (c *ec2Call) askAll() []*ask { return []*ask{c.ask("ec2:"+c.action, "*")} }

// snapshotARN has no account: an ARN in a policy that names one matches no
// snapshot.
func snapshotARN(region, id string) string { return "arn:aws:ec2:" + region + "::snapshot/" + id }

// askNew is about something that the call is to make. Its id is literally *.
func (c *ec2Call) askNew(action, kind string, tags map[string]string) *ask {
	account := c.account
	if kind != "volume" {
		account = ""
	}
	a := c.ask(action, "arn:aws:ec2:"+c.region+":"+account+":"+kind+"/*")
	if kind == "snapshot" {
		a.keys.Set("ec2:SnapshotID", "*")
	}
	a.setTags(tags)
	return a
}

// askTagNew is about the tags that something new is made with, if there are any.
func (c *ec2Call) askTagNew(kind string, tags map[string]string) []*ask {
	if len(tags) == 0 {
		return nil
	}
	a := c.askNew("ec2:CreateTags", kind, tags)
	a.keys.Set("ec2:CreateAction", c.action)
	return []*ask{a}
}

// newTags reads the tags of a call's TagSpecification, which are in order.
func (c *ec2Call) newTags(kind string) map[string]string {
	tags, _ := c.tagSpecification(kind)
	return tags
}

// askSnapshot is about a snapshot in a Region under an ARN. Of one that the
// caller can't use nothing is told: no record shows whether Amazon does.
func (c *ec2Call) askSnapshot(action, arn, region, id string) *ask {
	a := c.ask(action, arn)
	a.keys.Set("ec2:SnapshotID", id)
	r := c.ec2.regions[region]
	if r == nil {
		return a
	}
	s := r.snapshots[id]
	if s == nil || !s.now.exists {
		return a
	}
	if _, shared := s.now.sharedAt(c.account); !shared && s.owner != c.account {
		return a
	}
	a.belongsTo = s.owner
	a.keys.Set("ec2:Owner", s.owner)
	a.keys.Set("ec2:ParentVolume", volumeARN(region, s.owner, s.volume))
	a.keys.Set("ec2:VolumeSize", strconv.Itoa(s.now.gib))
	a.keys.Set("ec2:Encrypted", strconv.FormatBool(s.now.encrypted))
	a.keys.Set("ec2:SnapshotTime", s.start.UTC().Format(time.RFC3339))
	a.setResourceTags(&s.resource)
	return a
}

// setResourceTags sets the tags that the caller itself put on something.
func (a *ask) setResourceTags(r *resource) {
	sheet := r.sheets[a.by.account]
	if sheet == nil {
		return
	}
	for _, key := range sortedKeys(sheet.now) {
		a.keys.Set("aws:ResourceTag/"+key, sheet.now[key])
		a.keys.Set("ec2:ResourceTag/"+key, sheet.now[key])
	}
}

func (c *ec2Call) askThisSnapshot() []*ask {
	id := c.get("SnapshotId")
	return []*ask{c.askSnapshot("ec2:"+c.action, snapshotARN(c.region, id), c.region, id)}
}

func volumeARN(region, account, id string) string {
	return "arn:aws:ec2:" + region + ":" + account + ":volume/" + id
}

func (c *ec2Call) askVolume(id string) *ask {
	a := c.ask("ec2:"+c.action, volumeARN(c.region, c.account, id))
	a.keys.Set("ec2:VolumeID", id)
	if v := c.in.volumes[id]; v != nil && v.owner == c.account {
		a.belongsTo = v.owner
		a.keys.Set("ec2:AvailabilityZone", v.zone)
		a.keys.Set("ec2:VolumeSize", strconv.Itoa(v.gib))
		a.keys.Set("ec2:Encrypted", strconv.FormatBool(v.encrypted))
		a.setResourceTags(&v.resource)
	}
	return a
}

func (c *ec2Call) askImage(id string) *ask {
	a := c.ask("ec2:"+c.action, "arn:aws:ec2:"+c.region+"::image/"+id)
	a.keys.Set("ec2:ImageID", id)
	if m := c.in.images[id]; m != nil && m.owner == c.account {
		a.belongsTo = m.owner
		a.keys.Set("ec2:Owner", m.owner)
		a.setResourceTags(&m.resource)
	}
	return a
}

func (c *ec2Call) askCreateVolume() []*ask {
	tags := c.newTags("volume")
	a := c.askNew("ec2:CreateVolume", "volume", tags)
	a.keys.Set("ec2:AvailabilityZone", c.get("AvailabilityZone"))
	if c.has("Size") {
		a.keys.Set("ec2:VolumeSize", c.get("Size"))
	}
	c.setEncrypted(a)
	asks := []*ask{a}
	if id := c.get("SnapshotId"); id != "" {
		asks = append(asks, c.askSnapshot("ec2:CreateVolume", snapshotARN(c.region, id), c.region, id))
	}
	return append(asks, c.askTagNew("volume", tags)...)
}

// setEncrypted tells what the call asks for; what comes of it depends on more.
func (c *ec2Call) setEncrypted(a *ask) {
	if c.has("Encrypted") {
		asked, _ := c.flag("Encrypted")
		a.keys.Set("ec2:Encrypted", strconv.FormatBool(asked))
	}
}

func (c *ec2Call) askCreateSnapshot() []*ask {
	tags := c.newTags("snapshot")
	volume := c.askVolume(c.get("VolumeId"))
	a := c.askNew("ec2:CreateSnapshot", "snapshot", tags)
	a.keys.Set("ec2:ParentVolume", volume.resource)
	return append([]*ask{a, volume}, c.askTagNew("snapshot", tags)...)
}

// askCopySnapshot is about the copy and about its source, and both have to be
// allowed (AWS Storage blog, "Enhancing resource-level permissions for copying
// Amazon EBS snapshots"). What of it is not documented, Options.Readings says.
func (c *ec2Call) askCopySnapshot() []*ask {
	read, tags := c.ec2.w.options.Readings, c.newTags("snapshot")
	from, id := c.get("SourceRegion"), c.get("SourceSnapshotId")
	asks := c.askCopy(c.region, tags)
	if from == c.region {
		return append(asks, c.askSource(from, from, id))
	}
	if read.PresignedCopy {
		asks = append(asks, c.askCopy(from, tags)...)
	}
	if read.SourceARN != SourceARNDestination {
		asks = append(asks, c.askSource(from, from, id))
	}
	if read.SourceARN != SourceARNSource {
		asks = append(asks, c.askSource(c.region, from, id))
	}
	return asks
}

// askTags is about existing resources, one by one, without ec2:CreateAction.
func (c *ec2Call) askTags() []*ask {
	tags, names := map[string]string{}, []string(nil)
	for _, prefix := range c.groups("Tag", "Key") {
		name := c.get(prefix + "Key")
		names = append(names, name)
		// DeleteTags may leave the value open.
		if c.action == "CreateTags" || c.has(prefix+"Value") {
			tags[name] = c.get(prefix + "Value")
		}
	}
	ids, _ := c.resourceIDs()
	var asks []*ask
	for _, id := range ids {
		var a *ask
		switch kind, _, _ := strings.Cut(id, "-"); kind {
		case "snap":
			a = c.askSnapshot("ec2:"+c.action, snapshotARN(c.region, id), c.region, id)
		case "vol":
			a = c.askVolume(id)
		default:
			a = c.askImage(id)
		}
		a.setTags(tags)
		a.keys.Set("aws:TagKeys", names...)
		asks = append(asks, a)
	}
	return asks
}

func (c *ec2Call) askShare() []*ask {
	asks := c.askThisSnapshot()
	change, _ := c.permissionChange()
	verb := "ec2:Remove/"
	if change.add {
		verb = "ec2:Add/"
	}
	keys := asks[0].keys
	keys.Set("ec2:Attribute", "createVolumePermission")
	if len(change.accounts) > 0 {
		keys.Set(verb+"userId", change.accounts...)
	}
	if change.public {
		keys.Set(verb+"group", "all")
	}
	return asks
}

func (c *ec2Call) askLock() []*ask {
	asks := c.askThisSnapshot()
	if c.has("LockDuration") {
		asks[0].keys.Set("ec2:SnapshotLockDuration", c.get("LockDuration"))
	}
	if c.has("CoolOffPeriod") {
		asks[0].keys.Set("ec2:SnapshotCoolOffPeriod", c.get("CoolOffPeriod"))
	}
	return asks
}

func (c *ec2Call) askRegisterImage() []*ask {
	tags := c.newTags("image")
	asks := []*ask{c.askNew("ec2:RegisterImage", "image", tags)}
	for _, prefix := range c.groups("BlockDeviceMapping", "DeviceName", "Ebs.SnapshotId") {
		if id := c.get(prefix + "Ebs.SnapshotId"); id != "" {
			asks = append(asks, c.askSnapshot("ec2:RegisterImage", snapshotARN(c.region, id), c.region, id))
		}
	}
	return append(asks, c.askTagNew("image", tags)...)
}
