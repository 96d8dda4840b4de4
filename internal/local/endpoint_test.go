package local

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestServeOnlyOnLoopback(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "localhost:0", "[::1]:0"} {
		e, err := Serve(t.Context(), address, http.NotFoundHandler())
		if err != nil {
			if strings.HasPrefix(address, "[") {
				continue // a machine without IPv6
			}
			t.Fatal(err)
		}
		response, err := http.Get(e.URL)
		if err != nil {
			t.Errorf("%s: %v", address, err)
		} else {
			response.Body.Close()
		}
		e.Close()
		e.Close()
	}
	for _, address := range []string{"", ":4566", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "127.0.0.1", "4566"} {
		if e, err := Serve(t.Context(), address, http.NotFoundHandler()); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: got %v, want ErrAddress", address, err)
			if err == nil {
				e.Close()
			}
		}
	}
}
