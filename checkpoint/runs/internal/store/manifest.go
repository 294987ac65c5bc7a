package store

// This file is the manifest: what a checkpoint's directory must hold, and how that is spelled.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// Format is the version of the manifest that this package writes. It reads all from 1 on.
const Format = 1

// maxManifest is the longest manifest that is read, in bytes: about 500,000 tensors.
const maxManifest = 64 << 20

// Manifest describes a checkpoint. Once written it never changes.
type Manifest struct {
	Format       int                        `json:"format"`
	Run          string                     `json:"run"` // equal in all checkpoints of a run
	Step         int64                      `json:"step"`
	Generation   uint64                     `json:"generation"`
	Lineage      Lineage                    `json:"lineage"`
	RestoredFrom string                     `json:"restored_from,omitempty"` // the checkpoint whose state this is
	Time         time.Time                  `json:"time"`                    // by the writer's clock: for people, and for ages
	Kind         string                     `json:"kind,omitempty"`          // why it was made: the caller's word
	Metrics      map[string]jsonfloat.Float `json:"metrics,omitempty"`
	Files        map[string]*File           `json:"files"`
	Extra        json.RawMessage            `json:"extra,omitempty"` // the caller's; not in an outline
}

// File is one file of a checkpoint.
type File struct {
	Size    int64              `json:"size"`
	CRC     Sum                `json:"crc64nvme"`
	Tensors map[string]*Tensor `json:"tensors,omitempty"` // not in an outline
}

// Tensor is a part of a file.
type Tensor struct {
	Range [2]int64 `json:"range"` // of bytes in the file, [begin, end)
	CRC   Sum      `json:"crc64nvme"`
}

// ID is the name that the manifest asks for.
func (m *Manifest) ID() ID { return ID{Generation: m.Generation, Step: m.Step} }

// Bytes is the size of all files, without the manifest.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Sum is a CRC-64/NVME, in JSON 16 hexadecimal digits.
type Sum uint64

func (s Sum) String() string { return fmt.Sprintf("%016x", uint64(s)) }

// MarshalText implements encoding.TextMarshaler.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes what MarshalText gives, and nothing else.
func (s *Sum) UnmarshalText(text []byte) error { return s.parse(string(text)) }

func (s *Sum) parse(text string) error {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) != 16 || strings.ContainsAny(text, "ABCDEF") {
		return fmt.Errorf("checksum %.40q: want 16 hexadecimal digits", text)
	}
	*s = Sum(n)
	return nil
}

// The digest is the last member, so that it can be told from what it is of without parsing:
// it is the SHA-256 of all bytes before this text.
const (
	digestBefore = ",\n  \"sha256\": \""
	digestAfter  = "\"\n}\n"
	digestSize   = len(digestBefore) + 2*sha256.Size + len(digestAfter)
)

// encode spells the manifest. The same manifest gives the same bytes, which can be read back.
func (m *Manifest) encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(b, closing)
	if len(b) > maxManifest-digestSize {
		return nil, fmt.Errorf("a manifest of %d bytes, at most %d", len(b), maxManifest-digestSize)
	}
	if _, err := read(b, everything); err != nil {
		return nil, fmt.Errorf("a manifest that could not be read: %w", err)
	}
	sum := sha256.Sum256(b)
	b = append(b, digestBefore...)
	b = hex.AppendEncode(b, sum[:])
	return append(b, digestAfter...), nil
}

// checkDigest returns what the digest is of.
func checkDigest(b []byte) ([]byte, error) {
	at := len(b) - digestSize
	if at < 0 {
		return nil, fmt.Errorf("%d bytes are too few", len(b))
	}
	body, tail := b[:at], string(b[at:])
	want := strings.TrimSuffix(strings.TrimPrefix(tail, digestBefore), digestAfter)
	if len(want) != 2*sha256.Size {
		return nil, errors.New("it does not end with its digest")
	}
	if got := sha256.Sum256(body); hex.EncodeToString(got[:]) != want {
		return nil, fmt.Errorf("SHA-256 is %x, stored %s", got, want)
	}
	return body, nil
}

// check refuses what encode would not have been given.
func (m *Manifest) check() error {
	if m.Format < 1 || m.Step < 0 || m.Generation == 0 || m.Run == "" {
		return fmt.Errorf("format %d, run %q, step %d, generation %d: not a checkpoint", m.Format, m.Run, m.Step, m.Generation)
	}
	if err := m.Lineage.check(m.Generation); err != nil {
		return err
	}
	for name, f := range m.Files {
		if err := checkFileName(name); err != nil {
			return err
		}
		if f == nil || f.Size < 0 {
			return fmt.Errorf("file %q: no size", name)
		}
		for tensor, t := range f.Tensors {
			if t == nil || t.Range[0] < 0 || t.Range[1] < t.Range[0] || t.Range[1] > f.Size {
				return fmt.Errorf("file %q of %d bytes: tensor %q lies outside", name, f.Size, tensor)
			}
		}
	}
	return nil
}
