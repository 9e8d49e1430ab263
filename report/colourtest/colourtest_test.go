package colourtest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The examples are those of the guidelines and of WebAIM's contrast checker.
func TestContrast(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000", "#fff", 21}, {"#fff", "#ffffff", 1}, {"#777777", "#fff", 4.48}, {"#767676", "#fff", 4.54}, {"#0000ff", "#fff", 8.59}, {"#ff0000", "#000", 5.25}} {
		a, err := Parse(c.a)
		require.NoError(t, err)
		b, err := Parse(c.b)
		require.NoError(t, err)
		require.InDelta(t, c.want, Contrast(a, b), 0.005, "%s on %s", c.a, c.b)
		require.InDelta(t, Contrast(a, b), Contrast(b, a), 0)
	}
	for _, wrong := range []string{"", "#", "red", "#12", "#12345", "#1234567", "#-12345"} {
		_, err := Parse(wrong)
		require.Error(t, err, wrong)
	}
}
