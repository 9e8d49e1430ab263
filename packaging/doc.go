// Package packaging is what turns the program into a service of a Linux system:
// systemd's units, and the files that say which user and which directories there
// have to be. Its tests have systemd judge them.
package packaging
