package main

import (
	"fmt"
	"io"
	"strings"

	"snapferry/infra/blueprint"
)

// printLeft says what stays in the target account when its stacks go, and what
// does not.
func printLeft(w io.Writer, b blueprint.Blueprint) {
	fmt.Fprintf(w, "When the stacks in account %s are destroyed, these stay:\n", b.Home.Account)
	fmt.Fprintln(w, "  every copy, in any Region: nothing expires them any more; a new deployment goes on where this one ended")
	for _, k := range b.Keys {
		fmt.Fprintf(w, "  the key behind %s in %s, without the alias: copies under it need it\n", k.Alias, k.Region)
	}
	for _, f := range b.Home.Functions {
		fmt.Fprintf(w, "  the logs /aws/lambda/%s in %s, each line for %d days\n", f.FullName, b.Home.Region, f.LogRetention)
	}
	fmt.Fprintf(w, "  the bucket and roles of cdk bootstrap in %s\n", b.Home.Region)
	fmt.Fprintln(w, "  what source accounts share with it: make destroy TARGET=source ends that")
	fmt.Fprintln(w, "The names of the queues stay taken for 60 seconds: deploying again earlier fails with QueueDeletedRecently.")
	fmt.Fprintf(w, "All else goes, what waits in queues too: a new deployment orders again what is at most %g hours old; "+
		"for older snapshots that were shared lately, wait until no orders wait.\n", b.Settings.CatchUp.Hours())
}

// printLeftInSources says what stays in the source accounts when their stacks go.
func printLeftInSources(w io.Writer, b blueprint.Blueprint) {
	fmt.Fprintln(w, "When the stacks of the source accounts are destroyed, these stay:")
	const snapshots = "the snapshots that DLM made, shared as they are: nothing deletes or unshares them any more"
	for _, s := range b.Sources {
		fmt.Fprintf(w, "  in account %s, %s: %s\n", s.Account, s.Region, snapshots)
	}
	if b.StackSet != nil {
		fmt.Fprintf(w, "  in each account of %s, %s: %s\n", strings.Join(b.StackSet.Units, ", "), strings.Join(b.StackSet.Regions, ", "), snapshots)
	}
	for _, account := range b.Settings.Sources {
		for _, key := range account.Keys {
			fmt.Fprintf(w, "  the statements that were added to the policy of %s\n", key)
		}
	}
	fmt.Fprintf(w, "  every copy in account %s\n", b.Home.Account)
}
