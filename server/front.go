package server

import (
	"log"
	"net/http"
	"sync/atomic"
)

// front takes requests at the listener of a server, from before its store is open until
// the end. What answers them changes meanwhile, without a moment in which nothing does.
type front struct {
	*http.Server
	handler atomic.Pointer[http.Handler]
	last    chan struct{} // closed once the last handler is set
	ended   chan error    // why it takes no more
}

// newFront answers with starting until wait.
func (s *Server) newFront(starting http.Handler) *front {
	f := &front{last: make(chan struct{}), ended: make(chan error, 1)}
	f.set(starting)
	f.Server = &http.Server{
		Handler:           http.HandlerFunc(f.serve),
		ReadHeaderTimeout: s.phases.header,
		ReadTimeout:       s.phases.stall, // until the body and the answer set their own
		WriteTimeout:      s.phases.stall,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: s.phases.stall},
		IdleTimeout:       s.phases.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       s.connections.context,
		ConnState:         s.connections.state,
		ErrorLog:          log.New(httpErrors{s.log.Named("http")}, "", 0),
	}
	if s.cert != nil {
		f.TLSConfig = s.cert.config()
	}
	go func() {
		if s.cert == nil {
			f.ended <- f.Serve(s.listener)
		} else {
			f.ended <- f.ServeTLS(s.listener, "", "")
		}
	}()
	return f
}

func (f *front) set(h http.Handler) { f.handler.Store(&h) }

func (f *front) serve(w http.ResponseWriter, r *http.Request) { (*f.handler.Load()).ServeHTTP(w, r) }

// wait has requests wait for answer, as connections do that nothing has taken yet.
func (f *front) wait() {
	f.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-f.last:
			f.serve(w, r)
		case <-r.Context().Done(): // the caller has gone
		}
	}))
}

// answer answers with a handler from now on, those that wait as well. It is called once.
func (f *front) answer(h http.Handler) {
	f.set(h)
	close(f.last)
}
