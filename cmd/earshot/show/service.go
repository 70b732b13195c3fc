package show

import (
	"io"

	"github.com/earshot-im/earshot/cmd/earshot/object"
	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// Service writes what there is of the service. A node of the directory may run that the service has not started.
func (p Printer) Service(w io.Writer, s object.Service, alive bool) error {
	installed := yesOrNo(s.Installed)
	switch {
	case s.Elsewhere:
		installed = "no; the service starts the node of another directory"
	case !s.Installed:
		installed = "no; `earshot service install` has the node started at each login"
	}
	running := yesOrNo(s.Running)
	if s.Installed && alive && !s.Running {
		running = "no; the node that runs was started in another way"
	}
	path := ""
	if s.Path != "" {
		path = ", " + terminal.Line(s.Path)
	}
	return p.Row(w, s, "directory  %s\ninstalled  %s\nat login   %s\nrunning    %s\nby         %s%s",
		terminal.Line(s.Dir), installed, yesOrNo(s.Enabled), running, serviceKinds[s.Kind], path)
}

// serviceKinds are the kinds as people know them.
var serviceKinds = map[string]string{"systemd": "systemd", "launchd": "launchd", "run_key": "the Run key"}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
