package membership

import "time"

// TimeReader takes the time of a transaction from its caller.
type TimeReader interface {
	// UseClock is called before anything is read. A local grant whose end is not after
	// what the clock says counts as closed for the transaction, and from then on for
	// every other, whatever its clock says. Without it that is the machine's.
	UseClock(now func() time.Time)
}
