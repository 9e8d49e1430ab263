package postfix

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShutsOut(t *testing.T) {
	const table = "cidr:/etc/sendwarden/lists/addresses.cidr"
	for list, want := range map[string]bool{
		"":                             false,
		"check_client_access " + table: true,
		"check_client_access," + table + ",permit_sasl_authenticated,reject": true,
		"permit_mynetworks, check_client_access " + table:                    true,
		"permit_sasl_authenticated, check_client_access " + table:            false,
		"check_client_access cidr:/other, reject":                            false,
		"check_client_access":            false,
		"check_client_access { " + table: false,
	} {
		require.Equal(t, want, Service{Client: list}.ShutsOut(table), list)
	}
}
