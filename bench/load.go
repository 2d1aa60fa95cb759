package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is closed-loop: each client sends its next request when the answer to the
// last one is there.
type load struct {
	clients  int
	duration time.Duration
	// kinds are what a client sends in turn, such as add and remove. It stops
	// only after the last, so that what it began is undone.
	kinds int
	next  func(client, turn, kind int) []byte
}

// maxErrors end a cell: what fails that often measures nothing.
const maxErrors = 50

// outcome is what the clients saw.
type outcome struct {
	answers [][]answer // by kind; those that succeeded
	elapsed time.Duration
	errors  int
	failure string // one of the errors
}

func (o *outcome) requests() (n int) {
	for _, as := range o.answers {
		n += len(as)
	}
	return n
}

func (o *outcome) fail(why string) {
	o.errors++
	if o.failure == "" {
		o.failure = why
	}
}

// run drives the endpoint until the duration is over; every client takes at
// least one turn.
func (l load) run(ctx context.Context, to endpoint) (outcome, error) {
	clients := make([]*connection, l.clients)
	for i := range clients {
		c, err := dial(to.address)
		if err != nil {
			return outcome{}, err
		}
		defer c.close()
		clients[i] = c
	}
	seen := make([]outcome, l.clients)
	var failed atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for i, c := range clients {
		all.Go(func() { l.client(ctx, i, c, begin.Add(l.duration), &seen[i], &failed) })
	}
	all.Wait()
	total := outcome{answers: make([][]answer, l.kinds), elapsed: time.Since(begin)}
	for _, s := range seen {
		for kind := range s.answers {
			total.answers[kind] = append(total.answers[kind], s.answers[kind]...)
		}
		total.errors += s.errors
		if total.failure == "" {
			total.failure = s.failure
		}
	}
	return total, ctx.Err()
}

func (l load) client(ctx context.Context, i int, c *connection, end time.Time, seen *outcome, failed *atomic.Int64) {
	seen.answers = make([][]answer, l.kinds)
	for turn := 0; turn == 0 || time.Now().Before(end); turn++ {
		for kind := range l.kinds {
			if ctx.Err() != nil || failed.Load() >= maxErrors {
				return
			}
			request := l.next(i, turn, kind)
			a, err := c.do(request, nil)
			if err != nil {
				seen.fail(err.Error())
				failed.Add(maxErrors) // the connection is gone
				return
			}
			if a.status >= 300 {
				failed.Add(1)
				seen.fail(c.refused(request, a.status).Error())
				continue
			}
			seen.answers[kind] = append(seen.answers[kind], a)
		}
	}
}

// parallel does n steps with several clients. The first error ends it.
func parallel(
	ctx context.Context, address string, clients, n int, step func(c *connection, i int, body *bytes.Buffer) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(clients, n) {
		all.Go(func() {
			c, err := dial(address)
			if err != nil {
				cancel(err)
				return
			}
			defer c.close()
			var body bytes.Buffer
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := step(c, i, &body); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// must sends a request that has to succeed.
func (c *connection) must(request []byte, body *bytes.Buffer) error {
	a, err := c.do(request, body)
	switch {
	case err != nil:
		return fmt.Errorf("%.120s: %w", firstLine(request), err)
	case a.status >= 300:
		return c.refused(request, a.status)
	}
	return nil
}

func (c *connection) refused(request []byte, status int) *refused {
	return &refused{line: string(firstLine(request)), status: status, body: c.refusal.String()}
}

func firstLine(request []byte) []byte {
	line, _, _ := bytes.Cut(request, []byte("\r\n"))
	return line
}

// refused is an answer that is no success.
type refused struct {
	line   string
	status int
	body   string
}

// Error shows the request and the beginning of the answer.
func (r *refused) Error() string {
	return fmt.Sprintf("%.120s: %d %.300s", r.line, r.status, strings.TrimSpace(r.body))
}
