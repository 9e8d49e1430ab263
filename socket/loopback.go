package socket

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Loopback is a TCP port of this host alone, as a section of the rules names it.
type Loopback struct {
	// Example is an address that could be written.
	Example string
	// Elsewhere says how somebody on another host comes to it.
	Elsewhere string
	// Any takes port 0, too: one that the system chooses.
	Any bool
}

// Parse reads an address and port. A name would be looked up who knows where, so
// there is only localhost.
func (p Loopback) Parse(listen string) (netip.AddrPort, error) {
	at := listen
	if port, ok := strings.CutPrefix(at, "localhost:"); ok {
		at = "127.0.0.1:" + port
	}
	ap, err := netip.ParseAddrPort(at)
	switch {
	case err != nil || ap.Port() == 0 && !p.Any:
		return ap, fmt.Errorf("%s: no address and port (write %s)", listen, p.Example)
	case !ap.Addr().Unmap().IsLoopback():
		return ap, fmt.Errorf("%s: other hosts could reach it (write 127.0.0.1:%d%s)", listen, ap.Port(), p.Elsewhere)
	}
	return ap, nil
}

// Open opens the port.
func (p Loopback) Open(listen string) (net.Listener, error) {
	ap, err := p.Parse(listen)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", ap.String())
	if err != nil {
		return nil, fmt.Errorf("%w (see ss -lntp)", err)
	}
	return l, nil
}
