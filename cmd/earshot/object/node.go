package object

import (
	"fmt"
	"runtime"

	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Status is the node at a glance.
type Status struct {
	Person    string   `json:"person"`
	Name      string   `json:"name,omitempty"`
	Device    string   `json:"device"`
	Version   string   `json:"version"`
	Listening []string `json:"listening"`
	Peers     uint32   `json:"peers"`
	Outbox    uint32   `json:"outbox"`

	Unread   uint32 `json:"unread"`
	Requests uint32 `json:"requests"`
	Online   uint32 `json:"online"`
	Known    uint32 `json:"known"`

	Finding  *Finding  `json:"finding,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// Ready says that a node has started.
type Ready struct {
	Ready bool `json:"ready"`
	Status
}

// Me is what the owner has set.
type Me struct {
	Person       string `json:"person"`
	Name         string `json:"name,omitempty"`
	Device       string `json:"device"`
	Accept       string `json:"accept"`
	ReadReceipts bool   `json:"read_receipts"`

	Typing     bool         `json:"typing"`
	Presence   bool         `json:"presence"`
	Alerts     string       `json:"alerts,omitempty"`
	QuietHours []QuietHours `json:"quiet_hours,omitempty"`
	QuietUntil string       `json:"quiet_until,omitempty"`

	Files *FileSettings `json:"files,omitempty"`

	RecoveryKept  bool   `json:"recovery_kept"`
	RecoveryLater string `json:"recovery_later,omitempty"`
}

// Recovery is the words of the owner's recovery key.
type Recovery struct {
	Words []string `json:"words"`
}

// FileSettings is what the owner has set of files and folders.
type FileSettings struct {
	Auto string `json:"auto"`
	Dir  string `json:"dir"`
	Keep uint64 `json:"keep"`
	Max  uint64 `json:"max"`
}

// QuietHours is a time of the day in which the owner is not notified.
type QuietHours struct {
	Days []string `json:"days,omitempty"`
	From string   `json:"from"`
	To   string   `json:"to"`
}

// Version is which version of the program this is.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

// OfStatus makes the object of a node at a glance.
func OfStatus(s *earshotv1.StatusResponse) Status {
	return Status{s.Person, s.Name, s.Device, s.Version, list(s.Listening), s.Peers, s.Outbox, s.Unread, s.Requests, s.Online, s.Known, ofFinding(s.Finding), ofWarnings(s.Warnings)}
}

// OfReady makes the object of a node that has started.
func OfReady(s *earshotv1.StatusResponse) Ready { return Ready{true, OfStatus(s)} }

// OfVersion makes the object of a version of the program, on this system.
func OfVersion(v string) Version {
	return Version{v, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
}

// OfMe makes the object of what the owner has set.
func OfMe(v *earshotv1.MeResponse) Me {
	m := Me{Person: v.Person, Name: v.Name, Device: v.Device, Accept: v.Accept, ReadReceipts: v.ReadReceipts,
		Typing: v.Typing, Presence: v.Presence, Alerts: v.Alerts, QuietUntil: rfc3339(v.QuietUntil),
		RecoveryKept: v.RecoveryKept, RecoveryLater: rfc3339(v.RecoveryLater)}
	if f := v.Files; f != nil {
		m.Files = &FileSettings{f.Auto, f.Dir, f.Keep, f.Max}
	}
	for _, q := range v.QuietHours {
		m.QuietHours = append(m.QuietHours, OfQuietHours(q))
	}
	return m
}

// OfQuietHours makes the object of a time of the day.
func OfQuietHours(q *earshotv1.QuietHours) QuietHours {
	clock := func(minutes uint32) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
	v := QuietHours{From: clock(q.From), To: clock(q.To)}
	for _, d := range q.Days {
		if d >= 1 && int(d) <= len(Days) {
			v.Days = append(v.Days, Days[d-1])
		}
	}
	return v
}

// Days are those of the week, as they are typed and printed.
var Days = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Service is what starts the node of a directory at login.
type Service struct {
	Kind      string `json:"kind"`
	Dir       string `json:"dir"`
	Installed bool   `json:"installed"`
	Enabled   bool   `json:"enabled"`
	Running   bool   `json:"running"`
	Elsewhere bool   `json:"elsewhere"`
	Path      string `json:"path,omitempty"`
}

// NewIdentity says that a directory had no identity and has a new one now.
type NewIdentity struct {
	Dir string `json:"new_identity"`
}

// OfNewIdentity makes the object of a directory that has a new identity.
func OfNewIdentity(dir string) NewIdentity { return NewIdentity{dir} }
