package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

const description = `Messages for people on the same local network
A messenger without a server and without accounts: every machine runs one
node, nodes find each other, and a message that is typed while its reader's
laptop is asleep arrives when it wakes. Made for the command line and for
scripts.`

// packages makes the deb and the rpm for one of Linux' architectures.
func (r *release) packages(t target) error {
	version, err := packageVersion(r.version, r.when)
	if err != nil {
		return err
	}
	for _, make := range []func(target, string) (*nfpm.Info, nfpm.Packager, error){r.deb, r.rpm} {
		info, packager, err := make(t, version)
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(r.out, packager.ConventionalFileName(info)))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := packager.Package(info, f); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// info is what both kinds of package say, with the files that both have.
func (r *release) info(t target, version string) *nfpm.Info {
	info := &nfpm.Info{
		Name: "earshot", Arch: t.arch, Platform: "linux", Version: version, VersionSchema: "none",
		Maintainer: maintainer, Homepage: homepage, Description: description, License: "MIT",
		MTime: r.when, DisableGlobbing: true,
	}
	shared := append(r.manual(".1.gz", "/usr/share/man/man1/"),
		file{"/usr/bin/earshot", r.program(t), 0o755},
		file{"/usr/share/bash-completion/completions/earshot", r.staged("completions/earshot.bash"), 0o644},
		file{"/usr/share/fish/vendor_completions.d/earshot.fish", r.staged("completions/earshot.fish"), 0o644},
		file{"/usr/share/doc/earshot/README.md", filepath.Join(r.source, "README.md"), 0o644},
		file{"/usr/share/doc/earshot/CLI.md", filepath.Join(r.source, "cmd/earshot/CLI.md"), 0o644},
	)
	for path, source := range system {
		shared = append(shared, file{path, source, 0o644})
	}
	r.add(info, shared...)
	return info
}

// add puts files into a package. What lies in /etc is configuration: changes of it are kept.
func (r *release) add(info *nfpm.Info, all ...file) {
	for _, f := range all {
		c := &files.Content{Source: f.source, Destination: f.path, FileInfo: &files.ContentFileInfo{Mode: f.mode, MTime: r.when}}
		switch {
		case strings.HasPrefix(f.path, "/etc/"):
			c.Type = files.TypeConfigNoReplace
		case strings.HasPrefix(f.path, "/usr/share/licenses/"):
			c.Type = files.TypeRPMLicense
		case strings.HasPrefix(f.path, "/usr/share/doc/"), strings.HasPrefix(f.path, "/usr/share/man/"):
			c.Type = files.TypeRPMDoc
		}
		info.Contents = append(info.Contents, c)
	}
}

func (r *release) deb(t target, version string) (*nfpm.Info, nfpm.Packager, error) {
	info := r.info(t, version)
	info.Section = "net"
	changelog := "earshot (" + version + ") unstable; urgency=medium\n\n  * Version " + r.version + ".\n\n -- " +
		maintainer + "  " + r.when.Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\n"
	if err := os.WriteFile(r.staged("changelog.gz"), zipped([]byte(changelog)), 0o644); err != nil {
		return nil, nil, err
	}
	r.add(info,
		file{"/usr/share/zsh/vendor-completions/_earshot", r.staged("completions/_earshot"), 0o644},
		file{"/usr/share/doc/earshot/copyright", r.staged("copyright"), 0o644},
		file{"/usr/share/doc/earshot/THIRD-PARTY-LICENSES.gz", r.staged(thirdPartyOf(t) + ".gz"), 0o644},
		file{"/usr/share/doc/earshot/changelog.gz", r.staged("changelog.gz"), 0o644},
		file{"/usr/share/lintian/overrides/earshot", "linux/lintian-overrides", 0o644},
	)
	for _, c := range info.Contents { // doc files are a type of rpm's only
		if c.Type == files.TypeRPMDoc {
			c.Type = files.TypeFile
		}
	}
	info.Scripts = nfpm.Scripts{PostInstall: r.staged("linux/deb/postinst"), PreRemove: r.staged("linux/deb/prerm"), PostRemove: r.staged("linux/deb/postrm")}
	return info, deb.Default, nil
}

func (r *release) rpm(t target, version string) (*nfpm.Info, nfpm.Packager, error) {
	info := r.info(t, version)
	info.Release = "1"
	r.add(info,
		file{"/usr/share/zsh/site-functions/_earshot", r.staged("completions/_earshot"), 0o644},
		file{"/usr/share/licenses/earshot/LICENSE", filepath.Join(r.source, "LICENSE"), 0o644},
		file{"/usr/share/licenses/earshot/THIRD-PARTY-LICENSES", r.staged(thirdPartyOf(t)), 0o644},
	)
	// What no other package is sure to have is ours to take away again.
	for _, dir := range []string{
		"/etc/ufw", "/etc/ufw/applications.d", "/usr/lib/firewalld", "/usr/lib/firewalld/services", "/usr/share/doc/earshot",
		"/usr/share/applications", "/usr/share/fish", "/usr/share/fish/vendor_completions.d", "/usr/share/icons/hicolor",
		"/usr/share/icons/hicolor/scalable", "/usr/share/icons/hicolor/scalable/apps", "/usr/share/licenses", "/usr/share/licenses/earshot",
		"/usr/share/zsh", "/usr/share/zsh/site-functions",
	} {
		info.Contents = append(info.Contents, &files.Content{Destination: dir, Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.when}})
	}
	info.Scripts = nfpm.Scripts{PostInstall: r.staged("linux/rpm/postin"), PreRemove: r.staged("linux/rpm/preun"), PostRemove: r.staged("linux/rpm/postun")}
	info.RPM.BuildHost = "reproducible"
	info.RPM.Group = "Applications/Internet"
	return info, rpm.DefaultRPM, nil
}
