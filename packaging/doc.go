// Package packaging is what turns the program into a service of a Linux system:
// systemd's units, the files that say which user and which directories there have
// to be, and a Debian package of them all, which packaging/build makes. Its tests
// have systemd and lintian judge them, and play a package's life from its
// installation to its purge.
package packaging
