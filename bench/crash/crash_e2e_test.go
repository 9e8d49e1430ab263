//go:build e2e

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A daemon that is killed again and again comes to the same end as one that is
// left in peace: the short form of `go run ./bench/crash`.
func TestKilledDaemon(t *testing.T) {
	program, err := build(t.TempDir())
	require.NoError(t, err)
	var said strings.Builder
	killed := trial{program: program, dir: t.TempDir(), table: "lmdb", seed: 1, kills: 20, volume: 0.05, out: &said}
	err = killed.run(t.Context())
	t.Log(said.String())
	require.NoError(t, err)
}
