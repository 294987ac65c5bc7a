//go:build !unix

package main

// syncDir does nothing where folders cannot be synced.
func syncDir(string) error { return nil }
