// Package packaging is what turns the program into a service of a Linux system:
// systemd's units, the files that say which user and which directories there have
// to be, and packages of them all for Debian and for those with RPM, which
// packaging/build makes. Its tests have systemd, lintian and rpm judge them, and play
// a Debian package's life from its installation to its purge.
package packaging
