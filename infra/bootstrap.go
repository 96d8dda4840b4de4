package main

import (
	"fmt"
	"io"

	"snapferry/infra/blueprint"
)

// printBootstrap prints the arguments of cdk bootstrap for the home stack. With a
// qualifier of its own, a bootstrap is a stack of its own: one that other
// applications use stays as it is.
func printBootstrap(w io.Writer, b blueprint.Blueprint) {
	fmt.Fprintf(w, "aws://%s/%s", b.Home.Account, b.Home.Region)
	if q := b.Settings.Qualifier; q != blueprint.DefaultQualifier {
		fmt.Fprintf(w, " --qualifier %s --toolkit-stack-name CDKToolkit-%s", q, q)
	}
	fmt.Fprintln(w)
}
