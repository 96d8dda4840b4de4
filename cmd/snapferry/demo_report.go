package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"snapferry/internal/snapshot"
)

// demoReport is what the demo ends with.
type demoReport struct {
	// Copies are those that were there before the first expired.
	Copies   []copyRow      `json:"copies"`
	Outcomes map[string]int `json:"outcomes"`
	// CopyCalls are those that were made until every copy had come, EC2Calls
	// all of them: expiry looks into every Region of Amazon's.
	CopyCalls    map[string]int `json:"ec2CallsWhileCopying"`
	CallsPerCopy float64        `json:"ec2CallsPerCopy"`
	EC2Calls     map[string]int `json:"ec2Calls"`
	Expectations []expectation  `json:"expectations"`
	Seconds      float64        `json:"seconds"`
}

// copyRow is one copy as EC2 showed it.
type copyRow struct {
	Region     string `json:"region"`
	ID         string `json:"id"`
	Source     string `json:"source"`
	State      string `json:"state"`
	Encryption string `json:"encryption"`
	Expires    string `json:"expires"`
}

// rows is the vault's copies in both Regions.
func (d *story) rows() ([]copyRow, error) {
	var rows []copyRow
	for _, region := range []string{shortRegion, longRegion} {
		copies, err := d.own(targetAccount, region)
		if err != nil {
			return nil, err
		}
		for _, c := range copies {
			state := c.State
			if c.State == "error" {
				state += ": " + c.Message
			}
			rows = append(rows, copyRow{
				Region:     region,
				ID:         c.ID,
				Source:     d.happened.called(c.tag(snapshot.TagSource)),
				State:      state,
				Encryption: encryption(c),
				Expires:    c.tag(snapshot.TagExpires),
			})
		}
	}
	return rows, nil
}

func encryption(c shown) string {
	switch {
	case c.State != "completed":
		return "-"
	case !c.Encrypted:
		return "none"
	}
	return c.Key[strings.LastIndexByte(c.Key, ':')+1:]
}

func (d *story) report() demoReport {
	r := demoReport{
		Copies:       d.copies,
		Outcomes:     map[string]int{},
		CopyCalls:    d.copying,
		EC2Calls:     d.counted(),
		Expectations: d.expected,
		Seconds:      time.Since(d.began).Round(100 * time.Millisecond).Seconds(),
	}
	for _, o := range d.happened.seen() {
		r.Outcomes[o.Kind]++
	}
	total := 0
	for _, n := range r.CopyCalls {
		total += n
	}
	r.CallsPerCopy = float64(total) / float64(2*d.wanted())
	return r
}

func (r demoReport) failed() int {
	n := 0
	for _, e := range r.Expectations {
		if !e.OK {
			n++
		}
	}
	return n
}

func (r demoReport) print(w io.Writer) {
	fmt.Fprintln(w, "\nThe copies, before the first expired:")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  REGION\tCOPY\tSOURCE\tENCRYPTION\tEXPIRES\tSTATE")
	for _, c := range r.Copies {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\n", c.Region, c.ID, c.Source, c.Encryption, c.Expires, c.State)
	}
	table.Flush()
	fmt.Fprintln(w, "\nOutcomes told:")
	printCounts(w, r.Outcomes)
	fmt.Fprintf(w, "\nCalls to EC2 until every copy had come, %.1f per copy:\n", r.CallsPerCopy)
	printCounts(w, r.CopyCalls)
	fmt.Fprintln(w, "\nCalls to EC2 in all; expiry looks into every Region there is:")
	printCounts(w, r.EC2Calls)
	fmt.Fprintln(w, "\nAs expected?")
	for _, e := range r.Expectations {
		if e.OK {
			fmt.Fprintf(w, "  ok      %s\n", e.What)
		} else {
			fmt.Fprintf(w, "  FAILED  %s: %s\n", e.What, e.Got)
		}
	}
	fmt.Fprintf(w, "\n%d of %d as expected, in %.1f s\n", len(r.Expectations)-r.failed(), len(r.Expectations), r.Seconds)
}

// printCounts prints the largest first.
func printCounts(w io.Writer, counts map[string]int) {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range names {
		fmt.Fprintf(table, "  %s\t%d\n", name, counts[name])
	}
	table.Flush()
}
