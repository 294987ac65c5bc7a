//go:build !linux

package prove

// kindOf would be asked another way on each system.
func kindOf(string) string { return "not asked on this system" }

func reserves(string) string { return "not asked on this system" }
