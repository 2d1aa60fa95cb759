package membership

// EventMember is a member in an event.
type EventMember struct {
	User, Grant ID
	Still       bool
}
