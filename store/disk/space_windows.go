package disk

import "golang.org/x/sys/windows"

// fullErrors are what the system says where there is no room.
var fullErrors = []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}

func spaceOf(dir string) (s Space, known bool) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Space{}, false
	}
	err = windows.GetDiskFreeSpaceEx(path, &s.Free, &s.Total, nil)
	return s, err == nil
}
