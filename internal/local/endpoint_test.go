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
	for _, address := range []string{"", ":4566", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "127.0.0.1", "4566", "localhost:99999", "127.0.0.1:-1", "127.0.0.1:http"} {
		if e, err := Serve(t.Context(), address, http.NotFoundHandler()); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: got %v, want ErrAddress", address, err)
			if err == nil {
				e.Close()
			}
		}
	}
}

func TestServeOnUsedPort(t *testing.T) {
	e, err := Serve(t.Context(), "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	again, err := Serve(t.Context(), strings.TrimPrefix(e.URL, "http://"), http.NotFoundHandler())
	if err == nil {
		again.Close()
		t.Fatal("the port was free")
	}
	if errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), "the port is in use: end the program that has it, or pick another port") {
		t.Errorf("got %v", err)
	}
}

func TestReach(t *testing.T) {
	e, err := Serve(t.Context(), "127.0.0.1:0", http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	if err := Reach(t.Context(), e.URL); err != nil {
		t.Error(err)
	}
	e.Close()
	if err := Reach(t.Context(), e.URL); !errors.Is(err, ErrNobody) {
		t.Errorf("after its end: got %v, want ErrNobody", err)
	}
	for _, endpoint := range []string{"", "127.0.0.1:4566", "http://127.0.0.1", "https://127.0.0.1:4566", "http://192.0.2.1:4566", "http://:4566"} {
		if err := Reach(t.Context(), endpoint); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: got %v, want ErrAddress", endpoint, err)
		}
	}
}
