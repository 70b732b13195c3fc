package desktop

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// macOSScript is JavaScript for osascript, which shows a notification. The texts stand in it as JSON in
// ASCII. macOS gives no way to close it again, or to have one in place of another.
func macOSScript(a *Alert) string {
	return fmt.Sprintf("var app = Application.currentApplication();\napp.includeStandardAdditions = true;\napp.displayNotification(%s, {withTitle: %s});\n",
		ascii(a.lines()), ascii(a.title()))
}

// ascii returns a text as JSON in ASCII, which is also JavaScript.
func ascii(s string) string {
	b, _ := json.Marshal(s) // a string always can
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// application is what shows notifications on Windows: one that is registered on every machine, since
// earshot is not.
const application = `{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\WindowsPowerShell\v1.0\powershell.exe`

// windowsScript is for PowerShell, which shows a notification in place of the one of the same tag, or
// takes that away. The texts stand in it in base64, and become text nodes of the notification's XML.
func windowsScript(a *Alert, tag string) string {
	var b strings.Builder
	b.WriteString("$ErrorActionPreference = 'Stop'\n" +
		"$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]\n")
	if a.Close {
		fmt.Fprintf(&b, "[Windows.UI.Notifications.ToastNotificationManager]::History.Remove('%s', 'earshot', '%s')\n", tag, application)
		return b.String()
	}
	b.WriteString("function text($s) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($s)) }\n" +
		"$xml = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent([Windows.UI.Notifications.ToastTemplateType]::ToastText02)\n" +
		"$at = $xml.GetElementsByTagName('text')\n")
	for i, s := range []string{a.title(), a.lines()} {
		fmt.Fprintf(&b, "$null = $at.Item(%d).AppendChild($xml.CreateTextNode((text '%s')))\n", i, base64.StdEncoding.EncodeToString([]byte(s)))
	}
	b.WriteString("$toast = New-Object Windows.UI.Notifications.ToastNotification $xml\n")
	fmt.Fprintf(&b, "$toast.Tag = '%s'\n$toast.Group = 'earshot'\n", tag)
	if a.Silent {
		b.WriteString("$toast.SuppressPopup = $true\n")
	}
	fmt.Fprintf(&b, "[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier('%s').Show($toast)\n", application)
	return b.String()
}

// tag names the notification of something in 16 digits, as many as Windows takes on every version.
func tag(a About) string {
	switch {
	case a.Strangers:
		return "strangers"
	case a.Conversation == "":
		return "several"
	}
	return a.Conversation[:min(16, len(a.Conversation))]
}
