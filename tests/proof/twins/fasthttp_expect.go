// SPDX-License-Identifier: BSD-2-Clause

// A server of fasthttp that takes uploads. The leaky twin sets no ReadTimeout, as by default: whoever
// says "Expect: 100-continue" and then nothing is waited for without end. Both let idle keep-alives be.
//
//	fasthttp_expect leaky|mended COUNT PORT wait
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

func main() {
	server := &fasthttp.Server{
		Handler:     func(ctx *fasthttp.RequestCtx) { ctx.WriteString("ok") },
		IdleTimeout: time.Hour,
	}
	if os.Args[1] != "leaky" {
		server.ReadTimeout = time.Second
	}
	in := bufio.NewReader(os.Stdin)
	fmt.Println(os.Getpid())
	in.ReadString('\n')
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, "twin:", err)
		os.Exit(3)
	}
	go server.Serve(listener)
	fmt.Println("opened")
	in.ReadString('\x00')
}
