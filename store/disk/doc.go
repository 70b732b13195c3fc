// Package disk knows how files of a data directory are protected and made durable, and nothing of what is in
// them: which user and process they belong to, how one is put in the place of another, which file a path
// leads to, and how much room there is. Package engine and journal write through its Files, so that tests can
// watch what is synced, and have it fail.
//
// All errors match a sentinel of errors.go, or are the operating system's.
package disk
