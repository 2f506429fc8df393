// SPDX-License-Identifier: BSD-2-Clause

// Go's own client. The leaky twin of `unclosed` forgets to close the body of an answer; that of
// `cancelled` lets the context of a request end before its body was read.
//
//	http_client unclosed|cancelled leaky|mended COUNT PORT wait
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

var kept []*http.Response

func fetch(ctx context.Context, url string) *http.Response {
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err == nil {
		var answer *http.Response
		if answer, err = http.DefaultClient.Do(request); err == nil {
			return answer
		}
	}
	fmt.Fprintln(os.Stderr, "twin:", err)
	os.Exit(3)
	return nil
}

func unclosed(url string, leaky bool) {
	answer := fetch(context.Background(), url+"/")
	if leaky {
		kept = append(kept, answer)
		return
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
}

func cancelled(url string, leaky bool) {
	ctx, cancel := context.WithCancel(context.Background())
	answer := fetch(ctx, url+"/large")
	defer cancel()
	defer answer.Body.Close()
	if leaky {
		return
	}
	io.Copy(io.Discard, answer.Body)
}

func main() {
	work := map[string]func(string, bool){"unclosed": unclosed, "cancelled": cancelled}[os.Args[1]]
	count, _ := strconv.Atoi(os.Args[3])
	in := bufio.NewReader(os.Stdin)
	fmt.Println(os.Getpid())
	in.ReadString('\n')
	for i := 0; i < count; i++ {
		work("http://127.0.0.1:"+os.Args[4], os.Args[2] == "leaky")
	}
	fmt.Println("opened")
	in.ReadString('\x00')
}
