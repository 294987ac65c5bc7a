package httprange

// This file holds what can be set, and the numbers that cannot.

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Options tunes how a file is read. Nil means: a client of our own, no further
// headers, five retries.
type Options struct {
	// Client sends the requests. Nil means one that all Readers share: the proxy
	// of the environment, connections that are kept. Its CheckRedirect is asked
	// besides our own rules; a Timeout of it bounds each request with its body.
	Client *http.Client
	// Header is sent with every request to the URL's own origin (scheme, host
	// and port): Authorization, for example. A redirect to another origin gets
	// the User-Agent of it and nothing else. It is copied.
	Header http.Header
	// MaxHeader is the longest safetensors header that Open reads, in bytes. 0
	// means 25,000,000, as other remote readers have it.
	MaxHeader int64
	// Retries is how often in a row a range may be asked for again without
	// 64 KiB of progress. 0 means 5, a negative number means never.
	Retries int
	// Backoff is the pause before the first retry; each further one is twice as
	// long as the one before, to a minute at most. Up to half of a pause is
	// taken off at random. 0 means 500 ms.
	Backoff time.Duration
	// Timeout is how long a request may wait for the next byte, or the first;
	// then it counts as failed and is retried. Waiting for a connection, where
	// Client limits their number, is part of it. 0 means 30 s.
	Timeout time.Duration

	// sleep is the pause of a test.
	sleep func(context.Context, time.Duration) error
}

const (
	// firstBytes is what the first request asks for. 97 of 100 safetensors
	// headers fit.
	firstBytes = 100_000
	// maxHeader is what MaxHeader means by 0, in bytes.
	maxHeader = 25_000_000
	// splitBytes is the shortest read that is made of more than one request, of
	// streams at a time: one connection rarely fills a fast line.
	splitBytes = 16 << 20
	streams    = 4
	// gapBytes is what ReadGap says: about what a line of 50 MB/s brings in the
	// 5 ms that a near server takes to answer at all.
	gapBytes = 256 << 10
	// progressBytes is how much a request must bring for the count of retries to
	// begin anew. A line that breaks every 100 MB gets any file; a server that
	// gives a byte a request does not keep us forever.
	progressBytes = 64 << 10
	// readAhead is what reading a file from start to end asks for at once.
	readAhead = 1 << 20
	// maxPause bounds what Backoff grows to and what Retry-After may ask for.
	maxPause = time.Minute
)

// orDefault is o with a value in every field; it must not be applied twice.
func (o *Options) orDefault() Options {
	var d Options
	if o != nil {
		d = *o
	}
	d.Header = d.Header.Clone()
	if d.Client == nil {
		d.Client = sharedClient()
	}
	if d.MaxHeader <= 0 { // to the codec a negative one would be no limit
		d.MaxHeader = maxHeader
	}
	if d.Retries == 0 {
		d.Retries = 5
	}
	d.Retries = max(d.Retries, 0)
	if d.Backoff == 0 {
		d.Backoff = 500 * time.Millisecond
	}
	if d.Timeout == 0 {
		d.Timeout = 30 * time.Second
	}
	if d.sleep == nil {
		d.sleep = sleep
	}
	return d
}

// sharedClient has no Timeout, which would bound the time of a body of any
// length; Options.Timeout bounds the silence instead.
var sharedClient = sync.OnceValue(func() *http.Client {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultClient // the program has put its own in place
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 4 * streams
	t.MaxResponseHeaderBytes = 1 << 20
	return &http.Client{Transport: t}
})
