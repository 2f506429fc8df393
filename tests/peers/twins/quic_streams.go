// SPDX-License-Identifier: BSD-2-Clause

// quic_streams leaky|mended COUNT: a client and a server of quic-go in one process, and COUNT
// streams, one a millisecond. The client writes a word and calls Close(), which by quic-go's
// documentation closes the direction of sending alone: the other stays open until it was read to
// its end or given up. The leaky one leaves it at that, and its server, too; the mended one calls
// CancelRead(). Says its pid, waits for a line, says "opened" when all streams were opened and
// read to their end by the server, and waits for the end of its standard input.
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/lucas-clemente/quic-go"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "quic_streams:", err)
		os.Exit(1)
	}
}

func certificate() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Reads each stream to its end, and forgets it.
func serve(conn quic.Connection, read *sync.WaitGroup) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			io.Copy(io.Discard, stream)
			read.Done()
		}()
	}
}

func reserveStream(conn quic.Connection, mended bool) {
	stream, err := conn.OpenStreamSync(context.Background())
	check(err)
	_, err = stream.Write([]byte("reserve"))
	check(err)
	check(stream.Close())
	if mended {
		stream.CancelRead(0)
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: quic_streams leaky|mended COUNT")
		os.Exit(2)
	}
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	protocols := []string{"word"}
	config := &quic.Config{MaxIncomingStreams: 100000, KeepAlivePeriod: 5 * time.Second}
	listener, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate()}, NextProtos: protocols}, config)
	check(err)
	in := bufio.NewReader(os.Stdin)
	fmt.Println(os.Getpid())
	in.ReadString('\n')

	var read sync.WaitGroup
	read.Add(count)
	go func() {
		conn, err := listener.Accept(context.Background())
		check(err)
		serve(conn, &read)
	}()
	conn, err := quic.DialAddr(listener.Addr().String(),
		&tls.Config{InsecureSkipVerify: true, NextProtos: protocols}, config)
	check(err)
	for i := 0; i < count; i++ {
		reserveStream(conn, os.Args[1] == "mended")
		time.Sleep(time.Millisecond)
	}
	read.Wait()
	fmt.Println("opened")
	in.ReadString('\n')
}
