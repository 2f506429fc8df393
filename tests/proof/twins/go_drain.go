// SPDX-License-Identifier: BSD-2-Clause

// A server that drains when it is asked to end: nobody new, and when the last request is done it closes
// what is left and goes. The leaky twin counts down and looks at the count in two steps, as the HTTP/3
// server of quic-go 0.48 does: two that end together both find themselves the last, and closing a
// channel twice is a panic. (The pause is there so that they always do.) The mended twin has one word
// for the count and the drain.
//
//	go_drain leaky|mended COUNT PORT wait
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type gate interface {
	enter()
	leave()
	drain()
}

type twoSteps struct {
	count    int64
	draining int32
	done     chan struct{}
}

func (g *twoSteps) enter() { atomic.AddInt64(&g.count, 1) }

func (g *twoSteps) leave() {
	atomic.AddInt64(&g.count, -1)
	time.Sleep(50 * time.Millisecond)
	if atomic.LoadInt32(&g.draining) != 0 && atomic.LoadInt64(&g.count) == 0 {
		close(g.done)
	}
}

func (g *twoSteps) drain() { atomic.StoreInt32(&g.draining, 1) }

type oneWord struct {
	word int64 // the count doubled, and 1 if it drains
	done chan struct{}
}

func (g *oneWord) enter() { atomic.AddInt64(&g.word, 2) }

func (g *oneWord) leave() {
	if atomic.AddInt64(&g.word, -2) == 1 {
		close(g.done)
	}
}

func (g *oneWord) drain() { atomic.AddInt64(&g.word, 1) }

// Answers each request; that for /slow when it is time to go.
func serveGuest(conn net.Conn, g gate, ending chan struct{}) {
	in := bufio.NewReader(conn)
	for {
		request, err := in.ReadString('\n')
		if err != nil {
			return
		}
		for line := request; line != "\r\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		g.enter()
		if strings.HasPrefix(request, "GET /slow ") {
			<-ending
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		g.leave()
	}
}

func main() {
	done, ending := make(chan struct{}), make(chan struct{})
	var g gate = &oneWord{done: done}
	if os.Args[1] == "leaky" {
		g = &twoSteps{done: done}
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	in := bufio.NewReader(os.Stdin)
	fmt.Println(os.Getpid())
	in.ReadString('\n')
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, "twin:", err)
		os.Exit(3)
	}
	var lock sync.Mutex
	var guests []net.Conn
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			lock.Lock()
			guests = append(guests, conn)
			lock.Unlock()
			go serveGuest(conn, g, ending)
		}
	}()
	fmt.Println("opened")
	<-asked
	signal.Reset(syscall.SIGTERM)
	listener.Close()
	g.drain()
	close(ending)
	<-done
	time.Sleep(time.Second)
	lock.Lock()
	for _, conn := range guests {
		conn.Close()
	}
	lock.Unlock()
	in.ReadString('\x00')
}
