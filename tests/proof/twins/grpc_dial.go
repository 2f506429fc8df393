// SPDX-License-Identifier: BSD-2-Clause

// gRPC, which is HTTP/2: the leaky twin dials for each call, and never closes what it has dialled. It goes
// on, twice a second, until its standard input ends. `serve` is the other end.
//
//	grpc_dial leaky|mended COUNT PORT wait
//	grpc_dial serve PORT
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "twin:", err)
		os.Exit(3)
	}
}

func serve(port string) {
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	check(err)
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	check(server.Serve(listener))
}

func askHealth(port string, leaky bool) {
	conn, err := grpc.Dial("127.0.0.1:"+port, grpc.WithInsecure(), grpc.WithBlock())
	check(err)
	_, err = grpc_health_v1.NewHealthClient(conn).Check(context.Background(),
		&grpc_health_v1.HealthCheckRequest{})
	check(err)
	if !leaky {
		conn.Close()
	}
}

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	in := bufio.NewReader(os.Stdin)
	fmt.Println(os.Getpid())
	in.ReadString('\n')
	fmt.Println("opened")
	go func() {
		for range time.Tick(500 * time.Millisecond) {
			askHealth(os.Args[3], os.Args[1] == "leaky")
		}
	}()
	in.ReadString('\x00')
}
