package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

var (
	// ErrAddress says that an address is not one that Serve, or Reach, accepts.
	ErrAddress = errors.New("not a loopback HOST:PORT")
	// ErrNobody says that nothing answers at an endpoint.
	ErrNobody = errors.New("nothing answers")
)

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
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("serve at %q: %w: the port is a number from 0 to 65535, and 0 picks a free one", address, ErrAddress)
	}
	if host, err = loopback(ctx, host); err != nil {
		return nil, fmt.Errorf("serve at %q: %w", address, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("serve at %q: the port is in use: end the program that has it, or pick another port (0 picks a free one): %w", address, err)
	case err != nil:
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

// Reach says whether something answers at an endpoint, http://HOST:PORT. The
// error is ErrAddress when the host is not loopback, and ErrNobody when nothing
// listens there.
func Reach(ctx context.Context, endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return fmt.Errorf("%q: %w: write http://127.0.0.1:PORT", endpoint, ErrAddress)
	}
	host, err := loopback(ctx, u.Hostname())
	if err != nil {
		return fmt.Errorf("%q: %w", endpoint, err)
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, u.Port()))
	if err != nil {
		return fmt.Errorf("%w at %s", ErrNobody, endpoint)
	}
	return connection.Close()
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
