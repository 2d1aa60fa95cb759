package membership

import "time"

// Tenant is the unit of isolation: everything else belongs to exactly one.
type Tenant struct {
	ID        ID
	Name      string
	CreatedAt time.Time
}
