//go:build root && linux

package main

import (
	"archive/zip"
	"debug/buildinfo"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
)

func TestLintianFindsNothing(t *testing.T) {
	t.Parallel()
	said, err := exec.Command("lintian", "--allow-root", only(t, "../dist", managers["deb"].file)).CombinedOutput()
	if err != nil || len(said) > 0 {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestRpmlintFindsNothing(t *testing.T) {
	t.Parallel()
	// rpmlint unpacks by cpio, and the names in our packages begin with a slash: without this flag the files would
	// come onto this machine, and not into its folder.
	cpio := filepath.Join(t.TempDir(), "cpio")
	must(t, os.WriteFile(cpio, []byte("#!/bin/sh\nPATH=\"${PATH#*:}\" exec cpio --no-absolute-filenames \"$@\"\n"), 0o700))
	path := "PATH=" + filepath.Dir(cpio) + ":" + os.Getenv("PATH")
	said := output(t, "env", path, "rpmlint", "--config", "linux/rpmlint.toml", only(t, "../dist", "*.x86_64.rpm"), only(t, "../dist", "*.aarch64.rpm"))
	if !strings.Contains(said, "2 packages and 0 specfiles checked; 0 errors, 0 warnings") {
		t.Error(said)
	}
}

// installed are the files of both kinds of package, apart from the man pages of single commands.
var installed = []string{
	"/etc/ufw/applications.d/earshot",
	"/usr/bin/earshot",
	"/usr/lib/firewalld/services/earshot.xml",
	"/usr/lib/systemd/system/earshot@.service",
	"/usr/lib/systemd/user/earshot.service",
	"/usr/share/applications/earshot.desktop",
	"/usr/share/bash-completion/completions/earshot",
	"/usr/share/doc/earshot/CLI.md",
	"/usr/share/doc/earshot/README.md",
	"/usr/share/fish/vendor_completions.d/earshot.fish",
	"/usr/share/icons/hicolor/scalable/apps/earshot.svg",
	"/usr/share/man/man1/earshot-send.1.gz",
	"/usr/share/man/man1/earshot.1.gz",
}

func TestPackagesHaveTheseFiles(t *testing.T) {
	t.Parallel()
	both := map[string][]string{
		"*.deb": {
			"/usr/share/doc/earshot/THIRD-PARTY-LICENSES.gz", "/usr/share/doc/earshot/changelog.gz", "/usr/share/doc/earshot/copyright",
			"/usr/share/lintian/overrides/earshot", "/usr/share/zsh/vendor-completions/_earshot",
		},
		"*.rpm": {
			"/usr/share/licenses/earshot/LICENSE", "/usr/share/licenses/earshot/THIRD-PARTY-LICENSES", "/usr/share/zsh/site-functions/_earshot",
		},
	}
	list := map[string]string{
		"*.deb": `dpkg-deb --fsys-tarfile "$0" | tar --list --verbose | awk '!/^d/ { print $1, $2, substr($6, 2) }'`,
		"*.rpm": `rpm -qp --queryformat '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]' "$0" 2>/dev/null | grep -v ^d`,
	}
	for pattern, own := range both {
		found, err := filepath.Glob("../dist/" + pattern)
		must(t, err)
		if len(found) != 2 {
			t.Errorf("there are %d %s", len(found), pattern)
		}
		want := slices.Concat(installed, own)
		slices.Sort(want)
		for _, name := range found {
			var got []string
			for line := range strings.Lines(output(t, "sh", "-c", list[pattern], name)) {
				f := strings.Fields(line)
				mode := "-rw-r--r--"
				if f[2] == "/usr/bin/earshot" {
					mode = "-rwxr-xr-x"
				}
				if f[0] != mode || f[1] != "root/root" {
					t.Errorf("%s: %s", name, line)
				}
				if !strings.HasPrefix(f[2], "/usr/share/man/man1/earshot-") || f[2] == "/usr/share/man/man1/earshot-send.1.gz" {
					got = append(got, f[2])
				}
			}
			slices.Sort(got)
			same(t, got, want)
		}
	}
}

// Somebody else, on another machine, in another folder and with other settings, gets the same bytes.
func TestBuiltTwiceIsIdentical(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("../dist/SHA256SUMS")
	must(t, err)
	elsewhere := filepath.Join(scratch, "else where")
	must(t, os.Mkdir(elsewhere, 0o700))
	output(t, "sh", "-c", `tar --create --exclude=./.git --exclude=./bin --exclude=./dist --directory=.. . | tar --extract --no-same-permissions --touch --directory="$0"`, elsewhere)
	epoch, err := (&release{source: ".."}).time()
	must(t, err)
	maker := filepath.Join(scratch, "dist")
	output(t, "go", "build", "-o", maker, ".")
	args := []string{"sh", "-ec", `umask 077; cd "$0/.dist"; exec "$1" -only "$2" -version "$3"`, elsewhere, maker, host.String(), versionOf(t)}
	if namespaces() == nil {
		args = append([]string{"unshare", "--uts", "sh", "-ec", `hostname elsewhere; exec "$0" "$@"`}, args...)
	}
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(epoch.Unix(), 10),
		"TZ=Asia/Tokyo", "LC_ALL=C", "GOFLAGS=-tags=other", "CGO_ENABLED=1", "GOAMD64=v3", "USER=somebody")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	again, err := os.ReadFile(filepath.Join(elsewhere, "dist/SHA256SUMS"))
	must(t, err)
	n := 0
	for line := range strings.Lines(string(again)) {
		if strings.HasSuffix(line, ".cdx.json\n") {
			continue // it was built for one system only
		}
		if n++; !strings.Contains(string(sums), line) {
			t.Errorf("%sis not in\n%s", line, sums)
		}
	}
	if n != 3 {
		t.Errorf("compared %d files", n)
	}
	output(t, "sh", "-c", "cd ../dist && sha256sum --check --strict --quiet SHA256SUMS")
}

// versionOf is the version of the program in ../dist.
func versionOf(t *testing.T) string {
	t.Helper()
	name := filepath.Base(only(t, "../dist", "earshot-*.cdx.json"))
	return strings.TrimSuffix(strings.TrimPrefix(name, "earshot-"), ".cdx.json")
}

// What is unpacked runs and is what it says, and the list of modules is that of the program.
func TestArchiveRunsAndItsModulesAreListed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	output(t, "tar", "--extract", "--strip-components=1", "--directory="+dir, "--file="+only(t, "../dist", "earshot-*-"+host.String()+".tar.gz"))
	if said := output(t, filepath.Join(dir, "earshot"), "version"); !strings.Contains(said, versionOf(t)) {
		t.Errorf("it says %q", said)
	}
	for _, name := range []string{"LICENSE", "THIRD-PARTY-LICENSES", "README.md", "CLI.md", "man/earshot.1", "completions/_earshot",
		"linux/earshot.service", "linux/earshot.desktop", "linux/earshot.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	info, err := buildinfo.ReadFile(filepath.Join(dir, "earshot"))
	must(t, err)
	written, err := os.ReadFile(only(t, "../dist", "*.cdx.json"))
	must(t, err)
	var bom cyclonedx.BOM
	must(t, json.Unmarshal(written, &bom))
	listed := map[string]string{}
	for _, c := range *bom.Components {
		listed[c.Name] = c.Version
	}
	others, err := os.ReadFile(filepath.Join(dir, "THIRD-PARTY-LICENSES"))
	must(t, err)
	libraries, err := (&release{source: ".."}).libraries()
	must(t, err)
	for _, m := range libraries {
		if listed[m.path] != m.version || !strings.Contains(string(others), strings.TrimSpace(m.texts[0].content)) {
			t.Errorf("%s %s is listed as %q, or without its licence", m.path, m.version, listed[m.path])
		}
	}
	for _, m := range info.Deps {
		if listed[m.Path] != m.Version {
			t.Errorf("%s %s is listed as %q", m.Path, m.Version, listed[m.Path])
		}
	}
	if len(listed) < len(info.Deps)+len(libraries)+1 || listed["std"] == "" {
		t.Errorf("%d modules are listed, the program has %d and the library of Go", len(listed), len(info.Deps)+len(libraries))
	}
}

// What systemd, the firewalls and desktops say to the files that are for them.
func TestUnitsAndProfilesAreRead(t *testing.T) {
	t.Parallel()
	root := copied(t)
	output(t, "dpkg", "--root="+root, "--install", only(t, "../dist", managers["deb"].file))
	t.Run("UnitsOfNow", func(t *testing.T) { verify(t, root) })
	t.Run("UnitsOfOlderDebian", func(t *testing.T) {
		root := filepath.Join(scratch, olderSuite)
		must(t, debian(root, olderSuite, "extract", "systemd", "base-files", "base-passwd", "bash", "coreutils"))
		output(t, "dpkg-deb", "--extract", only(t, "../dist", managers["deb"].file), root)
		verify(t, root)
	})
	t.Run("UnitForBotsIsSandboxed", func(t *testing.T) { sandboxed(t, root) })
	t.Run("Firewalls", func(t *testing.T) { firewalls(t, root) })
	t.Run("MenuOfADesktop", func(t *testing.T) { menu(t, root) })
}

func verify(t *testing.T, root string) {
	for _, check := range []string{"verify earshot@root.service", "--user verify earshot.service"} {
		said, err := inside(root, "systemd-analyze --man=no "+check)
		must(t, err)
		said = strings.ReplaceAll(said, "Failed to connect to system bus: No such file or directory\n", "") // there is none
		if said != "" {
			t.Errorf("%s: %s", check, said)
		}
	}
}

// The unit for bots leaves open what a node needs, and nothing else. Of what systemd counts that is
// 1.3 of 10: sockets of the network, of the machine and of the kernel (0.3, 0.1, 0.1), the network
// itself (0.5) and any address in it (0.2), mounts that the host makes later (0.2), the machine's own
// files, which are read only (0.1), the real-time clock (0.1), and /proc (0.1), where it reads what
// holds a port.
func sandboxed(t *testing.T, root string) {
	said, err := inside(root, "systemd-analyze security --no-pager --offline=true --threshold=13 earshot@daemon.service")
	must(t, err)
	t.Log(said[strings.LastIndex(strings.TrimSpace(said), "\n")+1:])
}

func firewalls(t *testing.T, root string) {
	for command, want := range map[string][]string{
		"ufw app info earshot":                        {"27830:27839/tcp", "27830/udp", "5353/udp"},
		"firewall-offline-cmd --info-service=earshot": {"27830-27839/tcp", "27830/udp", "5353/udp"},
		"firewall-offline-cmd --check-config":         nil,
	} {
		said, err := inside(root, command)
		if err != nil {
			t.Error(err)
		}
		for _, port := range want {
			if !strings.Contains(said, port) {
				t.Errorf("%s: %s is not in\n%s", command, port, said)
			}
		}
	}
}

// menu checks the entry for the menu of a desktop: it is as the specification says, what it runs and shows is
// there, and what it says is there in German too.
func menu(t *testing.T, root string) {
	path := filepath.Join(root, "usr/share/applications/earshot.desktop")
	if said := output(t, "desktop-file-validate", path); said != "" {
		t.Error(said)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	entry := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		entry[key] = value
	}
	for key, want := range map[string]string{
		"Type": "Application", "Name": "earshot", "Exec": "earshot open", "TryExec": "earshot", "Icon": "earshot",
		"Terminal": "false", "StartupNotify": "false", "Categories": "Network;InstantMessaging;",
	} {
		if entry[key] != want {
			t.Errorf("%s is %q", key, entry[key])
		}
	}
	for _, key := range []string{"GenericName", "Comment", "Keywords"} {
		if entry[key] == "" || entry[key+"[de]"] == "" || entry[key] == entry[key+"[de]"] {
			t.Errorf("%s is %q, and in German %q", key, entry[key], entry[key+"[de]"])
		}
	}
	if _, err := os.Stat(filepath.Join(root, "usr/share/icons/hicolor/scalable/apps", entry["Icon"]+".svg")); err != nil {
		t.Error(err)
	}
	if said, err := inside(root, entry["Exec"]+" --help"); err != nil || !strings.Contains(said, "open the page") {
		t.Errorf("%v\n%s", err, said)
	}
}

// What can't be run here is at least a program for its system, of this version, and signed where
// nothing else is run; and its name says that nobody has tested it.
func TestProgramsForOtherSystems(t *testing.T) {
	t.Parallel()
	for system, arch := range map[string]string{"darwin-amd64": "CpuAmd64", "darwin-arm64": "CpuArm64", "windows-amd64": ""} {
		archive := only(t, "../dist", "earshot-"+versionOf(t)+"-"+system+"-untested.*")
		program := filepath.Join(t.TempDir(), "earshot")
		if arch == "" {
			unzip(t, archive, "earshot.exe", program)
			f, err := pe.Open(program)
			must(t, err)
			defer f.Close()
			if f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
				t.Errorf("%s is for %x", system, f.Machine)
			}
		} else {
			output(t, "sh", "-c", `tar --extract --gzip --to-stdout --wildcards --file="$0" '*/earshot' >"$1"`, archive, program)
			f, err := macho.Open(program)
			must(t, err)
			defer f.Close()
			if f.Cpu.String() != arch {
				t.Errorf("%s is for %v", system, f.Cpu)
			}
			signed := slices.ContainsFunc(f.Loads, func(l macho.Load) bool { return f.ByteOrder.Uint32(l.Raw()) == codeSignature })
			if system == "darwin-arm64" && !signed {
				t.Errorf("%s is not signed", system)
			}
		}
		info, err := buildinfo.ReadFile(program)
		must(t, err)
		for _, s := range info.Settings {
			if s.Key == "CGO_ENABLED" && s.Value != "0" {
				t.Errorf("%s needs libraries", system)
			}
		}
		binary, err := os.ReadFile(program)
		must(t, err)
		if !strings.Contains(string(binary), versionOf(t)) {
			t.Errorf("%s is of another version", system)
		}
	}
}

// codeSignature is the command in a program of macOS that says where its signature is.
const codeSignature = 0x1d

// unzip writes a file of an archive to a path.
func unzip(t *testing.T, archive, name, path string) {
	t.Helper()
	z, err := zip.OpenReader(archive)
	must(t, err)
	defer z.Close()
	for _, f := range z.File {
		if filepath.Base(f.Name) == name {
			r, err := f.Open()
			must(t, err)
			content, err := io.ReadAll(r)
			must(t, err)
			must(t, os.WriteFile(path, content, 0o755))
			return
		}
	}
	t.Fatalf("%s has no %s", archive, name)
}
