// One request to each host with Go's net/http, JSON decoded into a struct.
//
//	go run peer.go -urls FILE [-rounds 2] [-ca ca.pem]
//
// The file has one URL per line. The first round opens connections, later rounds reuse them. Peers with TLS are verified.
// Prints one line per round: its number, seconds, responses decoded, failures. Exits with 1 if a request failed.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type instance struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	State  string `json:"state"`
	Health string `json:"health"`
	GitSHA string `json:"git_sha"`
}

type document struct {
	Schema     int        `json:"schema"`
	Service    string     `json:"service"`
	GitSHA     string     `json:"git_sha"`
	Digest     string     `json:"digest"`
	State      string     `json:"state"`
	ObservedAt string     `json:"observed_at"`
	AgeSeconds float64    `json:"age_seconds"`
	Nonce      string     `json:"nonce"`
	Instances  []instance `json:"instances"`
}

func main() {
	file := flag.String("urls", "", "file with one URL per line")
	rounds := flag.Int("rounds", 1, "requests to each host")
	inFlight := flag.Int("parallel", 1000, "goroutines")
	authorities := flag.String("ca", "", "PEM bundle of the trusted authorities")
	flag.Parse()

	text, err := os.ReadFile(*file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(64)
	}
	urls := strings.Fields(string(text))

	transport := &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Hour, DisableKeepAlives: *rounds == 1}
	if *authorities != "" {
		bundle, err := os.ReadFile(*authorities)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(bundle) {
			fmt.Fprintln(os.Stderr, "no certificate in", *authorities, err)
			os.Exit(64)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}

	failed := false
	for round := 1; round <= *rounds; round++ {
		var decoded, failures atomic.Int64
		var group sync.WaitGroup
		work := make(chan string, len(urls))
		for _, url := range urls {
			work <- url
		}
		close(work)
		start := time.Now()
		for i := 0; i < *inFlight; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for url := range work {
					if err := ask(client, url, "0123456789abcdef"); err != nil {
						if failures.Add(1) == 1 {
							fmt.Fprintln(os.Stderr, err)
						}
						continue
					}
					decoded.Add(1)
				}
			}()
		}
		group.Wait()
		fmt.Printf("%d %.3f %d %d\n", round, time.Since(start).Seconds(), decoded.Load(), failures.Load())
		failed = failed || failures.Load() > 0
	}
	if failed {
		os.Exit(1)
	}
}

func ask(client *http.Client, url, nonce string) error {
	response, err := client.Get(url + "?nonce=" + nonce)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer document
	decoder := json.NewDecoder(response.Body)
	if err := decoder.Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK || answer.Nonce != nonce {
		return fmt.Errorf("%s: status %d, nonce %q", url, response.StatusCode, answer.Nonce)
	}
	// A connection is reused only if the body was read to its end.
	if decoder.More() {
		return fmt.Errorf("%s: bytes after the document", url)
	}
	return nil
}
