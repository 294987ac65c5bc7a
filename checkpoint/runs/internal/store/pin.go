package store

// This file is what people add to a checkpoint that is there: names that keep it, and metrics
// that became known later. Neither needs the lock.

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// maxBeside is the longest pin or record that is read, in bytes.
const maxBeside = 1 << 20

// Pin keeps a checkpoint from being deleted, under a name. It survives a power cut when Pin returns
// nil. Two Pins of one checkpoint at the same moment may keep one name only; the checkpoint is pinned
// all the same.
func (s *Store) Pin(id ID, name string) error {
	if err := checkFileName(name); err != nil {
		return fmt.Errorf("pin %s: %w", id, err)
	}
	if err := s.exists(id); err != nil {
		return fmt.Errorf("pin %s: %w", id, err)
	}
	names, err := s.readPins(id)
	if err != nil {
		return fmt.Errorf("pin %s: %w", id, err)
	}
	names = append(names, name)
	slices.Sort(names)
	text := strings.Join(slices.Compact(names), "\n") + "\n"
	if err := s.putBeside(id, pinName, []byte(text)); err != nil {
		return fmt.Errorf("pin %s: %w", id, err)
	}
	return nil
}

// Unpin takes a name away. With the last one the checkpoint is as others are.
func (s *Store) Unpin(id ID, name string) error {
	if err := s.exists(id); err != nil {
		return fmt.Errorf("unpin %s: %w", id, err)
	}
	left, err := s.readPins(id)
	if err != nil {
		return fmt.Errorf("unpin %s: %w", id, err)
	}
	at := slices.Index(left, name)
	if at < 0 {
		return fmt.Errorf("unpin %s: it is not pinned by the name %q, but by %q", id, name, left)
	}
	left = slices.Delete(left, at, at+1)
	if len(left) > 0 {
		err = s.putBeside(id, pinName, []byte(strings.Join(left, "\n")+"\n"))
	} else if err = s.root.Remove(path.Join(id.String(), pinName)); err == nil {
		err = s.root.SyncDir(id.String())
	}
	if err != nil {
		return fmt.Errorf("unpin %s: %w", id, err)
	}
	return nil
}

// readPins is the names in a pin, none where there is no pin.
func (s *Store) readPins(id ID) ([]string, error) {
	b, err := s.readSame(path.Join(id.String(), pinName), maxBeside)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	return strings.Fields(string(b)), nil
}

// Record adds metrics to a checkpoint, and replaces those of the same name.
func (s *Store) Record(id ID, metrics map[string]jsonfloat.Float) error {
	if err := s.exists(id); err != nil {
		return fmt.Errorf("record metrics of %s: %w", id, err)
	}
	all, err := s.recorded(id)
	if err != nil && !isMissing(err) {
		return fmt.Errorf("record metrics of %s: %w", id, err)
	}
	if all == nil {
		all = map[string]jsonfloat.Float{}
	}
	maps.Copy(all, metrics)
	b, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = s.putBeside(id, recordedName, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("record metrics of %s: %w", id, err)
	}
	return nil
}

func (s *Store) recorded(id ID) (metrics map[string]jsonfloat.Float, err error) {
	b, err := s.readSame(path.Join(id.String(), recordedName), maxBeside)
	if err != nil {
		return nil, err
	}
	return metrics, json.Unmarshal(b, &metrics)
}

// exists looks for a checkpoint, whose directory is one and no link to another.
func (s *Store) exists(id ID) error {
	dir, err := s.root.Lstat(id.String())
	if err == nil && !dir.IsDir() {
		return &DamageError{ID: id, Detail: fmt.Sprintf("not a directory but %s", dir.Mode())}
	}
	if err == nil {
		_, err = s.root.Lstat(path.Join(id.String(), ManifestName))
	}
	if isMissing(err) {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return err
}

const pinTemp = ".kibisis-beside-"

func isPinTemp(name string) bool { return strings.HasPrefix(name, pinTemp) }

// putBeside makes or replaces a small file in a checkpoint, in one step. A checkpoint that is
// deleted meanwhile is an error: what was put may be gone with it.
func (s *Store) putBeside(id ID, name string, b []byte) error {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	temp := path.Join(id.String(), pinTemp+hex.EncodeToString(random[:]))
	f, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := writeSynced(f, b); err != nil {
		_ = s.root.Remove(temp) // the error is the write's
		return err
	}
	if err := s.root.Rename(temp, path.Join(id.String(), name)); err != nil {
		_ = s.root.Remove(temp) // the error is the rename's
		return err
	}
	if err := s.root.SyncDir(id.String()); err != nil {
		return err
	}
	return s.exists(id)
}
