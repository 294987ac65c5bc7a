package crashproof

// This file is the stories that are told to the store, each a few states long: small ones told
// exhaustively find more than large ones told at random.

import (
	"errors"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// rootPath is the run's directory. Its parents are new, too.
const rootPath = "/runs/digits/mnist"

// surroundings are the names that may be in directories outside the run.
var surroundings = map[string][]string{
	"/": {"elsewhere", "runs"}, "/elsewhere": {"keep"}, "/runs": {"digits"}, "/runs/digits": {"mnist"},
}

// A script is a story.
type script struct {
	name    string
	inPlace bool // the directory is there before, with files that are not the run's
	heavy   bool // looking at one state takes as long as at ten of others
	steps   []step
}

// A step is a call or a few. All return nil where nothing goes wrong.
type step func(*player) error

// stage is a disk before the story, and what must stay.
func (s *script) stage() (*faulty.Disk, *ledger) {
	disk := faulty.NewDisk()
	l := &ledger{foreign: map[string][]byte{"/elsewhere/keep": []byte("not ours")}}
	disk.Mkdir("/elsewhere")
	if s.inPlace {
		disk.Mkdir("/runs")
		disk.Mkdir("/runs/digits")
		disk.Mkdir(rootPath)
		disk.Mkdir(rootPath + "/step-12")
		disk.Mkdir(rootPath + "/plots")
		for _, name := range []string{"/notes.txt", "/step-12/model.safetensors", "/plots/loss.svg", "/.kibisis-tmp-x", "/step-000000000007-g1"} {
			l.foreign[rootPath+name] = []byte("a person's " + name)
		}
	}
	for name, b := range l.foreign {
		disk.WriteFile(name, b)
	}
	return disk, l
}

func open(p *player) error   { return p.open() }
func closed(p *player) error { return p.close() }

func save(label string, n int64) step {
	return func(p *player) error { return p.save(label, n, "") }
}

func saveLinked(label string, n int64, from string) step {
	return func(p *player) error { return p.save(label, n, from, optimizerFile, stateFile) }
}

func rewind(label string) step { return func(p *player) error { return p.rewind(label) } }
func damage(label string) step {
	return func(p *player) error { return p.damage(label, weightsFile) }
}

// prune deletes what is called doomed, and keeps the others.
func prune(keep []string, doomed ...string) step {
	return func(p *player) error { return p.prune(doomed, keep...) }
}

// orRefused is a step that may be refused in that way: the player knows whether it must be.
func orRefused(s step, why error) step {
	return func(p *player) error {
		if err := s(p); !errors.Is(err, why) {
			return err
		}
		return nil
	}
}

func keep(labels ...string) []string { return labels }

// scripts are all stories.
var scripts = []script{
	{name: "first run, parents new", steps: []step{
		open, save("a", 100), save("b", 200), closed,
	}},
	{name: "saves with retention", inPlace: true, steps: []step{
		open, save("a", 100), save("b", 200), save("c", 300), prune(keep("b", "c"), "a"),
		save("d", 400), prune(keep("c", "d"), "b"), closed,
	}},
	{name: "three processes", steps: []step{
		open, save("a", 100), closed,
		open, save("b", 200), closed,
		open, prune(keep("b"), "a"), save("c", 300), closed,
	}},
	{name: "back, and killed before a save", steps: []step{
		open, save("a", 100), save("b", 200), save("c", 300),
		rewind("a"), closed,
		open, save("d", 200), closed,
	}},
	{name: "back twice", steps: []step{
		open, save("a", 100), save("b", 200), rewind("a"), save("c", 200), rewind("a"), save("d", 200),
		prune(keep("a", "d"), "b"), closed,
	}},
	{name: "quarantine", steps: []step{
		open, save("a", 100), save("b", 200), closed,
		damage("b"),
		open, save("c", 200), closed,
	}},
	{name: "retention over damage", steps: []step{
		open, save("a", 100), save("b", 200), damage("b"),
		orRefused(prune(keep("b"), "a"), store.ErrDamaged), closed,
		open, save("c", 200), prune(keep("c"), "a"), closed,
	}},
	{name: "back, and the new head is damaged", steps: []step{
		open, save("a", 100), save("b", 200), rewind("a"), closed,
		open, closed,
		damageHead(weightsFile),
		open, save("c", 150), closed,
	}},
	{name: "back, and the new head's manifest is damaged", steps: []step{
		open, save("a", 100), save("b", 200), rewind("a"), closed,
		damageHead(store.ManifestName),
		open, closed,
		open, save("c", 150), closed,
	}},
	{name: "links", steps: []step{
		open, save("a", 100), saveLinked("b", 200, "a"), prune(keep("b"), "a"), saveLinked("c", 300, "b"), closed,
	}},
	{name: "pins and records", inPlace: true, steps: []step{
		open, save("a", 100),
		func(p *player) error { return p.pin("a", "paper") },
		func(p *player) error { return p.record("a", "val_loss", 0.5) },
		save("b", 200), orRefused(prune(keep("b"), "a"), store.ErrPinned),
		func(p *player) error { return p.pin("a", "demo") },
		func(p *player) error { return p.record("a", "val_loss", 0.25) },
		func(p *player) error { return p.unpin("a", "paper") },
		func(p *player) error { return p.unpin("a", "demo") },
		prune(keep("b"), "a"), closed,
	}},
	{name: "direct writes", heavy: true, steps: []step{
		func(p *player) error { p.weights = directSize; return nil },
		open, save("a", 100), closed,
		open, save("b", 200), closed,
	}},
	{name: "evidence", steps: []step{
		open, save("a", 100),
		func(p *player) error { return p.keepEvidence(200) },
		rewind("a"), save("b", 200), closed,
	}},
}

// damageHead damages whatever is the newest.
func damageHead(file string) step {
	return func(p *player) error {
		l := p.ledger.Load()
		p.labels["head"] = l.newest()
		if l.newest() < 0 {
			return nil
		}
		return p.damage("head", file)
	}
}
