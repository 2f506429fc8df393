// SPDX-License-Identifier: BSD-2-Clause

// quic_streams leaky|mended|slow COUNT: a client and a server of quic-go in one process, and COUNT
// streams, one a millisecond, of a word each way. The leaky server takes the word, answers and calls
// Close(), which by quic-go's documentation closes the direction of sending alone: the other stays
// open until it was read to its end or given up. The leaky client reads the answer to its end and
// calls nothing. The mended ones end both directions. The slow server is a healthy one that reads
// the question to its end and has not answered yet. Says its pid, waits for a line, says "opened" when all
// streams were opened and done with, and waits for the end of its standard input.
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

func answer(stream quic.Stream, mode string) {
	word := make([]byte, len("reserve"))
	_, err := io.ReadFull(stream, word)
	check(err)
	if mode == "slow" {
		io.Copy(io.Discard, stream)
		return
	}
	_, err = stream.Write(word)
	check(err)
	check(stream.Close())
	if mode == "mended" {
		io.Copy(io.Discard, stream)
	}
}

func serve(conn quic.Connection, mode string, done *sync.WaitGroup) {
	for {
		stream, err := conn.AcceptStream(context.Background())
		if err != nil {
			return
		}
		go func() {
			answer(stream, mode)
			done.Done()
		}()
	}
}

func reserveStream(conn quic.Connection, mode string) {
	stream, err := conn.OpenStreamSync(context.Background())
	check(err)
	_, err = stream.Write([]byte("reserve"))
	check(err)
	if mode != "leaky" {
		check(stream.Close())
	}
	if mode != "slow" {
		io.Copy(io.Discard, stream)
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: quic_streams leaky|mended|slow COUNT")
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

	var done sync.WaitGroup
	done.Add(count)
	go func() {
		conn, err := listener.Accept(context.Background())
		check(err)
		serve(conn, os.Args[1], &done)
	}()
	conn, err := quic.DialAddr(listener.Addr().String(),
		&tls.Config{InsecureSkipVerify: true, NextProtos: protocols}, config)
	check(err)
	for i := 0; i < count; i++ {
		reserveStream(conn, os.Args[1])
		time.Sleep(time.Millisecond)
	}
	done.Wait()
	fmt.Println("opened")
	in.ReadString('\n')
}
