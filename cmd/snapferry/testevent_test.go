package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"snapferry/internal/sim"
)

// TestWayOfTheDemo: every rule of every forwarder is a route, and its events
// reach the copy function over the home bus.
func TestWayOfTheDemo(t *testing.T) {
	flags := testEventFlags{settings: "../../infra/golden/demo/settings.json", policies: "../../infra/golden/demo/policies"}
	got, err := flags.way()
	if err != nil {
		t.Fatal(err)
	}
	want := eventsWay{Account: "222222222222", Home: "us-east-1", Bus: "snapferry", LogGroup: "/aws/lambda/snapferry-copy",
		Events: "snapferry-events", Dead: "snapferry-events-dlq"}
	for _, r := range []struct{ region, kind string }{
		{"eu-central-1", "share"}, {"eu-west-2", "copy"}, {"sa-east-1", "copy"}, {"us-east-1", "share"},
	} {
		rule := "snapferry-" + r.kind + "-events"
		want.Routes = append(want.Routes, route{Region: r.region, Kind: r.kind + "Snapshot", Rule: rule, HomeRule: rule,
			Undelivered: "snapferry-forwarder-undelivered", HomeUndelivered: "snapferry-undelivered"})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWays: the way is known in every golden deployment, names with a prefix
// included.
func TestWays(t *testing.T) {
	cases, err := filepath.Glob("../../infra/golden/*/settings.json")
	if err != nil || len(cases) < 5 {
		t.Fatalf("cases %q, %v", cases, err)
	}
	for _, settings := range cases {
		flags := testEventFlags{settings: settings, policies: filepath.Join(filepath.Dir(settings), "policies")}
		way, err := flags.way()
		if err != nil {
			t.Errorf("%s: %v", settings, err)
			continue
		}
		forwarders, err := filepath.Glob(filepath.Join(filepath.Dir(settings), "target", "*-forwarder-*.template.json"))
		if err != nil {
			t.Fatal(err)
		}
		regions := map[string]bool{}
		for _, r := range way.Routes {
			regions[r.Region] = true
			if slices.Contains([]string{r.Kind, r.Rule, r.Undelivered, r.HomeRule, r.HomeUndelivered}, "") {
				t.Errorf("%s: a route lacks something: %+v", settings, r)
			}
		}
		if len(regions) != len(forwarders) || way.LogGroup == "" || way.Events == "" || way.Dead == "" {
			t.Errorf("%s: %d Regions with %d forwarders, %+v", settings, len(regions), len(forwarders), way)
		}
	}
}

// TestTestEventsArrive, as an operator who may do only what the help names, and
// though what is written shows late.
func TestTestEventsArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deployWay(t, sim.Options{LogLag: 3 * time.Second})
		defer beside(t, func(ctx context.Context) { d.copier(ctx, time.Second) })()
		results, err := d.as(d.operator("events:PutEvents logs:FilterLogEvents")).do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Arrived == nil || r.Seconds < 1 || r.Seconds > 6 {
				t.Errorf("%s %s: arrived %v after %v s, want after 1 to 6", r.Region, r.Kind, r.Arrived, r.Seconds)
			}
		}
		if lost := d.world.Lost(); len(lost) > 0 {
			t.Errorf("lost: %v", lost)
		}
	})
}

const diagnosing = "events:PutEvents events:DescribeRule logs:FilterLogEvents sqs:GetQueueAttributes sqs:ReceiveMessage sqs:DeleteMessage"

// TestWhereTestEventsStop breaks the way in one place after the other.
func TestWhereTestEventsStop(t *testing.T) {
	const all = "eu-central-1 eu-west-2 sa-east-1 us-east-1"
	for name, test := range map[string]struct {
		broken func(d *deployedWay)
		// stopped are the Regions whose events do not arrive, for this reason.
		stopped     string
		where, next string
	}{
		"nothing": {func(*deployedWay) {}, "", "", ""},
		"a rule is disabled": {
			func(d *deployedWay) {
				d.do("eu-west-2", "events", "DisableRule", map[string]any{"Name": "snapferry-copy-events"}, nil)
			},
			"eu-west-2", "rule snapferry-copy-events on the bus default of eu-west-2 is disabled",
			"aws events enable-rule --region eu-west-2 --name snapferry-copy-events",
		},
		"a rule is gone": {
			func(d *deployedWay) { d.removeRule("eu-west-2", "default", "snapferry-copy-events") },
			"eu-west-2", "there is no rule snapferry-copy-events on the bus default of eu-west-2", "deploy",
		},
		"a rule is an older one": {
			func(d *deployedWay) {
				d.do("eu-west-2", "events", "PutRule", map[string]any{"Name": "snapferry-copy-events", "EventPattern": `{"source":["aws.ec2"]}`}, nil)
			},
			"eu-west-2", "rule snapferry-copy-events on the bus default of eu-west-2 has another pattern", "deploy",
		},
		"a rule may not put on the home bus": {
			func(d *deployedWay) {
				if err := d.world.SetRolePolicies(d.way.Account, "snapferry-forwarder-eu-west-2-copy"); err != nil {
					d.t.Fatal(err)
				}
			},
			"eu-west-2", "rule snapferry-copy-events of eu-west-2 can't put events on the bus snapferry of us-east-1: NO_PERMISSIONS", "docs/runbook.md#forwarder-undelivered",
		},
		"a rule on the home bus is disabled": {
			func(d *deployedWay) {
				d.do("us-east-1", "events", "DisableRule", map[string]any{"Name": "snapferry-share-events", "EventBusName": "snapferry"}, nil)
			},
			"eu-central-1 us-east-1", "rule snapferry-share-events on the bus snapferry of us-east-1 is disabled",
			"aws events enable-rule --region us-east-1 --name snapferry-share-events --event-bus-name snapferry",
		},
		"the events queue refuses": {
			func(d *deployedWay) { d.policy("us-east-1", "snapferry-events", "") },
			all, "of the bus snapferry of us-east-1 can't put events into the queue snapferry-events: NO_PERMISSIONS", "docs/runbook.md#undelivered",
		},
		"the events queue and the dead-letter queue refuse": {
			func(d *deployedWay) {
				d.policy("us-east-1", "snapferry-events", "")
				d.policy("us-east-1", "snapferry-undelivered", "")
			},
			all, "there is no trace of it", "docs/runbook.md#events-refused",
		},
		"EventBridge takes no queue under SQS's own encryption": {
			func(d *deployedWay) {
				*d = *deployWay(d.t, sim.Options{Readings: sim.Readings{ClosedQueues: true}})
			},
			all, "there is no trace of it", "docs/runbook.md#events-refused",
		},
		"the events queue is gone": {
			func(d *deployedWay) {
				d.do("us-east-1", "sqs", "DeleteQueue", map[string]any{"QueueUrl": d.queue("snapferry-events")}, nil)
				d.policy("us-east-1", "snapferry-undelivered", "")
			},
			all, "there is no queue snapferry-events in us-east-1", "deploy the home stack",
		},
		"nothing takes the events": {
			func(d *deployedWay) { d.way.LogGroup += "-paused" },
			all, "4 messages wait in snapferry-events, which the copy function does not take", "docs/runbook.md#events-old",
		},
		"the copy function hangs": {
			func(d *deployedWay) { d.way.LogGroup += "-hanging" },
			all, "the copy function has 4 messages of snapferry-events in hand", "docs/runbook.md#errors",
		},
		"the copy function fails": {
			func(d *deployedWay) { d.way.LogGroup += "-failing" },
			all, "it is in snapferry-events-dlq", "docs/runbook.md#dead-events",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := deployWay(t, sim.Options{})
				group := d.way.LogGroup
				test.broken(d)
				_, fault, _ := strings.Cut(d.way.LogGroup, group+"-")
				d.way.LogGroup = group
				defer beside(t, func(ctx context.Context) {
					switch fault {
					case "":
						d.copier(ctx, 0)
					case "hanging":
						d.take(ctx, "")
					case "failing":
						d.take(ctx, "snapferry-events-dlq")
					}
				})()
				results, err := d.as(d.operator(diagnosing)).do(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range results {
					if stopped := slices.Contains(strings.Fields(test.stopped), r.Region); stopped != (r.Arrived == nil) {
						t.Errorf("%s: arrived is %v", r.Region, r.Arrived)
					} else if stopped && (!strings.Contains(r.Where, test.where) || !strings.Contains(r.Next, test.next)) {
						t.Errorf("%s stopped:\n got %s: %s\nwant %s: %s", r.Region, r.Where, r.Next, test.where, test.next)
					}
				}
				// No dead-letter queue keeps a test event, for which an alarm would stay on.
				for _, region := range strings.Fields(all) {
					for _, name := range []string{"snapferry-forwarder-undelivered", "snapferry-undelivered", "snapferry-events-dlq"} {
						q, err := d.as(d.way.Account).probe.Queue(t.Context(), region, d.queue(name))
						if err != nil || q.Waiting+q.InHand > 0 {
							t.Errorf("%s in %s has %+v, %v", name, region, q, err)
						}
					}
				}
				if t.Failed() {
					t.Log(summary(results))
				}
			})
		})
	}
}

// TestNextIsThere: the sections that test-event sends people to are there.
func TestNextIsThere(t *testing.T) {
	data, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("testevent_verdict.go")
	if err != nil {
		t.Fatal(err)
	}
	sections := regexp.MustCompile(`docs/runbook\.md#([a-z-]+)`).FindAllStringSubmatch(string(source), -1)
	if len(sections) < 5 {
		t.Errorf("%d sections are named, want more", len(sections))
	}
	for _, s := range sections {
		title := strings.ReplaceAll(s[1], "-", " ")
		if !regexp.MustCompile(`(?im)^## ` + title + `$`).Match(data) {
			t.Errorf("the runbook has no section %q", title)
		}
	}
}

// TestOtherLettersStay: of a dead-letter queue only the run's own test events go.
func TestOtherLettersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deployWay(t, sim.Options{})
		d.policy("us-east-1", "snapferry-events", "")
		for i := range 25 {
			d.do("us-east-1", "sqs", "SendMessage", map[string]any{"QueueUrl": d.queue("snapferry-undelivered"), "MessageBody": fmt.Sprint("another ", i)}, nil)
		}
		results, err := d.as(d.way.Account).do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if !strings.Contains(r.Where, "NO_PERMISSIONS") {
				t.Errorf("%s: %s", r.Region, r.Where)
			}
		}
		time.Sleep(time.Minute)
		q, err := d.as(d.way.Account).probe.Queue(t.Context(), "us-east-1", d.queue("snapferry-undelivered"))
		if err != nil || q.Waiting != 25 {
			t.Errorf("left %+v, %v, want 25", q, err)
		}
	})
}

// TestTestEventsWithoutPermission: what may not be done is an error, and what was
// found all the same is said.
func TestTestEventsWithoutPermission(t *testing.T) {
	for name, test := range map[string]struct{ may, want string }{
		"to send":                 {"logs:FilterLogEvents", "is not authorized to perform: events:PutEvents"},
		"to look into the log":    {"events:PutEvents", "look into log group /aws/lambda/snapferry-copy in us-east-1: .*is not authorized to perform: logs:FilterLogEvents"},
		"to look where they stop": {"events:PutEvents logs:FilterLogEvents", "is not authorized to perform: events:DescribeRule"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := deployWay(t, sim.Options{})
				results, err := d.as(d.operator(test.may)).do(t.Context())
				if exitCode(err) != exitAWS {
					t.Errorf("exit code %d: %v", exitCode(err), err)
				}
				want, _, _ := strings.Cut(test.want, ".*")
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				if len(results) != len(d.way.Routes) {
					t.Errorf("%d results", len(results))
				}
				for _, r := range results {
					if strings.Contains(r.Where, "no trace") {
						t.Errorf("%s: %s", r.Region, r.Where)
					}
				}
			})
		})
	}
}
