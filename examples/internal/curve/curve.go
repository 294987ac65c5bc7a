// Package curve draws the losses of a training as a picture.
package curve

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// A Line is one curve: values at steps. It is a state that runs.State can save.
type Line struct {
	Name   string    `json:"name"`
	Steps  []int64   `json:"steps"`
	Values []float64 `json:"values"`
}

// Add appends a point.
func (l *Line) Add(step int64, value float64) {
	l.Steps = append(l.Steps, step)
	l.Values = append(l.Values, value)
}

// Write draws the lines into a file, the type of which its name tells: .svg or .png. A line that
// wiggles is drawn pale, with its running mean over it.
func Write(path, title string, lines ...*Line) error {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text = "step"
	p.Y.Min = 0
	p.Legend.Top = true
	for i, l := range lines {
		if err := draw(p, l, colors[i%len(colors)]); err != nil {
			return fmt.Errorf("%s: %q: %w", path, l.Name, err)
		}
	}
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, path)
}

var colors = []color.NRGBA{{R: 31, G: 119, B: 180, A: 255}, {R: 214, G: 39, B: 40, A: 255}, {R: 44, G: 160, B: 44, A: 255}}

// many is from how many points on a line is smoothed.
const many = 200

func draw(p *plot.Plot, l *Line, c color.NRGBA) error {
	line, err := plotter.NewLine(points(l.Steps, l.Values))
	if err != nil {
		return err
	}
	line.Color = c
	p.Add(line)
	if len(l.Values) < many {
		p.Legend.Add(l.Name, line)
		return nil
	}
	pale := c
	pale.A = 70
	line.Color = pale
	mean, err := plotter.NewLine(points(l.Steps, smooth(l.Values)))
	if err != nil {
		return err
	}
	mean.Color, mean.Width = c, vg.Points(1.5)
	p.Add(mean)
	p.Legend.Add(l.Name, mean)
	return nil
}

// points leaves out what cannot be drawn.
func points(steps []int64, values []float64) plotter.XYs {
	var all plotter.XYs
	for i, y := range values {
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			all = append(all, plotter.XY{X: float64(steps[i]), Y: y})
		}
	}
	return all
}

// smooth is an exponential mean over about a hundredth of the line.
func smooth(values []float64) []float64 {
	keep := 1 - 100/float64(len(values))
	out, sum, weight := make([]float64, len(values)), 0.0, 0.0
	for i, y := range values {
		sum, weight = keep*sum+(1-keep)*y, keep*weight+(1-keep)
		out[i] = sum / weight
	}
	return out
}
