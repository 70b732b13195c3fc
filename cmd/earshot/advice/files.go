package advice

import (
	"path/filepath"

	"github.com/earshot-im/earshot/cmd/earshot/terminal"
)

// restore is what helps where a file is lost.
const restore = "nothing was changed. Restore the whole directory from a backup. Without a backup, move the directory away and begin anew: then you are a new person to others"

// fileEntries are about what is on the disk.
var fileEntries = map[key]entry{
	{"database", ""}:           {found: always("they can be read and are whole")},
	{"database", "unfinished"}: {found: always("what was read of them in the time that there was is whole")},
	{"database", "damaged"}: {
		func(c check) string { return "they are damaged: " + file(c, "the database") },
		func(c check) []Line { return steps(sentence(restore+":"), moveAway(c)) },
	},
	{"database", "newer"}: {
		func(c check) string {
			return file(c, "the database") + " was written by a newer earshot than this one"
		},
		newerProgram,
	},
	{"database", "unreadable"}: {
		func(c check) string { return file(c, "the database") + " can't be read" },
		func(c check) []Line { return ownAgain(c, "600") },
	},

	{"keyring", ""}: {found: always("they are there and whole")},
	{"keyring", "damaged"}: {
		func(c check) string {
			return "they are damaged: " + file(c, "the keyring") + ". They are what makes you yourself to others"
		},
		func(c check) []Line { return steps(sentence(restore+":"), moveAway(c)) },
	},
	{"keyring", "newer"}: {
		func(c check) string {
			return file(c, "the keyring") + " was written by a newer earshot than this one"
		},
		newerProgram,
	},
	{"keyring", "missing"}: {
		func(c check) string {
			return file(c, "the keyring") + " is gone, and without it the stored messages can't be read"
		},
		func(c check) []Line { return steps(sentence(restore+":"), moveAway(c)) },
	},
	{"keyring", "passphrase"}: {
		always("they are protected by a passphrase, which was not given, and earshot can't start without it"),
		givePassphrase,
	},
	{"keyring", "wrong_passphrase"}: {
		always("they are protected by another passphrase than the one that was given"),
		givePassphrase,
	},
	{"keyring", "unreadable"}: {
		func(c check) string { return file(c, "the keyring") + " can't be read" },
		func(c check) []Line { return ownAgain(c, "600") },
	},
	{"keyring", "not_private"}: {
		func(c check) string {
			found := "other users of this machine may look into " + file(c, "the directory")
			if c.Detail != "" { // what was found when it was opened
				found = file(c, "the directory") + " is not yours, or not what it should be"
			}
			return found + ". Whoever has your keys can pretend to be you"
		},
		func(c check) []Line {
			private := ofSystem(c.System, map[string][]string{
				linux:   {on("chmod -R go=", c.About)},
				windows: {on("icacls", c.About) + " /reset /T"},
			})
			if c.Detail == "" {
				return steps(sentence("make it private:"), private)
			}
			return steps(sentence("make it yours, and private. If it is a link to somewhere else, put the file itself there:"), ofSystem(c.System, map[string][]string{
				linux:   {on(`sudo chown -R "$(id -un)"`, c.About)},
				windows: {on("takeown /R /F", c.About)},
			}), private)
		},
	},

	{"copies", ""}: {found: always("no other machine seems to use a copy of this one")},
	{"copies", "copied"}: {
		always("this directory seems to be a copy, or a backup that was put back. What was written since is missing here until others bring it back"),
		oneOnly("a week"),
	},
	{"copies", "restored"}: {
		always("this directory was put back to an earlier time: others had messages of yours that were missing here, and bring them back"),
		oneOnly("a week"),
	},
	{"copies", "twin"}: {
		func(c check) string {
			at := ""
			if a := c.v.GetAddress(); a != "" {
				at = ", at " + terminal.Line(a)
			}
			return "another machine seems to run a copy of this directory now" + at +
				". Anybody on this network can pretend that, so see first whether you know of such a machine"
		},
		oneOnly("a day"),
	},
}

func file(c check, otherwise string) string { return c.about(otherwise) }

// moveAway puts the directory of a damaged file aside.
func moveAway(c check) []Line {
	dir := filepath.Dir(c.About)
	if c.About == "" {
		return run("earshot up --detach --name NAME")
	}
	command := "mv " + path(dir) + " " + path(dir+".damaged")
	if c.System == windows {
		command = "move " + path(dir) + " " + path(dir+".damaged")
	}
	return run(command, "earshot up --detach --name NAME")
}

func newerProgram(check) []Line {
	return steps(sentence("install the newer earshot again; nothing was changed. This one is:"), run("earshot version"))
}

func givePassphrase(check) []Line {
	return steps(sentence("write it into a file that only you can read, and name that file. There is no way around a passphrase that is forgotten:"),
		run("earshot doctor --passphrase-file FILE", "earshot up --detach --passphrase-file FILE"))
}

// oneOnly says that a directory is for one machine, and for how long the finding stays.
func oneOnly(stays string) func(check) []Line {
	return func(check) []Line {
		return steps(sentence("if you have put back a backup on this machine, nothing has to be done, and this goes away after "+stays+
			". If another machine uses the other copy, stop one of the two for good, and begin anew there with an empty directory. There:"),
			there("earshot down"))
	}
}
