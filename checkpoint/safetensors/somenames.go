package safetensors

// This file is lists of names in messages, which must stay short.

import (
	"fmt"
	"strings"
)

// A someNames counts names and keeps the first few for a message.
type someNames struct {
	names []string
	n     int
}

func (s *someNames) add(name []byte) {
	const most = 4
	if s.n++; s.n <= most {
		s.names = append(s.names, string(name))
	}
}

func (s *someNames) String() string {
	if s.n == 0 {
		return "nothing"
	}
	var b strings.Builder
	for i, name := range s.names {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", shorten(name))
	}
	if more := s.n - len(s.names); more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
