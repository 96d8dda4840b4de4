// Package golden holds deployments that people have looked at: for each a folder
// with its settings and policies, and the templates that infra makes of them. A
// folder with settings.json and policies/ is all that a new one takes; then
// `go test ./infra/stacks -update` writes its templates. A function's code, which
// differs with every build, is asset.zip in all of them.
package golden

import "embed"

// Cases has a folder for each case: settings.json, policies/*.json, and the
// templates of the target account and of the source accounts in target/ and
// source/, in files STACK.template.json.
//
//go:embed */settings.json */policies */target */source
var Cases embed.FS
