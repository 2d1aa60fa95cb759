package server

import "os"

const ballastSize = 24 << 20

// newBallast returns memory that is to be held and never touched, so the system
// gives none for it. The collector counts it: it begins when as much again has
// gathered as is held. The server itself holds so little that without it a busy
// one would collect many times a second; with it as many bytes of garbage may
// gather, and where more than that is in use, as much as Go would let gather
// anyway. With GOGC or GOMEMLIMIT set there is none: it is nil.
func newBallast() []byte {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	return make([]byte, ballastSize)
}
