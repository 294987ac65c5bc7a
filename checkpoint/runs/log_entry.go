package runs

// This file is events as entries of a log.

import (
	"log/slog"
	"strings"
)

type entry struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
}

func stepAttr(n int64) slog.Attr { return slog.Int64("step", n) }

func (e Due) entry() entry {
	return entry{slog.LevelDebug, "save due", []slog.Attr{stepAttr(e.Step), slog.String("kind", e.Kind), slog.String("reason", e.Reason)}}
}

func (e Waiting) entry() entry {
	return entry{slog.LevelDebug, "save waits", []slog.Attr{stepAttr(e.Step), slog.String("reason", e.Reason)}}
}

func (e Snapshot) entry() entry {
	return entry{slog.LevelDebug, "copied", []slog.Attr{stepAttr(e.Step), slog.Int64("bytes", e.Bytes), slog.Int64("memory", e.Memory), slog.Duration("blocked", e.Blocked)}}
}

func (e Committed) entry() entry {
	attrs := []slog.Attr{
		stepAttr(e.Step), slog.String("id", e.ID), slog.String("kind", e.Kind), slog.Int64("bytes", e.Bytes),
		slog.Duration("blocked", e.Blocked), slog.Duration("lag", e.Lag), slog.Duration("lost", e.Lost), slog.Float64("share", e.Share),
		slog.GroupAttrs("took",
			slog.Duration("reserve", e.Reserve), slog.Duration("copy", e.Copy), slog.Duration("write", e.Write),
			slog.Duration("commit", e.Commit), slog.Duration("prune", e.Prune)),
	}
	if e.Linked > 0 {
		attrs = append(attrs, slog.Int64("linked", e.Linked))
	}
	return entry{slog.LevelInfo, "saved", attrs}
}

func (e Failed) entry() entry {
	return entry{slog.LevelError, "save failed", []slog.Attr{
		stepAttr(e.Step), slog.String("kind", e.Kind), slog.Int("in_a_row", e.InARow), slog.Any("error", e.Err),
	}}
}

func (e NotFinite) entry() entry {
	return entry{slog.LevelError, "state not finite, not saved", []slog.Attr{
		stepAttr(e.Step), slog.String("tensors", strings.Join(e.Tensors, "; ")), slog.String("evidence", e.Evidence),
	}}
}

func (e Pruned) entry() entry {
	return entry{slog.LevelDebug, "deleted", []slog.Attr{
		slog.String("ids", strings.Join(e.Deleted, " ")), slog.Int64("freed", e.Freed),
	}}
}

func (e Damaged) entry() entry {
	return entry{slog.LevelError, "checkpoint damaged", []slog.Attr{
		slog.String("id", e.ID), slog.String("reason", e.Reason), slog.String("renamed", e.Renamed),
	}}
}

func (e Resumed) entry() entry {
	message := "resumed"
	if e.Restored.From == "" {
		message = "begins"
	}
	return entry{slog.LevelInfo, message, restoredAttrs(e.Restored)}
}

func (e RolledBack) entry() entry {
	return entry{slog.LevelWarn, "rolled back", restoredAttrs(e.Restored)}
}

// restoredAttrs leaves out what there is none of.
func restoredAttrs(r *Restored) []slog.Attr {
	attrs := []slog.Attr{stepAttr(r.Step)}
	if r.From != "" {
		attrs = append(attrs, slog.String("from", r.From))
	}
	if len(r.Skipped) > 0 {
		attrs = append(attrs, slog.Int("skipped", len(r.Skipped)), slog.Int64("lost_steps", r.LostSteps))
	}
	if len(r.Changed) > 0 {
		changed := make([]string, len(r.Changed))
		for i, c := range r.Changed {
			changed[i] = c.String()
		}
		attrs = append(attrs, slog.String("changed", strings.Join(changed, "; ")))
	}
	return attrs
}

func (e Stopping) entry() entry {
	return entry{slog.LevelWarn, "stopping", []slog.Attr{
		slog.Any("signal", e.Signal), slog.Time("deadline", e.Deadline),
		slog.String("choice", e.Choice), slog.String("reason", e.Reason),
	}}
}

func (e Warning) entry() entry { return entry{slog.LevelWarn, e.Text, nil} }
