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
	CopyCalls map[string]int `json:"ec2CallsWhileCopying"`
	// CallsPerCopy is how many of the former there were for each of Copies.
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

// rows is the target account's copies in both Regions, sorted.
func (d *story) rows() ([]copyRow, error) {
	var rows []copyRow
	for _, region := range []string{shortRegion, longRegion} {
		copies, err := d.own(targetAccount, region)
		if err != nil {
			return nil, err
		}
		defaultKey := d.defaultKey(targetAccount, region)
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
				Encryption: encryption(c, defaultKey),
				Expires:    c.tag(snapshot.TagExpires),
			})
		}
	}
	slices.SortFunc(rows, func(a, b copyRow) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID))
	})
	return rows, nil
}

// encryption names the key of a copy, given the default key of its Region.
func encryption(c shown, defaultKey string) string {
	switch {
	case c.State != "completed":
		return "-"
	case !c.Encrypted:
		return "none"
	case c.Key == defaultKey:
		return "default key of " + c.Region
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
		kind := o.Kind
		if o.ofFailedCopy() {
			kind += ", of failed copies"
		}
		r.Outcomes[kind]++
	}
	total := 0
	for _, n := range r.CopyCalls {
		total += n
	}
	r.CallsPerCopy = float64(total) / float64(max(len(r.Copies), 1))
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
	fmt.Fprintf(w, "\nCalls to EC2 until then, %.1f for each of the %s above:\n", r.CallsPerCopy, copies(len(r.Copies)))
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

func copies(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
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
