// Package screens measures the screens of earshot: W9 is the list of conversations and the terminal screen, W10 the
// page in a browser. The doc of the bench says what each prints.
//
// Each workload starts two nodes, has one write to the other, and stops them when it ends, also when it fails. What
// is shown is what real nodes have in their stores; the terminal is package window, the browser is Chromium. Each
// belongs to one goroutine. Where Chromium is missing, W10 says so on standard error, and is left out.
package screens
