// Package solver reads and writes what Gorgonia's own solvers remember from one Step to the
// next. Gorgonia keeps it in private fields, so this package looks at them by reflection. It
// knows the fields of one version, v0.9.18, and refuses any other by name.
//
// Slots are named as PyTorch names them. The names of kinds, slots and numbers are part of
// the format: they never change.
//
//	solver                 kind             slots of a parameter     numbers
//	VanillaSolver          vanilla          none                     none
//	Momentum               momentum         momentum_buffer          none
//	RMSPropSolver          rmsprop          square_avg               none
//	AdaGradSolver          adagrad          sum                      none
//	AdamSolver             adam             exp_avg, exp_avg_sq      step
//	AdamW                  adamw            exp_avg, exp_avg_sq      step
//	BarzilaiBorweinSolver  barzilai-borwein prev_param, prev_grad    eta, from the first Step on
//
// # What a resume gives
//
// With weights and state written back, the next Steps compute what they would have computed,
// bit for bit. That holds of the solvers as they are, and some are odd:
//
//   - Momentum and AdaGrad never store what they accumulate for a scalar parameter (an F32 or
//     F64 instead of a tensor): its slot is always 0, and each Step is as the first.
//   - Momentum adds L1 and L2 terms of the velocity to a tensor's gradient, not of the weight.
//   - AdaGrad has no options: whatever it is made with, its learning rate is 0.001.
//   - AdamW never changes a weight: it decays and moves a copy. Its averages do go on, so they
//     are kept. It takes only nodes, and of tensors only. Its third tensor, denom, is scratch
//     that each Step overwrites before reading: it is not kept, and made anew.
//   - Barzilai-Borwein runs in float64 only, and on tensors only. Its eta is a setting until
//     the first Step and computed from the slots in every later one. It has no way to begin
//     with one parameter more: positions have slots all or none.
//   - Adam panics at its second Step on a tensor without axes; on an F32 or F64 it works.
//
// Positions are those of the slice given to Step. AdamW goes by node instead; here it has
// positions all the same.
package solver
