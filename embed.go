// Package sendwarden holds the rules that the program ships with. The program
// itself is cmd/sendwarden.
package sendwarden

import _ "embed"

// Rules is the rules.yaml that is in force where an administrator has given
// none.
//
//go:embed rules.yaml
var Rules []byte
