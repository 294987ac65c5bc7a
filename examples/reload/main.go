// Reload is an HTTP server that predicts while another process trains, and takes each
// new best checkpoint without dropping a request.
//
//	go run ./examples/reload
//
// It starts the training as a process of its own ("reload train"), follows its run on
// disk, and asks itself all the time, as clients would. It ends soon after the training does.
//
// main.go is the order of things; follow.go looks for new checkpoints; model.go has
// two sets of weights and swaps them; server.go answers, client.go asks, train.go trains.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/fb777929/kibisis/examples/internal/mnist"
	"golang.org/x/sync/errgroup"
)

func main() {
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
	fmt.Fprintln(stderr, "reload:", err)
	if errors.Is(err, context.Canceled) {
		return 130
	}
	return 1
}

// service is one run of this program.
type service struct {
	options
	test           mnist.Set // what the clients ask about
	stdout, stderr io.Writer
}

// story is what this program is about.
func (s *service) story(ctx context.Context) error {
	model, tally := newModel(), newTally()
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "http://%s/status says what is served\n", listener.Addr())
	server := &http.Server{Handler: handler(model, tally), ReadHeaderTimeout: time.Minute}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		err := s.trainAndServe(ctx, model, tally, "http://"+listener.Addr().String())
		return errors.Join(err, server.Shutdown(context.WithoutCancel(ctx)))
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return tally.print(s.stdout)
}

// trainAndServe lasts as long as the training, and until its best is served.
func (s *service) trainAndServe(ctx context.Context, model *model, tally *tally, url string) error {
	trained := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(trained)
		return s.startTraining(ctx)
	})
	asking, enough := context.WithCancel(ctx)
	defer enough()
	group.Go(func() error {
		defer enough()
		f := &follower{dir: s.dir, model: model, tally: tally, stdout: s.stdout, stderr: s.stderr}
		return f.follow(ctx, trained)
	})
	for range clients {
		group.Go(func() error { return s.ask(asking, url, tally) })
	}
	return group.Wait()
}

// startTraining runs the other process to its end. When ctx is cancelled it is killed, which
// its run survives.
func (s *service) startTraining(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"train"}, s.trainArgs()...)...)
	cmd.Stderr = s.stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("the training: %w", err)
	}
	return nil
}
