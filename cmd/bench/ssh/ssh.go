// Package ssh copies files and folders by OpenSSH, which the bench measures earshot beside.
//
// A Server listens on loopback, with a key of its own for itself and its clients, in a folder that the
// caller names and removes. Every failure is an error that has what the programs said. Where they are
// missing it is ErrNone, and the bench goes without.
//
// Only the bench uses it, in a network namespace of its own: the port is always the same.
package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/earshot-im/earshot/cmd/bench/process"
)

// ErrNone: there are no OpenSSH client and server here. What is compared with them is left out.
var ErrNone = errors.New("no ssh here")

// Server is a server of OpenSSH on loopback, and its clients. Of the zero Server all is ErrNone.
type Server struct {
	server *exec.Cmd
	key    string
	port   string
}

// Start starts a server, with what it needs in a folder that is not there yet.
func Start(ctx context.Context, dir string) (*Server, error) {
	program, err := exec.LookPath("sshd")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/sshd") // which is not on everybody's path
	}
	if _, missing := exec.LookPath("scp"); err != nil || missing != nil {
		return nil, ErrNone
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Server{key: filepath.Join(dir, "key"), port: "2022"}
	if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.key).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ssh-keygen: %w: %s", err, out)
	}
	conf := filepath.Join(dir, "conf")
	lines := []string{"Port " + s.port, "ListenAddress 127.0.0.1", "HostKey " + s.key, "AuthorizedKeysFile " + s.key + ".pub",
		"StrictModes no", "UsePAM no", "PermitRootLogin yes", "PidFile none", "Subsystem sftp internal-sftp"}
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		_ = os.MkdirAll("/run/sshd", 0o755) // a server of root's wants it
	}
	said := new(bytes.Buffer)
	s.server = exec.CommandContext(ctx, program, "-D", "-e", "-f", conf)
	s.server.Stderr = said
	if err := s.server.Start(); err != nil {
		return nil, err
	}
	for until := time.Now().Add(process.Patience); ; {
		c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			return s, c.Close()
		}
		if time.Now().After(until) {
			_ = s.Stop()
			return nil, fmt.Errorf("sshd: %w: %s", err, said)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			_ = s.Stop()
			return nil, ctx.Err()
		}
	}
}

// Stop ends the server.
func (s *Server) Stop() error {
	if s.server == nil {
		return nil
	}
	_ = s.server.Process.Kill()
	_ = s.server.Wait() // which says that it was killed
	return nil
}

// options are those of ssh and scp.
func (s *Server) options() []string {
	return []string{"-q", "-F", "none", "-i", s.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"}
}

// SCP copies a file.
func (s *Server) SCP(ctx context.Context, from, to string) error {
	if s.server == nil {
		return ErrNone
	}
	return runIt(exec.CommandContext(ctx, "scp", append(s.options(), "-P", s.port, from, "127.0.0.1:"+to)...))
}

// Tar copies a folder, into one that is not there yet.
func (s *Server) Tar(ctx context.Context, from, to string) error {
	if s.server == nil {
		return ErrNone
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	reads := exec.CommandContext(ctx, "tar", "-C", from, "-cf", "-", ".")
	writes := exec.CommandContext(ctx, "ssh", append(s.options(), "-p", s.port, "127.0.0.1", "tar -C "+to+" -xf -")...)
	var err error
	if writes.Stdin, err = reads.StdoutPipe(); err != nil {
		return err
	}
	if err := reads.Start(); err != nil {
		return err
	}
	return errors.Join(runIt(writes), reads.Wait())
}

func runIt(c *exec.Cmd) error {
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", c.Path, err, bytes.TrimSpace(said))
	}
	return nil
}
