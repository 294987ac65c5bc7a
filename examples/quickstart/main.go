// Quickstart trains a small network on MNIST, saves it as one safetensors file,
// loads that into a new network, and shows that both predict the same.
//
//	go run ./examples/quickstart    # trains, saves, loads, compares
//	go run ./examples/quickstart    # again: goes on from the file
//
// main.go tells the story; network.go and train.go are plain Gorgonia; flags.go
// and print.go are what any program needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/examples/internal/mnist"
)

func main() {
	// Ctrl-C cancels ctx, and whatever takes long looks at ctx.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(report(os.Stderr, err))
}

// report prints an error as one line and returns the exit code: 130 after
// Ctrl-C, as in shells, 1 after any other error, 0 without one.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "quickstart:", err)
	if errors.Is(err, context.Canceled) {
		return 130
	}
	return 1
}

// program is one run of quickstart.
type program struct {
	options
	path           string // of the file to save and load
	train, test    mnist.Set
	stdout, stderr io.Writer
}

// story is what this program is about.
func (p *program) story(ctx context.Context) error {
	// A network to train, and a second graph over the same weights to test it with.
	rng := rand.New(rand.NewPCG(p.seed, 0))
	trained := newNetwork(batch, random(rng))
	tester := newPredictor(sharedWith(trained))

	// Where an earlier run left a file, its weights replace the random ones, in both graphs.
	switch _, err := checkpoint.LoadModel(ctx, p.path, trained.model(), nil); {
	case err == nil:
		fmt.Fprintf(p.stdout, "found %s, training goes on from it\n", p.path)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot go on from %s (remove it, or name another folder with -dir): %w", p.path, err)
	}

	if err := p.fit(ctx, trained, tester, rng); err != nil {
		return fmt.Errorf("nothing was saved: %w", err)
	}
	if err := checkpoint.SaveModel(ctx, p.path, trained.model(), nil); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "saved", p.path)

	// A new network, all zeros: what it knows after this, it knows from the file.
	loaded := newPredictor(zeros)
	if _, err := checkpoint.LoadModel(ctx, p.path, loaded.model(), nil); err != nil {
		return err
	}
	if err := p.compare(tester, loaded); err != nil {
		return err
	}
	return printFile(p.stdout, p.path)
}

// fit trains for some epochs, and prints how well the network does before and after each.
func (p *program) fit(ctx context.Context, n *network, tester *predictor, rng *rand.Rand) error {
	t, err := newTrainer(n)
	if err != nil {
		return err
	}
	right, err := tester.accuracy(p.test)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "at the start: accuracy %.2f %%\n", 100*right)

	for epoch := 1; epoch <= p.epochs; epoch++ {
		start := time.Now()
		tick, done := newBar(p.stderr, fmt.Sprintf("epoch %d of %d", epoch, p.epochs), p.train.Len()/batch)
		loss, err := t.epoch(ctx, p.train, rng, tick)
		done()
		if err != nil {
			return fmt.Errorf("epoch %d of %d: %w", epoch, p.epochs, err)
		}
		if right, err = tester.accuracy(p.test); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "epoch %d of %d: loss %.4f, accuracy %.2f %%, %.1f s\n",
			epoch, p.epochs, loss, 100*right, time.Since(start).Seconds())
	}
	return nil
}

// compare shows both networks the test images. It is an error if they differ on one.
func (p *program) compare(saved, loaded *predictor) error {
	want, err := saved.predict(p.test)
	if err != nil {
		return err
	}
	got, err := loaded.predict(p.test)
	if err != nil {
		return err
	}
	equal := countEqual(got, want)
	fmt.Fprintf(p.stdout, "predictions equal: %d of %d\n", equal, len(want))
	if equal != len(want) {
		return fmt.Errorf("the loaded network predicts %d of %d images differently", len(want)-equal, len(want))
	}
	return nil
}
