package retain

// These tests are of what a policy may ask for.

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCheckAcceptsWhatMakesSense(t *testing.T) {
	require.NoError(t, Default().Check())
	require.NoError(t, Policy{Last: 2}.Check())
	require.NoError(t, Policy{
		Last: 5, Best: []Best{{Metric: "val_loss", Lowest: true, K: 2}}, EverySteps: 1000, Every: time.Hour,
		Ages: []time.Duration{time.Minute}, MaxBytes: 1,
	}.Check())
}

func TestCheckNamesWhatDoesNot(t *testing.T) {
	for _, c := range []struct {
		spoil func(p *Policy)
		says  string
	}{
		{func(p *Policy) { *p = Policy{} }, "last 0: want at least 2"},
		{func(p *Policy) { p.Last = 1 }, "last 1: want at least 2"},
		{func(p *Policy) { p.Last = -3 }, "last -3"},
		{func(p *Policy) { p.Best = []Best{{Metric: "loss", Lowest: true}} }, "best 0 by lowest loss: want at least 1"},
		{func(p *Policy) { p.Best = []Best{{Metric: "acc", K: -1}} }, "best -1 by highest acc"},
		{func(p *Policy) { p.Best = []Best{{K: 1}} }, "want the name of a metric"},
		{func(p *Policy) { p.EverySteps = -1 }, "every -1 steps"},
		{func(p *Policy) { p.Every = -time.Second }, "every -1s"},
		{func(p *Policy) { p.Ages = []time.Duration{time.Hour, 0} }, "at least 0s old"},
		{func(p *Policy) { p.Ages = []time.Duration{-time.Hour} }, "at least -1h0m0s old"},
		{func(p *Policy) { p.Ages = []time.Duration{1 << 62} }, "at most 438000h"},
		{func(p *Policy) { p.MaxBytes = -1 }, "at most -1 bytes"},
	} {
		p := Default()
		c.spoil(&p)
		require.ErrorContains(t, p.Check(), c.says)
	}
}
