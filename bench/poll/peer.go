// One request to each of N hosts with Go's net/http: a peer for the collector's sweep.
//
//	go run peer.go -hosts 10000 -port 18480 -path /buildinfo -rounds 2 [-ca ca.pem]
//
// Host i is 127.1.(i>>8).(i&255), from 1. The first round opens connections, later rounds reuse them. Each response is
// decoded into a struct. With -ca, the requests use TLS and verify the peer. Prints one line per round: its number,
// seconds, responses decoded, failures. Exits with 1 if a request failed.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
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
	hosts := flag.Int("hosts", 10000, "number of hosts, at most 60000")
	port := flag.Int("port", 18480, "port of every host")
	path := flag.String("path", "/buildinfo", "path of the document")
	rounds := flag.Int("rounds", 1, "requests to each host")
	inFlight := flag.Int("parallel", 1000, "goroutines")
	authorities := flag.String("ca", "", "PEM bundle: use TLS and trust these authorities")
	flag.Parse()

	transport := &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Hour}
	scheme := "http"
	if *authorities != "" {
		scheme = "https"
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
		work := make(chan int, *hosts)
		for host := 1; host <= *hosts; host++ {
			work <- host
		}
		close(work)
		start := time.Now()
		for i := 0; i < *inFlight; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for host := range work {
					nonce := fmt.Sprintf("%016x", host)
					url := fmt.Sprintf("%s://127.1.%d.%d:%d%s?nonce=%s", scheme, host>>8, host&255, *port, *path, nonce)
					if err := ask(client, url, nonce); err != nil {
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
	response, err := client.Get(url)
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
