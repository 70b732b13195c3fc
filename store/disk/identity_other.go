//go:build !linux && !darwin

package disk

// keepsNumbers says that nothing is known of the file systems here.
func keepsNumbers(string) bool { return false }

func fileNumber(string) (number, made uint64, err error) { return 0, 0, nil }
