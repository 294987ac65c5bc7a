package optim

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettingsAreNumbersByName(t *testing.T) {
	require.Equal(t, map[string]float64{
		"learning_rate":                      0.5,
		"betas.0":                            0.9,
		"betas.1":                            0.99,
		"schedule.warm_up.steps":             5,
		"schedule.warm_up.then.cosine.steps": 10,
		"groups.1.learning_rate":             0.25,
		"groups.1.schedule.constant":         2,
	}, settingsOf([]AdamWOptions{
		{LearningRate: 0.5, Betas: [2]float64{0.9, 0.99}, ClipNorm: math.Inf(1), Schedule: WarmUp{Steps: 5, Then: Cosine{Steps: 10}}},
		{LearningRate: 0.25, Schedule: Constant(2)},
	}))
	require.Equal(t, map[string]float64{"momentum": 0.9, "nesterov": 1}, settingsOf([]SGDOptions{{Momentum: 0.9, Nesterov: true}}))
	require.Empty(t, settingsOf([]SGDOptions{{Schedule: ScheduleFunc(func(int64) float64 { return 1 })}}))
}
