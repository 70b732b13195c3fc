package view

import (
	"github.com/earshot-im/earshot/node/checks"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// Check shows a check without the person that it is about.
func Check(c checks.Check) *earshotv1.Check {
	return &earshotv1.Check{
		Check:  c.Check,
		Code:   c.Code,
		Ok:     c.OK,
		About:  Valid(c.About),
		Detail: Valid(c.Detail),
		Values: values(c.Values),
	}
}

func values(v checks.Values) *earshotv1.Values {
	return &earshotv1.Values{
		Port:        uint32(v.Port),
		Instead:     uint32(v.Instead),
		Program:     Valid(v.Holder.Program),
		Pid:         uint32(v.Holder.PID),
		Reason:      v.Reason,
		Family:      v.Family,
		Address:     Valid(v.Address),
		Device:      v.Device,
		Version:     Valid(v.Version),
		Outcome:     v.Outcome,
		OffsetMs:    v.Offset.Milliseconds(),
		Whose:       v.Whose,
		Asked:       uint32(v.Asked),
		Answered:    uint32(v.Answered),
		FreeBytes:   v.Free,
		NeededBytes: v.Needed,
		SyncUs:      uint64(v.Sync.Microseconds()),
		LimitUs:     uint64(v.Limit.Microseconds()),
		Waiting:     uint32(v.Waiting),
		WaitingFor:  v.WaitingFor,
		Heard: Each(v.Heard, func(h checks.Heard) *earshotv1.Heard {
			return &earshotv1.Heard{Way: h.Way, Last: Stamp(h.Last)}
		}),
		LastSeen:  Stamp(v.LastSeen),
		Since:     Stamp(v.Since),
		Addresses: v.Addresses,
		Here:      v.Here,
		Group:     Valid(v.Group),
	}
}
