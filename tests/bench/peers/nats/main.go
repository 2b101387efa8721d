// Publishes to a JetStream stream, a given number of publishers each with one message in flight, and
// prints {"records":N,"seconds":S,"p50Ms":..,"p99Ms":..}. The peer of PutRecord with one record a request.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"sort"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	url := flag.String("url", nats.DefaultURL, "server")
	size := flag.Int("size", 1024, "bytes of a message")
	inFlight := flag.Int("in-flight", 64, "publishers")
	seconds := flag.Float64("seconds", 5, "how long")
	flag.Parse()

	conn, err := nats.Connect(*url)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	js, err := conn.JetStream()
	if err != nil {
		log.Fatal(err)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "bench", Subjects: []string{"bench.>"}, Storage: nats.FileStorage}); err != nil {
		log.Fatal(err)
	}
	data := make([]byte, *size)
	end := time.Now().Add(time.Duration(*seconds * float64(time.Second)))
	var mu sync.Mutex
	var took []float64
	var wg sync.WaitGroup
	began := time.Now()
	for i := 0; i < *inFlight; i++ {
		wg.Add(1)
		go func(subject string) {
			defer wg.Done()
			var mine []float64
			for time.Now().Before(end) {
				t := time.Now()
				if _, err := js.Publish(subject, data); err != nil {
					log.Fatal(err)
				}
				mine = append(mine, float64(time.Since(t).Microseconds())/1000)
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		}(fmt.Sprintf("bench.%d", i))
	}
	wg.Wait()
	elapsed := time.Since(began).Seconds()
	sort.Float64s(took)
	out, _ := json.Marshal(map[string]float64{
		"records": float64(len(took)), "seconds": elapsed,
		"p50Ms": took[len(took)/2], "p99Ms": took[len(took)*99/100],
	})
	fmt.Println(string(out))
}
