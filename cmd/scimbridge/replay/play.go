package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Client plays conversations against one SCIM server.
type Client struct {
	Base  string // of SCIM, such as http://127.0.0.1:8080/scim/v2
	Token string // the bearer token of a connection
	// HTTP sends the requests; redirects are never followed. Without it a
	// plain client with a timeout of 30 seconds is used.
	HTTP *http.Client
	// Keep leaves on the server what a play made there; else it is deleted.
	Keep bool
	// Observe, if set, is called with every exchange and its verdict, one
	// at a time.
	Observe func(Exchange)
}

// Play runs one conversation to its end and judges it. Requests that get no
// answer are findings like any other; the error is for a context that ended
// and for a conversation or a base URL that makes no sense.
func (c *Client) Play(ctx context.Context, conv Conversation) (Result, error) {
	base := strings.TrimRight(c.Base, "/")
	w, err := newWire(base, c.HTTP)
	if err != nil {
		return Result{}, err
	}
	p := &play{client: c, conv: conv, wire: w, vars: newVariables(base)}
	if err := p.run(ctx); err != nil {
		return Result{}, fmt.Errorf("conversation %s: %w", conv.ID, err)
	}
	if !c.Keep {
		p.clean(ctx)
	}
	r := Result{ID: conv.ID, IDP: conv.IDP, Name: conv.Name, Soft: conv.Soft, Steps: p.done, Vars: p.vars}
	r.Verdict = r.verdict()
	return r, nil
}

// play is one run of one conversation.
type play struct {
	client *Client
	conv   Conversation
	wire   *wire
	done   []Exchange

	mu   sync.Mutex // guards what parallel steps share: the two below and Observe
	vars variables
	made []string // paths of the resources the play has created
}

func (p *play) run(ctx context.Context) error {
	for at, step := range p.conv.Steps {
		if len(step.Parallel) > 0 {
			if err := p.parallel(ctx, step.Parallel); err != nil {
				return err
			}
			continue
		}
		for i := range max(step.Repeat, 1) {
			p.vars["i"] = float64(i + 1)
			ex, err := p.step(ctx, step)
			if err != nil {
				return err
			}
			p.done = append(p.done, ex)
			if ex.Setup && len(ex.Fails) > 0 {
				for _, rest := range p.conv.Steps[at+1:] {
					p.done = append(p.done, Exchange{Conversation: p.conv.ID, Note: rest.Note, Skipped: "setup failed"})
				}
				return nil
			}
		}
	}
	return nil
}

func (p *play) step(ctx context.Context, step Step) (Exchange, error) {
	ex, req, err := p.prepare(step)
	if err != nil || ex.Skipped != "" {
		return ex, err
	}
	return p.finish(ctx, step, ex, req)
}

// parallel sends all steps at the same time. All are prepared first: none can
// use what another one of them captures.
func (p *play) parallel(ctx context.Context, steps []Step) error {
	exchanges, errs := make([]Exchange, len(steps)), make([]error, len(steps))
	requests := make([]request, len(steps))
	for i, step := range steps {
		var err error
		if exchanges[i], requests[i], err = p.prepare(step); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	for i, step := range steps {
		if exchanges[i].Skipped == "" {
			wg.Go(func() { exchanges[i], errs[i] = p.finish(ctx, step, exchanges[i], requests[i]) })
		}
	}
	wg.Wait()
	p.done = append(p.done, exchanges...)
	return errors.Join(errs...)
}

// prepare fills in the variables. A step that needs a value that was not captured is
// skipped.
func (p *play) prepare(step Step) (Exchange, request, error) {
	ex := Exchange{Conversation: p.conv.ID, Note: step.Note, Method: step.Method, Path: step.Path, Setup: step.Setup,
		Soft: step.Soft}
	req := request{method: step.Method, header: http.Header{}}
	if err := p.fill(step, &req); err != nil {
		var gone missing
		if errors.As(err, &gone) {
			ex.Skipped = gone.Error()
			return ex, req, nil
		}
		return ex, req, fmt.Errorf("step %q: %w", step.Note, err)
	}
	ex.Path = req.path
	if req.body != nil {
		ex.Request = *req.body
	}
	p.setHeaders(step, &req)
	return ex, req, nil
}

func (p *play) fill(step Step, req *request) error {
	var err error
	if req.path, err = p.vars.text(step.Path); err != nil {
		return err
	}
	if step.Body != nil {
		body, err := p.vars.json(step.Body)
		if err != nil {
			return err
		}
		sent := string(body)
		req.body = &sent
	}
	if step.RawBody != nil {
		sent, err := p.vars.text(*step.RawBody)
		if err != nil {
			return err
		}
		req.body = &sent
	}
	return nil
}

func (p *play) setHeaders(step Step, req *request) {
	for _, set := range []map[string]string{p.conv.Headers, step.Headers} {
		for name, value := range set {
			req.header.Set(name, value)
		}
	}
	if req.body == nil {
		req.header.Del("Content-Type")
	} else if req.header.Get("Content-Type") == "" {
		req.header.Set("Content-Type", "application/scim+json")
	}
	switch {
	case step.Auth == nil:
		req.header.Set("Authorization", "Bearer "+p.client.Token)
	case *step.Auth == "bad":
		req.header.Set("Authorization", "Bearer not-the-token")
	case *step.Auth != "none" && *step.Auth != "":
		req.header.Set("Authorization", *step.Auth)
	}
}

// finish sends a prepared step and judges the answer.
func (p *play) finish(ctx context.Context, step Step, ex Exchange, req request) (Exchange, error) {
	start := time.Now()
	res := p.wire.send(ctx, req)
	ex.Duration = time.Since(start)
	if ctx.Err() != nil {
		return ex, ctx.Err()
	}
	ex.Status, ex.Response = res.status, res.text

	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(req, res)
	if err := p.judge(step, res, &ex); err != nil {
		return ex, fmt.Errorf("step %q: %w", step.Note, err)
	}
	if p.client.Observe != nil {
		p.client.Observe(ex)
	}
	return ex, nil
}

var resourcePath = regexp.MustCompile(`^/(Users|Groups)`)

// remember notes a resource that has to be deleted at the end.
func (p *play) remember(req request, res response) {
	if req.method != http.MethodPost || res.status != http.StatusCreated {
		return
	}
	object, _ := res.json.(map[string]any)
	if kind := resourcePath.FindString(req.path); kind != "" && !empty(object["id"]) {
		p.made = append(p.made, kind+"/"+text(object["id"]))
	}
}

func (p *play) judge(step Step, res response, ex *Exchange) error {
	var err error
	if ex.Fails, err = step.Expect.problems(res, p.vars); err != nil {
		return err
	}
	if step.Expect.Should != nil && len(ex.Fails) == 0 {
		if ex.Warns, err = step.Expect.Should.problems(res, p.vars); err != nil {
			return err
		}
	}
	if step.Soft {
		ex.Fails, ex.Warns = nil, append(ex.Fails, ex.Warns...)
	}
	for _, name := range slices.Sorted(maps.Keys(step.Capture)) {
		val, err := find(res.json, step.Capture[name])
		if err != nil {
			return err
		}
		if val != nil && val != any(nothing{}) {
			p.vars[name] = val
		} else if len(ex.Fails) == 0 && res.status < 300 {
			lacking := "nothing to capture at " + step.Capture[name]
			if step.Soft {
				ex.Warns = append(ex.Warns, lacking)
			} else {
				ex.Fails = append(ex.Fails, lacking)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(step.CaptureList)) {
		val, err := find(res.json, step.CaptureList[name])
		if err != nil {
			return err
		}
		if val == any(nothing{}) {
			val = nil
		}
		list, _ := p.vars[name].([]any)
		p.vars[name] = append(list, val)
	}
	return nil
}

// clean deletes what the play made, the last first. It is a courtesy to the
// server: whatever it answers, the verdict stands.
func (p *play) clean(ctx context.Context) {
	for _, path := range slices.Backward(p.made) {
		p.wire.send(ctx, request{method: http.MethodDelete, path: path,
			header: http.Header{"Authorization": {"Bearer " + p.client.Token}}})
	}
}
