// Package httprange reads safetensors files, or any others, where they lie on an
// HTTP server, by asking for ranges of bytes: the header of a model of many
// gigabytes is one request, a tensor is one more.
//
// [Open] gives a safetensors.File. [NewReader] gives any file as an io.ReaderAt,
// and [FS] the files below a URL as an fs.FS, for example the shards of a model:
//
//	fsys := httprange.FS(ctx, "https://host/org/model/resolve/main", nil)
//	f, err := safetensors.OpenFS(fsys, "model-00001-of-00002.safetensors", nil)
//
// # Requests
//
// Only GET is sent, always with a Range of one part and with Accept-Encoding:
// identity.
//
//	opening        bytes 0 to 99,999, which are kept; most headers end there
//	longer header  the rest of it
//	ReadAt         what the first answer did not bring: one request below 16 MiB,
//	               else four at a time, a quarter of the read each
//	slices         a request a run of bytes; pieces less than 256 KiB apart are
//	               worth joining, which ReadGap tells the codec
//	Stat, Size     none
//
// Open refuses a header of more than Options.MaxHeader, 25,000,000 bytes unless
// set, before the second request.
//
// # What is checked
//
// Bytes are given only when they are those that were asked for, of the file that
// was opened. The first answer says which that is: its size, from Content-Range,
// with its ETag and Last-Modified. Every later answer must say the same, else the
// read fails with ErrChanged and its body is not looked at. How sure that is
// depends on what the server sends:
//
//	ETag "x"       strong: equal tags are equal bytes. It is sent along as
//	               If-Match too. Last-Modified is not compared
//	ETag W/"x"     weak: the tag and Last-Modified must be equal; the server only
//	               promises that it takes both files for the same
//	Last-Modified  a file that is replaced within its second by one of equal
//	               size is not noticed
//	none of them   only the size can be compared
//
// So a file read from an honest server is never a mixture, if there is a strong
// ETag. Whoever cannot trust the server compares checksums.
//
// Answers are taken so:
//
//	206         Content-Range must begin where asked, end no later, lie within
//	            the file and name its size; Content-Length must agree with it, and
//	            the body with both. More than one part, or any Content-Encoding, is
//	            refused. Less than asked for is taken, and the rest asked for
//	200         ErrNoRanges, or ErrChanged where it is of another file: no byte of
//	            the body is read. Right for an empty file
//	404, 410    fs.ErrNotExist
//	401, 403    fs.ErrPermission
//	412         ErrChanged
//	416         ErrChanged where the file's size is another one; else ErrProtocol.
//	            Right for an empty file
//	408, 429,   retried
//	500 to 599
//
// What breaks these rules is ErrProtocol. Errors are an [*Error], with the
// status, the bytes that are missing, and the URL without what may be secret in
// it; errors.Is finds the reason.
//
// # Retries
//
// A request that the network ends, that is silent for Options.Timeout, or that is
// answered with a status to be retried, is made again: from the byte where it
// stopped, after a pause that doubles from Options.Backoff on, or that Retry-After
// asks for; one minute at most. After Options.Retries retries in a row that
// brought less than 64 KiB each, the read fails. A certificate that cannot be
// verified and a host that does not exist are not retried.
//
// # Redirects
//
// They are followed, ten at most, but from https to http never. What Options.Header
// holds, and a user and password of the URL, is sent to the URL's own origin
// (scheme, host and port) and to no other. Later requests go straight to where the
// last answer came from; when that fails, as signed URLs do after a while, the URL
// itself is asked again.
//
// # Limits
//
// A context given to Open, NewReader or FS bounds every request that follows from
// it, also those of later reads, and Close ends those of a Reader. Everything may
// be used by any number of goroutines, but for Read of one fs.File. A Reader holds
// 100,000 bytes; reading adds no memory to the caller's own but in ReadFile and
// Read, which look ahead by a mebibyte. The sizes that a server claims are
// believed no further than its bytes come, but Tensor.Bytes and its like allocate
// what the header claims, before they read.
//
// This is a package of its own so that programs which only read files are built
// without net/http.
package httprange
