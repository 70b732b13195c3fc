package system

import (
	"fmt"
	"io"
	"net"
	"os"
)

// hold is another program: it has a port until its input ends.
func hold() {
	switch os.Getenv("HOLD") {
	case "udp":
		c, err := net.ListenUDP("udp4", nil)
		if err != nil {
			panic(err)
		}
		defer c.Close()
		fmt.Println(c.LocalAddr().(*net.UDPAddr).Port)
	case "tcp":
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			panic(err)
		}
		defer l.Close()
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}
