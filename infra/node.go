package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/aws/jsii-runtime-go"
)

// silence is the CDK library's variable for a version of Node.js of which it would
// otherwise say, in a banner of eleven lines, that it is no longer maintained.
const silence = "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"

// prepareNode says in one line what the CDK's library would say in a banner.
func prepareNode(stderr io.Writer) {
	version, err := exec.Command("node", "--version").Output()
	if err != nil {
		return // the synthesis says what is missing
	}
	text := strings.TrimSpace(string(version))
	major, _ := strconv.Atoi(strings.Split(strings.TrimPrefix(text, "v"), ".")[0])
	if major != 20 || os.Getenv(silence) != "" {
		return
	}
	fmt.Fprintf(stderr, "Node.js %s works, though it is no longer maintained: 24 is recommended\n", text)
	os.Setenv(silence, "20")
	// The library took its environment when the program began; the next client that it
	// makes takes this one.
	jsii.Close()
}
