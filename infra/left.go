package main

import (
	"fmt"
	"io"

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
	for _, s := range b.Sources {
		fmt.Fprintf(w, "  in account %s, %s: the stack that creates and shares snapshots; make destroy TARGET=source ends it\n", s.Account, s.Region)
	}
	if b.StackSet != nil {
		fmt.Fprintf(w, "  in the organisation: the StackSet %s; make destroy TARGET=source ends it\n", b.StackSet.Name)
	}
	fmt.Fprintf(w, "All else goes, what waits in queues too: a new deployment orders again what is not older than %s; "+
		"for older snapshots that were shared lately, wait until no orders wait.\n", b.Settings.CatchUp)
}
