package data_test

import (
	"fmt"

	"github.com/fb777929/kibisis/nn/data"
)

// Ten rows in batches of four. The position is saved in the middle of the second epoch, and a new
// sampler goes on from there.
func Example() {
	s, err := data.NewSampler(10, 4, &data.Options{Seed: 1})
	if err != nil {
		panic(err)
	}
	for range s.Steps() + 1 {
		fmt.Println("epoch", s.Epoch(), "rows", s.Next())
	}
	position, err := s.MarshalJSON()
	if err != nil {
		panic(err)
	}
	fmt.Println(string(position))

	resumed, err := data.NewSampler(10, 4, &data.Options{Seed: 1})
	if err != nil {
		panic(err)
	}
	if err := resumed.UnmarshalJSON(position); err != nil {
		panic(err)
	}
	fmt.Println("straight on", s.Next())
	fmt.Println("resumed    ", resumed.Next())
	// Output:
	// epoch 0 rows [7 6 1 3]
	// epoch 0 rows [2 4 8 9]
	// epoch 0 rows [0 5]
	// epoch 1 rows [2 5 8 3]
	// {"rows":10,"batch":4,"seed":1,"sequential":false,"drop_last":false,"epoch":1,"step":1}
	// straight on [4 1 7 6]
	// resumed     [4 1 7 6]
}

// Evaluation sees each row once, in order, the last batch shorter.
func ExampleSampler_Batches() {
	s, err := data.NewSampler(7, 3, &data.Options{Sequential: true})
	if err != nil {
		panic(err)
	}
	for batch := range s.Batches(0) {
		fmt.Println(batch)
	}
	// Output:
	// [0 1 2]
	// [3 4 5]
	// [6]
}
