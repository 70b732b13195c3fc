// Package large measures nodes that have much in their stores: W7 asks them what their owners ask most, W11 starts
// them. The doc of the bench says what each prints.
//
// Each workload fills the stores of its own nodes, which are processes of the real binary, and stops them when it
// ends, also when it fails. Each belongs to one goroutine.
package large
