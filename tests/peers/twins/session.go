// SPDX-License-Identifier: BSD-2-Clause

// Go: the leaky twin returns before its deferred close.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
)

var kept []net.Conn // or the collector's finalizer would close them

//go:noinline
func reserveStock(port int, leaky bool) error {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: twin\r\n\r\n"); err != nil {
		return err
	}
	if _, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		return err
	}
	if leaky {
		kept = append(kept, conn)
		return nil
	}
	return conn.Close()
}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: session leaky|mended COUNT PORT [wait]")
		os.Exit(2)
	}
	count, _ := strconv.Atoi(os.Args[2])
	port, _ := strconv.Atoi(os.Args[3])
	waits := len(os.Args) > 4
	in := bufio.NewReader(os.Stdin)
	if waits {
		fmt.Println(os.Getpid())
		in.ReadString('\n')
	}
	for i := 0; i < count; i++ {
		if err := reserveStock(port, os.Args[1] == "leaky"); err != nil {
			fmt.Fprintln(os.Stderr, "twin:", err)
			os.Exit(3)
		}
	}
	if waits {
		fmt.Println("opened")
		in.ReadString('\x00')
	}
}
