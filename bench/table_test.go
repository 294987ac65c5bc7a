package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDigits(t *testing.T) {
	for x, want := range map[float64]string{
		0.00913:  "0.00913",
		0.012:    "0.0120",
		0.9999:   "1.00",
		1.024:    "1.02",
		10.06:    "10.1",
		99.96:    "100",
		225.4:    "225",
		31_512.7: "31500",
	} {
		require.Equal(t, want, digits(x))
	}
}

// TestPrint pins a table: ratios are of the least times, and per byte.
func TestPrint(t *testing.T) {
	samples := func(ms ...time.Duration) (all []time.Duration) {
		for _, d := range ms {
			all = append(all, d*time.Millisecond)
		}
		return all
	}
	rows := []*row{
		{group: "save", name: "write", bytes: 1e9, samples: samples(250, 200)},
		{group: "save", name: "ours", bytes: 1e9, samples: samples(220, 900, 240)},
		{group: "save", name: "gob", bytes: 1e8, samples: samples(3000)},
		{group: "save", name: "Python", bytes: 1e9, skip: "no Python"},
		{group: "open", name: "file", samples: samples(1)},
	}
	compared(rows[0], rows[1], rows[:4])
	compared(rows[4], rows[4], rows[4:])
	r := (&lab{source: newModel(minSize)}).report(rows)
	var out strings.Builder
	require.NoError(t, r.print(&out, true))
	require.Contains(t, out.String(), `
| save | GB/s | least, ms | median, ms | to floor | to kibisis |
| --- | ---:| ---:| ---:| ---:| ---:|
| write (floor) | 5.00 | 200 | 225 | 1.00 | 0.909 |
| ours | 4.55 | 220 | 240 | 1.10 | 1.00 |
| gob | 0.0333 | 3000 | 3000 | 150 | 136 |
| Python | not run |  |  |  |  |

| open | GB/s | least, ms | median, ms | to floor | to kibisis |
| --- | ---:| ---:| ---:| ---:| ---:|
| file (floor) |  | 1.00 | 1.00 | 1.00 | 1.00 |

Not run: no Python.
`)
}
