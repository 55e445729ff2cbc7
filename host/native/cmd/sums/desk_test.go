package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestASmallRequestIsAnsweredBesideAnEndlessOneWhichCanBeCancelled(t *testing.T) {
	p, dir, large := start(t), snapshot(t), endless(t)
	p.send(request{Key: "endless", Op: "seal", Dir: large})
	sum := p.mustSeal(dir)
	if a := p.verify(dir, sum); !a.OK {
		t.Fatalf("%+v", a)
	}
	p.send(request{Key: "cancel", Op: "cancel", Of: "endless"})
	answers := map[string]answer{}
	for range 2 {
		a := p.next()
		answers[a.Key] = a
	}
	if !answers["cancel"].OK || answers["endless"].Code != "cancelled" {
		t.Fatalf("%+v", answers)
	}
	if _, err := os.Lstat(filepath.Join(large, "sums.json")); err == nil {
		t.Fatal("a cancelled seal has written sums")
	}
	if a := p.ask(request{Key: "again", Op: "cancel", Of: "endless"}); !a.OK {
		t.Fatalf("%+v", a)
	}
}

func TestRequestsThatWaitForTheirTurnCanBeCancelledAndAreServedWhenItComes(t *testing.T) {
	said := make(chan answer, 10)
	d, dir := newDesk(newHasher(2), func(a answer) { said <- a }), snapshot(t)
	for range maxOpen {
		d.turns <- struct{}{}
	}
	d.take(request{Key: "served", Op: "seal", Dir: dir})
	d.take(request{Key: "given up", Op: "seal", Dir: dir})
	d.take(request{Key: "cancel", Op: "cancel", Of: "given up"})
	for range 2 {
		if a := <-said; a.Key != "cancel" && (a.Key != "given up" || a.Code != "cancelled") {
			t.Fatalf("%+v", a)
		}
	}
	<-d.turns
	if a := <-said; a.Key != "served" || !a.OK {
		t.Fatalf("%+v", a)
	}
}

func TestItEndsWithItsInputInTheMiddleOfARequest(t *testing.T) {
	p, large := start(t), endless(t)
	p.send(request{Key: "endless", Op: "seal", Dir: large})
	// Its answer shows that the line before it was taken.
	p.ask(request{Key: "mark", Op: "cancel", Of: "none"})
	p.stdin.Close()
	for a := range p.answers {
		t.Fatalf("%+v", a)
	}
}

func TestWrongLinesAreRefusedAndTheNextOneIsServed(t *testing.T) {
	p, dir := start(t), snapshot(t)
	sum := p.mustSeal(dir)
	for _, line := range []string{
		`{`, `{}`, `7`, `{"no":1}`,
		`{"key":"k"}`,
		`{"key":"k","op":"erase","dir":"/tmp"}`,
		`{"op":"seal","dir":"/tmp/x"}`,
		`{"op":"cancel","of":"x"}`,
		`{"key":"` + strings.Repeat("k", maxKeyBytes+1) + `","op":"seal","dir":"/tmp/x"}`,
		`{"key":"k","op":"seal"}`,
		`{"key":"k","op":"seal","dir":"/"}`,
		`{"key":"k","op":"seal","dir":"relative"}`,
		`{"key":"k","op":"seal","dir":"` + dir + `/"}`,
		`{"key":"k","op":"seal","dir":"` + dir + `/../snapshot"}`,
		`{"key":"k","op":"seal","dir":"` + dir + `\u0000"}`,
		`{"key":"k","op":"verify","dir":"` + dir + `"}`,
		`{"key":"k","op":"verify","dir":"` + dir + `","sha256":"` + sum[1:] + `"}`,
		`{"key":"k","op":"verify","dir":"` + dir + `","sha256":"` + strings.ToUpper(sum) + `"}`,
	} {
		p.sendLine(line)
		if a := p.next(); a.Code != "refused" || a.Error == "" || a.OK {
			t.Fatalf("%s: %+v", line, a)
		}
	}
	if a := p.verify(dir, sum); !a.OK {
		t.Fatalf("%+v", a)
	}
}

func TestTwoRequestsOfOneKeyAreNotServedAtOnce(t *testing.T) {
	p, dir, large := start(t), snapshot(t), endless(t)
	p.send(request{Key: "k", Op: "seal", Dir: large})
	if a := p.ask(request{Key: "k", Op: "seal", Dir: dir}); a.Code != "refused" {
		t.Fatalf("%+v", a)
	}
}

func TestNoMoreChunksAreHashedAtATimeThanThereAreBuffers(t *testing.T) {
	const atOnce, requests = 2, 5
	h := newHasher(atOnce)
	dir := snapshot(t)
	var mu sync.Mutex
	now, most, hashed := 0, 0, 0
	full := make(chan struct{})
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			f, err := openFolder(dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.close()
			err = h.each(context.Background(), f.files, func(*file, int64, sum) error {
				mu.Lock()
				now, hashed = now+1, hashed+1
				if most = max(most, now); now == atOnce && hashed <= atOnce {
					close(full)
				}
				mu.Unlock()
				// The first ones wait for each other: as many as there are buffers do get in.
				<-full
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if chunks := requests * (1 + 1 + 4 + 4); most != atOnce || hashed != chunks {
		t.Fatalf("%d at once, %d of %d chunks", most, hashed, chunks)
	}
}
