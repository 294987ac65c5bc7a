package httprange

// This file tests redirects: what is sent where, and which URL is asked next.

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// redirected makes a site that answers only under the path /signed?key=<key> of
// its second name, and redirects there from everywhere else. Both names are of
// this machine, and to HTTP they are two hosts.
func redirected(t *testing.T) (s *site, url string, key *atomic.Value) {
	s = serve(t, noise(300_000))
	key = &atomic.Value{}
	key.Store("1")
	other := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path != "/signed":
			w.Header().Set("ETag", `"of the page that redirects"`)
			http.Redirect(w, r, other+"/signed?key="+key.Load().(string), http.StatusFound)
			return true
		case r.FormValue("key") != key.Load():
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}
	return s, s.URL + "/model.safetensors", key
}

func (s *site) paths() (paths []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.seen {
		paths = append(paths, r.URL.RequestURI())
	}
	return paths
}

func TestRedirectIsRemembered(t *testing.T) {
	s, url, key := redirected(t)
	r := open(t, url, nil)
	requirePart(t, r, s.file, 200_000, 200_010)
	require.Equal(t, []string{"/model.safetensors", "/signed?key=1", "/signed?key=1"}, s.paths())
	require.Equal(t, `"one"`, s.seen[2].Header.Get("If-Match"))

	s.seen = nil
	key.Store("2")
	requirePart(t, r, s.file, 200_000, 200_010)
	requirePart(t, r, s.file, 210_000, 210_010)
	require.Equal(t, []string{"/signed?key=1", "/model.safetensors", "/signed?key=2", "/signed?key=2"}, s.paths())
	require.Empty(t, s.seen[1].Header.Get("If-Match"), "the page that redirects has an ETag of its own")
}

func TestRedirectToWhatIsForbidden(t *testing.T) {
	s, url, key := redirected(t)
	r := open(t, url, nil)
	s.seen = nil
	key.Store("%") // never what the form holds
	e := readErr(t, r, 200_000, 10)
	require.Equal(t, http.StatusForbidden, e.Status)
	require.Len(t, s.paths(), 3, "the old one, the URL itself, the new one")
	require.NotContains(t, e.Error(), "signed")
}

// What replaced the file under the URL is noticed though the redirect's target
// had a version of its own.
func TestRedirectToAnotherFile(t *testing.T) {
	s, url, key := redirected(t)
	r := open(t, url, nil)
	key.Store("2")
	s.etag = `"two"`
	require.ErrorIs(t, readErr(t, r, 200_000, 10), ErrChanged)
}

func TestRedirectTargetIsGone(t *testing.T) {
	s := serve(t, noise(300_000))
	target := serve(t, s.file)
	to := target.URL
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/moved" {
			http.Redirect(w, r, to+"/moved", http.StatusTemporaryRedirect)
		}
		return r.URL.Path != "/moved"
	}
	r := open(t, s.URL, nil)
	target.Close()
	to = s.URL
	requirePart(t, r, s.file, 200_000, 200_010)
}

func TestSecretsStayWithTheirOrigin(t *testing.T) {
	s, url, _ := redirected(t)
	o := eager(nil)
	o.Header = http.Header{
		"Authorization": {"Bearer secret"}, "Cookie": {"session=secret"}, "X-Api-Key": {"secret"},
		"User-Agent": {"test/1"},
	}
	r := open(t, url+"?token=secret", o)
	requirePart(t, r, s.file, 200_000, 200_010)
	require.Len(t, s.seen, 3)
	require.Equal(t, "Bearer secret", s.seen[0].Header.Get("Authorization"))
	require.Equal(t, "secret", s.seen[0].Header.Get("X-Api-Key"))
	for _, req := range s.seen[1:] {
		require.True(t, strings.HasPrefix(req.Host, "localhost:"))
		for name, values := range req.Header {
			require.NotContains(t, strings.Join(values, " "), "secret", name)
		}
		require.Equal(t, "test/1", req.Header.Get("User-Agent"))
		require.NotEmpty(t, req.Header.Get("Range"))
	}
}

// net/http takes another port, and a host below this one, for the same.
func TestAnotherPortIsAnotherOrigin(t *testing.T) {
	target := serve(t, noise(200_000))
	s := serve(t, nil)
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, target.URL, http.StatusFound)
		return true
	}
	r := open(t, strings.Replace(s.URL, "http://", "http://user:secret@", 1), nil)
	requirePart(t, r, target.file, 150_000, 150_010)
	require.NotEmpty(t, s.seen[0].Header.Get("Authorization"))
	require.Len(t, target.seen, 2)
	for _, req := range target.seen {
		require.Empty(t, req.Header.Get("Authorization"))
	}
}

func TestCredentialsFollowWithinTheOrigin(t *testing.T) {
	s := serve(t, noise(200_000))
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if _, _, ok := r.BasicAuth(); !ok {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if r.URL.Path != "/here" {
			http.Redirect(w, r, "/here", http.StatusFound)
			return true
		}
		return false
	}
	r := open(t, strings.Replace(s.URL, "http://", "http://user@", 1), nil)
	requirePart(t, r, s.file, 150_000, 150_010)
}

func TestCredentialsOfAURL(t *testing.T) {
	u, err := parseURL("http://user:secret@host/a#b")
	require.NoError(t, err)
	given := http.Header{"X-Other": {"1"}}
	bare, h := credentials(u, given)
	require.Equal(t, "http://host/a", bare.String())
	require.Equal(t, http.Header{"X-Other": {"1"}, "Authorization": {"Basic dXNlcjpzZWNyZXQ="}}, h)
	require.Equal(t, http.Header{"X-Other": {"1"}}, given, "it is the caller's")
	require.NotNil(t, u.User, "and so is the URL")

	given.Set("Authorization", "Bearer token")
	_, h = credentials(u, given)
	require.Equal(t, "Bearer token", h.Get("Authorization"))
}

func TestOrigins(t *testing.T) {
	for _, row := range []struct {
		a, b string
		same bool
	}{
		{"https://host/a", "https://HOST:443/b", true},
		{"http://host", "http://host:80", true},
		{"http://host", "http://host:443", false},
		{"http://host", "https://host", false},
		{"https://host", "https://sub.host", false},
		{"https://[::1]:8", "https://[::1]:8/x", true},
	} {
		a, err := parseURL(row.a)
		require.NoError(t, err)
		b, err := parseURL(row.b)
		require.NoError(t, err)
		require.Equal(t, row.same, sameOrigin(a, b), "%v %v", a, b)
		require.Equal(t, row.same, sameOrigin(b, a), "%v %v", a, b)
	}
}

func TestRedirectFromTLSToPlain(t *testing.T) {
	plain := serve(t, noise(10))
	s := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(s.Close)
	o := eager(nil)
	o.Client = s.Client()
	_, err := NewReader(t.Context(), s.URL, o)
	require.ErrorContains(t, err, "a redirect from https to http")
	require.NotContains(t, err.Error(), "attempts", "which no retry will change")
	require.Empty(t, plain.seen)
}

func TestRedirectsThatDoNotEnd(t *testing.T) {
	s := serve(t, nil)
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "/again?secret", http.StatusFound)
		return true
	}
	_, err := NewReader(t.Context(), s.URL, eager(nil))
	require.ErrorContains(t, err, "10 redirects")
	require.NotContains(t, err.Error(), "secret")
	require.Len(t, s.seen, 10)
}

// The caller's own rules hold besides ours.
func TestRedirectsOfTheCallersClient(t *testing.T) {
	_, url, _ := redirected(t)
	o := eager(nil)
	no := errors.New("not today")
	o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return no }}
	_, err := NewReader(t.Context(), url, o)
	require.ErrorIs(t, err, no)

	o.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, err = NewReader(t.Context(), url, o)
	require.ErrorContains(t, err, "status 302 Found: the server refuses")
}
