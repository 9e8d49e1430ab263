package blocklist

import "path/filepath"

// Matches tells whether a user fits a pattern such as *@example.es; all fit "".
func Matches(pattern, user string) bool {
	if pattern == "" {
		return true
	}
	fits, err := filepath.Match(Fold(pattern), Fold(user))
	return err == nil && fits
}
