package disk

import "golang.org/x/sys/windows"

// fullErrors are what the system says where there is no room.
var fullErrors = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}

// SpaceOf returns what the system says is left of the file system of a directory.
func SpaceOf(dir string) (s Space, known bool) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Space{}, false
	}
	err = windows.GetDiskFreeSpaceEx(path, &s.Free, &s.Total, nil)
	return s, err == nil
}
