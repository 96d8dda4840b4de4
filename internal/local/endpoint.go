package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ErrAddress says that an address is not one that Serve accepts.
var ErrAddress = errors.New("not a loopback HOST:PORT")

// Endpoint is a handler served over loopback.
type Endpoint struct {
	// URL is http://HOST:PORT, as AWS_ENDPOINT_URL takes it.
	URL string

	server *http.Server
	served chan struct{}
}

// Serve serves handler at address, HOST:PORT, where port 0 picks a free one. A
// host that is not loopback is refused, because the simulated AWS believes
// whoever reaches it.
func Serve(ctx context.Context, address string, handler http.Handler) (*Endpoint, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("serve at %q: %w: say such as 127.0.0.1:4566", address, ErrAddress)
	}
	if host, err = loopback(ctx, host); err != nil {
		return nil, fmt.Errorf("serve at %q: %w", address, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("serve at %q: %w", address, err)
	}
	e := &Endpoint{
		URL:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		served: make(chan struct{}),
	}
	go func() {
		e.server.Serve(listener) // ends with Close
		close(e.served)
	}()
	return e, nil
}

// Close ends all connections. It may be called more than once.
func (e *Endpoint) Close() {
	e.server.Close()
	<-e.served
}

// loopback resolves host and insists that all its addresses are loopback.
func loopback(ctx context.Context, host string) (string, error) {
	if host == "" {
		return "", fmt.Errorf("%w: no host means every interface: say 127.0.0.1", ErrAddress)
	}
	addresses, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if !a.IP.IsLoopback() {
			return "", fmt.Errorf("%w: %s is open to others, and the simulated AWS believes whoever reaches it: use 127.0.0.1", ErrAddress, a.IP)
		}
	}
	return addresses[0].String(), nil
}
