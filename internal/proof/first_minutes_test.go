package proof

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"snapferry/internal/cloudformation"
	"snapferry/internal/sim"
)

// TestFirstMinutes: on a first deployment the schedules run before the forwarders
// are there. What is shared already is copied then, and no event tells that it
// was. In the end each copy has been made once, and its outcome published once.
func TestFirstMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := templates(t)
		var home, forwarders cloudformation.Assembly
		for _, stack := range all.Stacks {
			if strings.Contains(stack.Name, "forwarder") {
				forwarders.Stacks = append(forwarders.Stacks, stack)
			} else {
				home.Stacks = append(home.Stacks, stack)
			}
		}
		if len(home.Stacks) == 0 || len(forwarders.Stacks) != 2 {
			t.Fatalf("%d and %d stacks, want some and two forwarders", len(home.Stacks), len(forwarders.Stacks))
		}
		heard := map[string]int{}
		late := 0
		began := time.Now()
		d, err := Deploy(t.Context(), Settings{
			Templates: &home, PolicyFiles: nightly(t),
			Listen: func(o Outcome) {
				heard[o.Type]++
				if o.Type == "Completed" && time.Since(began) >= 45*time.Minute {
					late++
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		// More than there are slots, so that copies have to follow others whose end
		// no event told of.
		const sources = 30
		for i := range sources {
			seed := sim.Seed{Region: Home, ID: fmt.Sprintf("snap-0123456789abcde%02x", i), Owner: "111111111111", SharedWith: []string{Account}}
			if err := d.World.AddSnapshot(seed); err != nil {
				t.Fatal(err)
			}
		}
		d.Start(t.Context())
		time.Sleep(12 * time.Minute)
		if heard["Started"] == 0 || heard["Completed"] > 0 {
			t.Errorf("before there are forwarders: outcomes %v, want copies that were started, and nothing of their end", heard)
		}
		if _, err := forwarders.Deploy(t.Context(), d.World); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		d.Stop()
		if heard["Started"] != sources || heard["Completed"] != sources || len(heard) != 2 {
			t.Errorf("outcomes %v, want each of %d copies started and completed once", heard, sources)
		}
		if late == 0 {
			t.Error("every result was published soon, want those whose events were lost to be late")
		}
		if problems := slices.Clone(d.Problems()); len(problems) > 0 {
			t.Errorf("problems: %v", problems)
		}
	})
}
