package httprange

// This file decides where requests may be sent on to, and what goes along.

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// A redirectError is why a redirect was not followed. Asking again would lead to
// it again.
type redirectError struct{ err error }

func (e *redirectError) Error() string { return e.err.Error() }
func (e *redirectError) Unwrap() error { return e.err }

// guarded returns a copy of c that follows redirects by our rules and c's.
func guarded(c *http.Client) *http.Client {
	g := *c
	g.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if err := follow(c, req, via); err != nil && !errors.Is(err, http.ErrUseLastResponse) {
			return &redirectError{err}
		} else if err != nil {
			return err
		}
		return nil
	}
	return &g
}

// follow takes secrets off a request that leaves the first one's origin.
func follow(c *http.Client, req *http.Request, via []*http.Request) error {
	from := via[0].URL
	if from.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("a redirect from https to " + req.URL.Scheme)
	}
	if !sameOrigin(from, req.URL) {
		keepPublic(req.Header)
	}
	if c.CheckRedirect != nil {
		return c.CheckRedirect(req, via)
	}
	if len(via) >= 10 {
		return errors.New("10 redirects, one after the other")
	}
	return nil
}

// ours are the fields that requests are made of, whatever the caller adds.
var ours = map[string]bool{"Range": true, "If-Match": true, "Accept-Encoding": true, "User-Agent": true}

// keepPublic removes the fields that are the caller's, but for the User-Agent, and
// the Referer, which tells the query of the URL before.
func keepPublic(h http.Header) {
	for name := range h {
		if !ours[http.CanonicalHeaderKey(name)] {
			delete(h, name)
		}
	}
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// credentials moves the user and password of u to a header, where a redirect
// within the origin finds them and one that leaves it does not.
func credentials(u *url.URL, h http.Header) (*url.URL, http.Header) {
	h = h.Clone()
	if h == nil {
		h = http.Header{}
	}
	if u.User != nil && h.Get("Authorization") == "" {
		password, _ := u.User.Password()
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	bare := *u
	bare.User, bare.Fragment, bare.RawFragment = nil, "", ""
	return &bare, h
}
