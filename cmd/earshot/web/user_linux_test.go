package web

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/earshot-im/earshot/cmd/earshot/web/session"
	earshotv1 "github.com/earshot-im/earshot/node/localapi/v1"
)

// asAnother has the test program be a browser of another user: it asks for the page, and prints the answer.
const asAnother = "EARSHOT_TEST_PAGE"

// asNobody has the test program say whether a user can be told from others where it runs.
const asNobody = "EARSHOT_TEST_NOBODY"

func TestMain(m *testing.M) {
	if os.Getenv(asNobody) != "" {
		fmt.Println(checkSelf())
		return
	}
	host := os.Getenv(asAnother)
	if host == "" {
		os.Exit(m.Run())
	}
	_, port, _ := net.SplitHostPort(host)
	for _, at := range []string{"127.0.0.1", "::1"} {
		c, err := net.Dial("tcp", net.JoinHostPort(at, port))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
		b, _ := io.ReadAll(c)
		fmt.Println(string(b))
	}
}

// Rule 3: a program of another user of this machine is refused, and told why, unless the owner lets it.
func TestOtherUsersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user too")
	}
	w := newWorld(t)
	host := w.open(&earshotv1.OpenWebRequest{}).host
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir() + "/browser"
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, b, 0o755); err != nil {
		t.Fatal(err)
	}
	ask := func(user uint32) string {
		t.Helper()
		c := exec.Command("/proc/self/fd/3")
		f, err := os.Open(bin)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		c.ExtraFiles = []*os.File{f}
		c.Env = []string{asAnother + "=" + host}
		c.Dir = "/"
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if got := ask(0); strings.Count(got, "HTTP/1.1 200 OK") != 2 {
		t.Fatalf("the same user: %s", got)
	}
	got := ask(4242)
	if strings.Count(got, "HTTP/1.1 403 Forbidden") != 2 || strings.Count(got, "user 4242 ") != 2 || strings.Count(got, "--any-local-user") != 2 || strings.Contains(got, "<title>") {
		t.Errorf("another user: %s", got)
	}
	w.open(&earshotv1.OpenWebRequest{AnyLocalUser: true})
	if got := ask(4242); strings.Count(got, "HTTP/1.1 200 OK") != 2 {
		t.Errorf("another user who may: %s", got)
	}
	w.open(&earshotv1.OpenWebRequest{}) // it stays so until the page is stopped
	if got := ask(4242); strings.Count(got, "HTTP/1.1 200 OK") != 2 {
		t.Errorf("another user who may: %s", got)
	}
	if _, err := w.StopWeb(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	host = w.open(&earshotv1.OpenWebRequest{}).host
	if got := ask(4242); strings.Count(got, "HTTP/1.1 403 Forbidden") != 2 {
		t.Errorf("after it was stopped: %s", got)
	}
}

// The kernel says of users that it can't name here that they are nobody: two of them need not be the same.
func TestNobodyIsNotAnybody(t *testing.T) {
	for _, c := range []struct {
		peer, own, nobody uint32
		same              bool
	}{{1000, 1000, 65534, true}, {1001, 1000, 65534, false}, {0, 1000, 65534, false}, {65534, 1000, 65534, false}, {65534, 65534, 65534, false}, {65534, 65534, 99, true}} {
		if err := sameUser(c.peer, c.own, c.nobody); (err == nil) != c.same {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A program that has let go of a connection already is nobody's, which the kernel tells as root's.
func TestConnectionWithoutAProgramIsRefused(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if err := checkUser(here); err != nil {
		t.Errorf("an open connection: %v", err)
	}
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := io.ReadAll(here); err != nil { // its end has come
		t.Fatal(err)
	}
	if err := checkUser(here); err == nil {
		t.Error("a closed connection is taken for the owner's")
	}
	if err := checkUser(fakeConn{here}); err == nil {
		t.Error("a connection that the kernel does not know is taken for the owner's")
	}
}

// Connections that are refused are few, and take no room of the owner's; each gives back its own.
func TestConnectionsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var queue queued
	own := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		here, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(); here.Close() })
		queue = append(queue, here)
		return c
	}
	foreign := func() net.Conn {
		c, here := net.Pipe() // of no user
		t.Cleanup(func() { c.Close() })
		queue = append(queue, here)
		return c
	}
	from := accepting{&queue, session.New(t.TempDir(), nowOf(0)), make(chan struct{}, 2), make(chan struct{}, 1)}
	var taken []*peer
	accept := func(want error) {
		t.Helper()
		c, err := from.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if p := c.(*peer); !errors.Is(p.refused, want) {
			t.Errorf("%v, want %v", p.refused, want)
		}
		taken = append(taken, c.(*peer))
	}
	closed := func(c net.Conn) {
		t.Helper()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("it is kept")
		}
	}
	foreign()
	accept(errUser)
	further := foreign()
	own()
	accept(nil) // after the further one, for which there is no room
	closed(further)
	own()
	accept(nil)
	further = own()
	if _, err := from.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	closed(further)
	taken[1].Close()
	taken[1].Close() // as the server may do: that makes room for one
	own()
	accept(nil)
	further = own()
	if _, err := from.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	closed(further)
	for _, p := range taken {
		p.Close()
	}
	own()
	accept(nil)
	own()
	accept(nil)
	foreign()
	accept(errUser)
	further = own()
	if _, err := from.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
	closed(further)
}

// queued is a listener to which connections come in order.
type queued []net.Conn

func (q *queued) Accept() (net.Conn, error) {
	if len(*q) == 0 {
		return nil, net.ErrClosed
	}
	c := (*q)[0]
	*q = (*q)[1:]
	return c, nil
}

func (q *queued) Close() error   { return nil }
func (q *queued) Addr() net.Addr { return nil }

// Where there is no such connection, the kernel tells of a socket that listens there, whose user is another matter.
func TestListenerIsNoConnection(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := checkUser(listening{c, other.Addr()}); !errors.Is(err, errUser) {
		t.Errorf("a socket that listens is taken for a connection: %v", err)
	}
}

// listening claims to come from where another socket listens.
type listening struct {
	net.Conn
	from net.Addr
}

func (c listening) RemoteAddr() net.Addr { return c.from }

// A browser that speaks IPv4 by a socket of IPv6 is the owner's too.
func TestConnectionOfBothFamilies(t *testing.T) {
	for _, c := range []struct {
		family  int
		network string
		to      syscall.Sockaddr
	}{
		{syscall.AF_INET6, "tcp4", &syscall.SockaddrInet6{Addr: [16]byte{10: 0xff, 0xff, 127, 0, 0, 1}}},
		{syscall.AF_INET, "tcp4", &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}},
		{syscall.AF_INET6, "tcp6", &syscall.SockaddrInet6{Addr: [16]byte{15: 1}}},
	} {
		host := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[c.network]
		l, err := net.Listen(c.network, host)
		if err != nil && absent(err) {
			continue // this system has no such address
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		switch to := c.to.(type) {
		case *syscall.SockaddrInet4:
			to.Port = port
		case *syscall.SockaddrInet6:
			to.Port = port
		}
		fd, err := syscall.Socket(c.family, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		if err := syscall.Connect(fd, c.to); err != nil {
			t.Fatal(err)
		}
		here, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer here.Close()
		if err := checkUser(here); err != nil {
			t.Errorf("%s by family %d: %v", c.network, c.family, err)
		}
	}
}

// Each of the four has to be that of the connection: what the kernel tells of may be another one.
func TestSocketOfAConnection(t *testing.T) {
	at := func(ip byte, port int) net.TCPAddr { return net.TCPAddr{IP: net.IPv4(127, 0, 0, ip), Port: port} }
	local, remote := at(1, 1), at(2, 2)
	for _, s := range []socket{{local: at(3, 1), remote: remote}, {local: at(1, 3), remote: remote}, {local: local, remote: at(3, 2)}, {local: local, remote: at(2, 3)}, {local: remote, remote: local}} {
		if s.joins(&local, &remote) {
			t.Errorf("%+v is taken for it", s)
		}
	}
	if !(socket{local: local, remote: remote}).joins(&local, &remote) {
		t.Error("it is not taken for itself")
	}
}

// A node that runs as the user who stands for all unknown ones could not tell its owner from them.
func TestNodeOfNobodyServesNoPage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user too")
	}
	for user, want := range map[uint32]string{0: "<nil>", nobody(): "this node runs as user"} {
		c := exec.Command("/proc/self/exe")
		c.Env, c.Dir = []string{asNobody + "=1"}, "/"
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("user %d: %s %v", user, out, err)
		}
	}
}

// fakeConn claims to come from elsewhere.
type fakeConn struct{ net.Conn }

func (fakeConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// Asked about a connection, the kernel answers with any that has its ports.
func TestAnotherConnectionWithTheSamePorts(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	if err := checkUser(movedConn{here}); err == nil {
		t.Error("another connection is taken for this one")
	}
}

// movedConn has the ports of another connection, and comes from another address.
type movedConn struct{ net.Conn }

func (c movedConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: c.Conn.RemoteAddr().(*net.TCPAddr).Port}
}
