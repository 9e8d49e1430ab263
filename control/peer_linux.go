package control

import (
	"net"
	"syscall"
)

// credentials are the user and group ids of the process that connected (unix(7),
// SO_PEERCRED). The kernel knows them; the client has no say in it.
func credentials(conn *net.UnixConn) (uid, gid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil {
		return 0, 0, err
	}
	if failed != nil {
		return 0, 0, failed
	}
	return int(cred.Uid), int(cred.Gid), nil
}
