package proof

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"snapferry/internal/sim"
	"snapferry/internal/snapshot"
)

// What is in the way of forbidden acts, besides what the scenarios have.
const (
	sydney    = "ap-southeast-2" // a Region that nothing names
	mine      = "snap-0000000000000ddd1"
	gift      = "snap-0000000000000ddd2" // of an account that no policy lists
	foreign   = "snap-0000000000000ddd3" // the shop's, in São Paulo, and marked by the target account
	faraway   = "snap-0000000000000ddd4" // the shop's, in Sydney
	orphan    = "snap-0000000000000ddd5" // an expired copy in Sydney
	otherKey  = "arn:aws:kms:eu-west-2:222222222222:key/33333333-350d-4c52-bac8-8985e84171c7"
	copyRole  = "snapferry-copy"
	reconcile = "snapferry-reconcile"
	expire    = "snapferry-expire"
	scheduler = "snapferry-scheduler"
	forwarder = "snapferry-forwarder" // all of them
)

// act is something that roles might do. Who may not is refused by IAM, with the
// code if one is given.
type act struct {
	name            string
	region          string
	service, action string
	in              any
	may             []string // roles that may; the account's root always may
	code            string
}

// acts are all that a role is forbidden, or just not. Those at the end leave
// nothing for others to try.
func acts() []act {
	var all []act
	add := func(name, region, service, action string, in any, may ...string) {
		codes := map[string]string{"ec2": "UnauthorizedOperation", "sts": "AccessDenied"}
		code := codes[service]
		if code == "" {
			code = "AccessDeniedException"
		}
		if parameters, ok := in.(url.Values); ok && service == "ec2" {
			parameters.Set("DryRun", "true")
		}
		all = append(all, act{name, region, service, action, in, may, code})
	}

	erase := func(name, region, id string, may ...string) {
		add("delete "+name, region, "ec2", "DeleteSnapshot", form("SnapshotId", id), may...)
	}
	erase("a copy whose day has come", saoPaulo, expired, expire)
	erase("a copy in a Region that no policy names any more", sydney, orphan, expire)
	erase("an unmarked snapshot", saoPaulo, strangers)
	erase("a copy with a hold", saoPaulo, held)
	erase("another account's snapshot", saoPaulo, foreign)
	erase("a source", Home, plain)

	order := []string{"policy=vault", "order=vault/" + plain, "expires=never"}
	copyOf := func(name, from, id, to string, tags []string, may ...string) {
		in := form("SourceRegion", from, "SourceSnapshotId", id)
		if len(tags) > 0 {
			in.Set("TagSpecification.1.ResourceType", "snapshot")
		}
		for i, tag := range tags {
			key, value, _ := strings.Cut(tag, "=")
			in.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", i+1), snapshot.Prefix+key)
			in.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", i+1), value)
		}
		add("copy "+name, to, "ec2", "CopySnapshot", in, may...)
	}
	copyOf("what a policy wants", Home, plain, saoPaulo, order, copyRole)
	copyOf("within a Region", saoPaulo, foreign, saoPaulo, order, copyRole)
	copyOf("without a mark", Home, plain, saoPaulo, nil)
	copyOf("without an order in the mark", Home, plain, saoPaulo, []string{"policy=vault", "expires=never"})
	copyOf("without a day to expire", Home, plain, saoPaulo, order[:2])
	copyOf("under a policy that is not there", Home, plain, saoPaulo, []string{"policy=mine", "order=mine/" + plain, "expires=never"})
	copyOf("from an account that no policy lists", Home, gift, saoPaulo, order)
	copyOf("the account's own snapshot", Home, mine, saoPaulo, order)
	copyOf("a copy", saoPaulo, expired, london, order)
	copyOf("to a Region that no policy names", Home, plain, sydney, order)
	// EC2 may ask in the source's Region for a copy that leaves it. So copies within
	// a source Region pass too, with all else that holds for a copy.
	copyOf("within a source Region", Home, plain, Home, order, copyRole)
	copyOf("within a source Region, without a mark", Home, plain, Home, nil)
	copyOf("within a source Region, from an account that no policy lists", Home, gift, Home, order)
	copyOf("within a source Region, the account's own", Home, mine, Home, order)
	copyOf("within a source Region, a copy from another", saoPaulo, expired, Home, order)
	copyOf("from a Region that no setting names", sydney, faraway, saoPaulo, order)

	tag := func(name, region, id string, tags string, may ...string) {
		in := form("ResourceId.1", id)
		for i, one := range strings.Fields(tags) {
			key, value, _ := strings.Cut(one, "=")
			in.Set(fmt.Sprintf("Tag.%d.Key", i+1), key)
			in.Set(fmt.Sprintf("Tag.%d.Value", i+1), value)
		}
		add("tag "+name, region, "ec2", "CreateTags", in, may...)
		if len(may) == 0 {
			add("untag "+name, region, "ec2", "DeleteTags", in)
		}
	}
	tag("a copy as told", saoPaulo, expired, "snapferry:settled=told", copyRole)
	tag("a copy with another day to expire", saoPaulo, expired, "snapferry:expires=never")
	tag("a copy with another order", saoPaulo, expired, "snapferry:order=vault/x")
	tag("a copy with another source", saoPaulo, expired, "snapferry:source=us-east-1/x")
	tag("a copy with a hold", saoPaulo, expired, "snapferry:hold=yes")
	tag("a copy as told otherwise", saoPaulo, expired, "snapferry:settled=no")
	tag("a copy as told and more", saoPaulo, expired, "snapferry:settled=told snapferry:expires=never")
	tag("a copy with a tag of the user's", saoPaulo, expired, "team=storage")
	tag("an unmarked snapshot as told", saoPaulo, strangers, "snapferry:settled=told")
	tag("a source as told", Home, plain, "snapferry:settled=told")
	tag("another account's snapshot as told", saoPaulo, foreign, "snapferry:settled=told")
	tag("a copy where nothing is copied to as told", sydney, orphan, "snapferry:settled=told")

	ec2 := func(name, region, action string, in url.Values, may ...string) {
		add(name, region, "ec2", action, in, may...)
	}
	ec2("share a copy onward", saoPaulo, "ModifySnapshotAttribute", form("SnapshotId", expired, "CreateVolumePermission.Add.1.UserId", outsider))
	ec2("share a copy with everybody", saoPaulo, "ModifySnapshotAttribute", form("SnapshotId", expired, "CreateVolumePermission.Add.1.Group", "all"))
	ec2("reset who may use a copy", saoPaulo, "ResetSnapshotAttribute", form("SnapshotId", expired, "Attribute", "createVolumePermission"))
	ec2("lock a copy", saoPaulo, "LockSnapshot", form("SnapshotId", expired, "LockMode", "governance", "LockDuration", "1"))
	ec2("unlock a copy", saoPaulo, "UnlockSnapshot", form("SnapshotId", locked))
	ec2("archive a copy", saoPaulo, "ModifySnapshotTier", form("SnapshotId", expired, "StorageTier", "archive"))
	ec2("restore a copy", saoPaulo, "CreateVolume", form("SnapshotId", expired, "AvailabilityZone", saoPaulo+"a"))
	ec2("make an image of a copy", saoPaulo, "RegisterImage", form("Name", "i", "BlockDeviceMapping.1.DeviceName", "/dev/sda1", "BlockDeviceMapping.1.Ebs.SnapshotId", expired))
	ec2("change the default key", dublin, "ModifyEbsDefaultKmsKeyId", form("KmsKeyId", "alias/aws/ebs"))
	ec2("switch encryption by default off", dublin, "DisableEbsEncryptionByDefault", form())
	ec2("read the default key where it matters", dublin, "GetEbsDefaultKmsKeyId", form(), copyRole)
	ec2("read the default key elsewhere", london, "GetEbsDefaultKmsKeyId", form())
	ec2("look at snapshots", frankfurt, "DescribeSnapshots", form(), copyRole, reconcile, expire)
	ec2("look at snapshots in other Regions", sydney, "DescribeSnapshots", form(), expire)
	ec2("look at volumes", Home, "DescribeVolumes", form())
	ec2("look who may use a copy", saoPaulo, "DescribeSnapshotAttribute", form("SnapshotId", expired, "Attribute", "createVolumePermission"))

	type object = map[string]any
	queue := func(region, name, action string, more object, may ...string) {
		in := object{"QueueUrl": queueURL(name)}
		for key, value := range more {
			in[key] = value
		}
		add(action+" "+region+" "+name, region, "sqs", action, in, may...)
	}
	send, fifo := object{"MessageBody": "{}"}, object{"MessageBody": "{}", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
	lane := ordersQueue(saoPaulo, "0")
	queue(Home, eventsQueue, "SendMessage", send, reconcile)
	queue(Home, eventsQueue, "ReceiveMessage", nil, copyRole)
	queue(Home, eventsDLQ, "SendMessage", send)
	queue(Home, eventsDLQ, "ReceiveMessage", nil)
	queue(Home, lane, "SendMessage", fifo, copyRole, reconcile)
	queue(Home, lane, "ReceiveMessage", nil, copyRole)
	queue(Home, lane, "GetQueueAttributes", object{"AttributeNames": []string{"All"}}, reconcile)
	queue(Home, ordersDLQ, "SendMessage", fifo, copyRole)
	queue(Home, ordersDLQ, "ReceiveMessage", nil)
	queue(Home, "snapferry-undelivered", "SendMessage", send, scheduler)
	queue(Home, "snapferry-undelivered", "ReceiveMessage", nil)
	for _, region := range []string{Home, saoPaulo} {
		queue(region, "snapferry-forwarder-undelivered", "SendMessage", send)
		queue(region, "snapferry-forwarder-undelivered", "ReceiveMessage", nil)
	}
	queue(Home, "snapferry-orders-eu-north-1-0.fifo", "SendMessage", fifo)
	queue(Home, "private", "SendMessage", send)
	queue(Home, "private", "ReceiveMessage", nil)

	publish := func(name, bus, source string, may ...string) {
		add("publish "+name, Home, "events", "PutEvents", object{"Entries": []object{{"EventBusName": bus, "Source": source, "DetailType": "x", "Detail": "{}"}}}, may...)
	}
	publish("an outcome", busName, "snapferry", copyRole, expire, forwarder)
	publish("another source's event", busName, "example.com", forwarder)
	publish("an outcome on the default bus", "default", "snapferry")
	rule := object{"Name": "mine", "EventBusName": busName, "EventPattern": `{"source":["snapferry"]}`}
	add("make a rule", Home, "events", "PutRule", rule)
	add("make a rule on the default bus", saoPaulo, "events", "PutRule", object{"Name": "mine", "EventPattern": `{"source":["aws.ec2"]}`})
	add("point a rule elsewhere", Home, "events", "PutTargets", object{"Rule": "mine", "EventBusName": busName, "Targets": []object{{"Id": "a", "Arn": queueARN("private")}}})
	add("stop a rule", Home, "events", "DisableRule", object{"Name": "snapferry-share-events", "EventBusName": busName})
	add("open the bus", Home, "events", "PutPermission", object{"EventBusName": busName, "StatementId": "a", "Action": "events:PutEvents", "Principal": outsider})

	add("read a key", london, "kms", "DescribeKey", object{"KeyId": vaultKey})
	add("grant a key to somebody", london, "kms", "CreateGrant", object{"KeyId": vaultKey, "GranteePrincipal": outsider, "Operations": []string{"Decrypt"}})
	add("open a key", london, "kms", "PutKeyPolicy", object{"KeyId": vaultKey, "PolicyName": "default",
		"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + Account + `"},"Action":"kms:*","Resource":"*"}]}`})
	add("make a key", london, "kms", "CreateKey", object{})

	add("take on a role of another account", Home, "sts", "AssumeRole", form("RoleArn", "arn:aws:iam::111111111111:role/reader", "RoleSessionName", "mine"))

	// What leaves nothing to try.
	for _, name := range []string{eventsQueue, eventsDLQ, lane, ordersDLQ, "snapferry-undelivered", "private"} {
		queue(Home, name, "SetQueueAttributes", object{"Attributes": object{"VisibilityTimeout": "360"}})
		queue(Home, name, "PurgeQueue", nil)
		queue(Home, name, "DeleteQueue", nil)
	}
	add("remove a rule's targets", Home, "events", "RemoveTargets", object{"Rule": "snapferry-share-events", "EventBusName": busName, "Ids": []string{"Target"}})
	add("disable a key", london, "kms", "DisableKey", object{"KeyId": vaultKey})
	add("delete a key", london, "kms", "ScheduleKeyDeletion", object{"KeyId": vaultKey})
	return all
}

// prepared is a deployment of the case proof, with what acts are about.
func prepared(t *testing.T) *player {
	t.Helper()
	return goldenOf(t, "proof").prepare(t, nil)
}

// prepare is prepared with some of the case's templates replaced.
func (c goldenCase) prepare(t *testing.T, instead fstest.MapFS) *player {
	t.Helper()
	d, err := Deploy(t.Context(), Settings{Templates: c.templates(t, instead), PolicyFiles: c.policies,
		Simulation: sim.Options{NoThrottling: true, Readings: c.reading}})
	if err != nil {
		t.Fatal(err)
	}
	p := &player{T: t, d: d, names: map[string]string{}, reading: c.reading}
	p.furnish(c.sourceKeys(t))
	p.check(d.World.AddKey(otherKey))
	now := time.Now()
	mark := snapshot.Mark{Policy: "vault", Source: snapshot.Ref{Region: Home, ID: "snap-0000000000000ccc9"}, SourceAccount: shop,
		SourceVolume: "vol-0000000000000ccc9", SourceTime: now, Expires: now}.Tags()
	for _, s := range []sim.Seed{
		{Region: Home, ID: mine, Owner: Account, Description: "production"},
		{Region: Home, ID: gift, Owner: outsider, Description: "production", SharedWith: []string{Account}},
		{Region: saoPaulo, ID: foreign, Owner: shop, Description: "production", SharedWith: []string{Account}},
		{Region: sydney, ID: faraway, Owner: shop, Description: "production", SharedWith: []string{Account}},
		{Region: sydney, ID: orphan, Owner: Account, Tags: mark},
	} {
		p.check(d.World.AddSnapshot(s))
	}
	tags, n := form("ResourceId.1", foreign), 0
	for key, value := range sortedMap(mark) {
		n++
		tags.Set(fmt.Sprintf("Tag.%d.Key", n), key)
		tags.Set(fmt.Sprintf("Tag.%d.Value", n), value)
	}
	p.check(d.Do(t.Context(), saoPaulo, "ec2", "CreateTags", tags, nil))
	p.share(shop, plain)
	_, err = d.World.AddRole(shop, "reader")
	p.check(err)
	p.check(d.World.TrustRole(shop, "reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"`+Account+`"},"Action":"sts:AssumeRole"}]}`))
	p.as(Account, "sqs", "CreateQueue", map[string]any{"QueueName": "private"}, nil)
	p.as(Account, "sqs", "CreateQueue", map[string]any{"QueueName": "snapferry-orders-eu-north-1-0.fifo", "Attributes": map[string]string{"FifoQueue": "true"}}, nil)
	return p
}

// attempt makes a call as somebody and gives the code of its refusal, "" if it
// was allowed.
func (p *player) attempt(caller string, a act) string {
	err := p.d.World.Do(p.Context(), caller, a.region, a.service, a.action, a.in, nil)
	if refusal, ok := errors.AsType[*sim.Error](err); ok {
		if refusal.Code == "DryRunOperation" {
			return ""
		}
		return refusal.Code
	}
	p.check(err)
	return ""
}

// TestForbiddenActs: each act is for the roles that it is for, and for no other,
// in every reading of Amazon's documents. The account's root may do all of them,
// so that nothing is refused for another reason than that it is forbidden.
func TestForbiddenActs(t *testing.T) {
	inEveryReading(t, func(t *testing.T, p *player) {
		refused, forNobody := 0, 0
		for _, a := range acts() {
			if len(a.may) == 0 {
				forNobody++
			}
			if a.name == "copy from a Region that no setting names" && p.reading.SourceARN == sim.SourceARNDestination && !p.reading.PresignedCopy {
				a.may = []string{copyRole} // IAM does not hear of the source's Region
			}
			may := 0
			for _, role := range p.d.Roles {
				code := p.attempt(role.AccessKeyID, a)
				if slices.ContainsFunc(a.may, func(name string) bool { return role.Name == name || strings.HasPrefix(role.Name, name+"-") }) {
					may++
					if code != "" {
						t.Errorf("%s: %s is refused with %s, and should not be", a.name, role.Name, code)
					}
					continue
				}
				refused++
				if code != a.code {
					t.Errorf("%s: %s got %q, want %s", a.name, role.Name, code, a.code)
				}
			}
			if may < len(a.may) {
				t.Errorf("%s: %d roles of %q are there", a.name, may, a.may)
			}
			if code := p.attempt(Account, a); code != "" {
				t.Errorf("%s: the root got %s: the act itself is wrong", a.name, code)
			}
		}
		fmt.Printf("acts: %d, of which %d are for no role; tried by %d roles: %d refusals\n", len(acts()), forNobody, len(p.d.Roles), refused)
	})
}

// underKey has the role copy make a copy to London under a key, and says how it
// ended: with EC2's code, or the copy's state and message.
func (p *player) underKey(key string) string {
	tags := form("SourceRegion", Home, "SourceSnapshotId", plain, "Encrypted", "true", "KmsKeyId", key, "TagSpecification.1.ResourceType", "snapshot")
	for i, tag := range [][2]string{{"policy", "vault"}, {"order", "vault/" + plain}, {"expires", "never"}} {
		tags.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", i+1), snapshot.Prefix+tag[0])
		tags.Set(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", i+1), tag[1])
	}
	var made struct {
		ID string `xml:"snapshotId"`
	}
	err := p.d.World.Do(p.Context(), p.key(copyRole), london, "ec2", "CopySnapshot", tags, &made)
	if refusal, ok := errors.AsType[*sim.Error](err); ok {
		return refusal.Code
	}
	p.check(err)
	time.Sleep(time.Hour)
	var shown struct {
		State   string `xml:"snapshotSet>item>status"`
		Message string `xml:"snapshotSet>item>statusMessage"`
	}
	p.check(p.d.Do(p.Context(), london, "ec2", "DescribeSnapshots", form("SnapshotId.1", made.ID), &shown))
	return strings.TrimSpace(shown.State + " " + shown.Message)
}

// key is the access key of a role of the deployment.
func (p *player) key(role string) string {
	for _, r := range p.d.Roles {
		if r.Name == role {
			return r.AccessKeyID
		}
	}
	p.Fatalf("the deployment has no role %s", role)
	return ""
}

// A copy under a key that no policy names is refused when EC2 asks the key, and
// comes to nothing even if that key's own policy lets the role do everything.
func TestAnotherKeyIsRefused(t *testing.T) {
	c := goldenOf(t, "proof")
	openKey := func(p *player) {
		p.check(p.d.Do(p.Context(), london, "kms", "PutKeyPolicy", map[string]any{"KeyId": otherKey, "PolicyName": "default",
			"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::222222222222:root","arn:aws:iam::222222222222:role/snapferry-copy"]},"Action":"kms:*","Resource":"*"}]}`}, nil))
	}
	synctest.Test(t, func(t *testing.T) {
		p := c.prepare(t, nil)
		for _, test := range []struct{ key, want string }{{vaultKey, "completed"}, {otherKey, "AuthFailure"}} {
			if got := p.underKey(test.key); got != test.want {
				t.Errorf("copy under %s: got %q, want %q", test.key, got, test.want)
			}
		}
		openKey(p)
		if got, want := p.underKey(otherKey), "error Given key ID is not accessible"; got != want {
			t.Errorf("copy under a key that is open to the role: got %q, want %q", got, want)
		}
	})
	// Without the denial it would be made.
	for _, g := range c.grounds(t) {
		if g.sid != "NoOtherKeys" {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			p := c.prepare(t, c.without(t, g))
			openKey(p)
			if got := p.underKey(otherKey); got != "completed" {
				t.Errorf("copy under a key that is open to the role, and not denied: got %q", got)
			}
		})
	}
}

// TestUnencryptedCopies: where every rule encrypts, a copy that is not to be
// encrypted is refused in the readings in which EC2 says so; where it says
// nothing IAM can't tell, and docs/permissions.md says that.
func TestUnencryptedCopies(t *testing.T) {
	told := map[sim.NewEncrypted]bool{sim.NewEncryptedAsked: true, sim.NewEncryptedResult: true}
	inEveryReading(t, func(t *testing.T, p *player) {
		for region, encrypts := range map[string]bool{london: true, saoPaulo: false} {
			for _, a := range acts() {
				if a.name != "copy what a policy wants" {
					continue
				}
				a.region = region
				want := ""
				if encrypts && told[p.reading.NewEncrypted] {
					want = "UnauthorizedOperation"
				}
				if got := p.attempt(p.key(copyRole), a); got != want {
					t.Errorf("an unencrypted copy to %s: got %q, want %q", region, got, want)
				}
				in := a.in.(url.Values)
				in.Set("Encrypted", "true")
				if got := p.attempt(p.key(copyRole), a); got != "" {
					t.Errorf("an encrypted copy to %s: got %q", region, got)
				}
			}
		}
	})
}
