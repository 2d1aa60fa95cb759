package membership

import (
	"encoding/json"
	"slices"
	"time"
)

// SignalType is the URI of the event of a security event token.
type SignalType string

// What streams are told. The log has no values, so of what RFC 9967 has in two modes it
// is the notice; it says that something changed and not how, so every change is a patch.
const (
	SignalAdded      SignalType = "urn:ietf:params:scim:event:feed:add"           // section 2.3.1
	SignalRemoved    SignalType = "urn:ietf:params:scim:event:feed:remove"        // section 2.3.2
	SignalCreate     SignalType = "urn:ietf:params:scim:event:prov:create:notice" // section 2.4.1
	SignalPatch      SignalType = "urn:ietf:params:scim:event:prov:patch:notice"  // section 2.4.2
	SignalDelete     SignalType = "urn:ietf:params:scim:event:prov:delete"        // section 2.4.4
	SignalActivate   SignalType = "urn:ietf:params:scim:event:prov:activate"      // section 2.4.5
	SignalDeactivate SignalType = "urn:ietf:params:scim:event:prov:deactivate"    // section 2.4.6

	SignalSessionRevoked SignalType = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"

	// Those of a stream itself, which every receiver gets (SSF 1.0 sections 8.1.4, 8.1.5).
	SignalVerification SignalType = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	SignalUpdated      SignalType = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
)

// SCIMSignals are those of RFC 9967.
var SCIMSignals = []SignalType{
	SignalAdded, SignalRemoved, SignalCreate, SignalPatch, SignalDelete, SignalActivate, SignalDeactivate,
}

// Signals are those that a receiver can ask for.
var Signals = append(slices.Clone(SCIMSignals), SignalSessionRevoked)

// Signal is one thing that a stream is told of an event of the log.
type Signal struct {
	Type SignalType
	Part int // which it is of those of its event

	Group, User ID // the subject; of a stream itself both are zero
	Attributes  []string
	Version     int64 // of the resource, as the connection whose view it is sees it; 0: not known
	At          time.Time
	Actor       ActorKind // of SignalSessionRevoked: who ended it
	Why         string    // of SignalSessionRevoked and SignalUpdated
	State       *string   // of SignalVerification: what its receiver sent along
}

// signalFacts are the facts of events that signals are made of.
type signalFacts struct {
	Active, LinkActive bool
	HasActive          bool
	Version            int64
	Changed            []string
	Connection, Stream ID
	State              *string
}

func readFacts(text []byte) (f signalFacts) {
	var v struct {
		Active     *bool    `json:"active"`
		LinkActive bool     `json:"link_active"`
		Version    int64    `json:"version"`
		Changed    []string `json:"changed"`
		Connection ID       `json:"connection_id"`
		Stream     ID       `json:"stream_id"`
		State      *string  `json:"state"`
	}
	_ = json.Unmarshal(text, &v) // what is not as expected says nothing
	f = signalFacts{
		LinkActive: v.LinkActive, Version: v.Version, Changed: v.Changed, Connection: v.Connection, Stream: v.Stream,
		State: v.State, HasActive: v.Active != nil,
	}
	f.Active = f.HasActive && *v.Active
	return f
}

// Signals are what a stream is told of an event, those that its receiver wants. before is
// the event before it in the log, or zero: a change of many members is several events, one
// after another, and one signal.
func (w Webhook) Signals(before, e Event) (wanted []Signal) {
	all := w.signals(e)
	if len(all) > 0 && all[0].Group == e.Group && e.ofMembers() && before.ofMembers() &&
		before.Group == e.Group && before.At.Equal(e.At) && len(w.signals(before)) > 0 {
		return nil
	}
	for i, s := range all {
		s.Part, s.At = i, e.At
		if s.Type == SignalVerification || slices.Contains(w.Requested, s.Type) {
			wanted = append(wanted, s)
		}
	}
	return wanted
}

func (e Event) ofMembers() bool {
	return e.Action == ActionGrantOpened || e.Action == ActionGrantClosed
}

func (w Webhook) signals(e Event) []Signal {
	if e.Action == ActionStreamVerification {
		if f := readFacts(e.After); f.Stream == w.ID {
			return []Signal{{Type: SignalVerification, State: f.State}}
		}
		return nil
	}
	if len(w.Connections) > 0 {
		return signalsOfView(w.Connections[0], e)
	}
	return signalsOfTenant(e)
}

// The attributes that a new resource has for certain; what else it has, the log does
// not say.
var (
	newUser  = []string{"id", "userName", "active"}
	newGroup = []string{"id", "displayName"}
)

// signalsOfView are what an event changed in what a connection sees: what it did itself,
// and the groups that an administrator showed to it or took from it.
func signalsOfView(connection ID, e Event) []Signal {
	after := readFacts(e.After)
	if e.Connection.IsZero() && after.Connection == connection {
		switch e.Action {
		case ActionGroupLinked:
			return []Signal{{Type: SignalAdded, Group: e.Group}}
		case ActionGroupUnlinked:
			return []Signal{{Type: SignalRemoved, Group: e.Group}}
		}
		return nil
	}
	if e.Connection != connection {
		return nil
	}
	switch e.Action {
	case ActionUserCreated, ActionUserLinked:
		return []Signal{{Type: SignalCreate, User: e.User, Attributes: newUser, Version: 1}}
	case ActionUserActivated:
		return []Signal{{Type: SignalActivate, User: e.User}}
	case ActionUserDeactivated:
		return deactivated(e)
	case ActionUserUnlinked:
		return withoutSession(e, Signal{Type: SignalDelete, User: e.User}, readFacts(e.Before).Active)
	case ActionUserUpdated, ActionGroupUpdated:
		if after.Version == 0 { // what others see of it
			return nil
		}
		return []Signal{{
			Type: SignalPatch, User: e.User, Group: e.Group, Attributes: after.Changed, Version: after.Version,
		}}
	case ActionGroupCreated:
		return []Signal{{Type: SignalCreate, Group: e.Group, Attributes: newGroup}}
	case ActionGroupUnlinked:
		return []Signal{{Type: SignalDelete, Group: e.Group}}
	case ActionGrantOpened, ActionGrantClosed:
		if e.MemberSource == SourceSCIM {
			return membersChanged(e)
		}
	}
	return nil
}

// signalsOfTenant are what an event changed in what the tenant sees, by any actor.
func signalsOfTenant(e Event) []Signal {
	before, after := readFacts(e.Before), readFacts(e.After)
	switch e.Action {
	case ActionUserCreated:
		return []Signal{{Type: SignalCreate, User: e.User, Attributes: newUser}}
	case ActionUserLinked, ActionUserActivated, ActionUserDeactivated, ActionUserSuspended, ActionUserReactivated,
		ActionUserUnlinked:
		switch {
		case before.Active && after.HasActive && !after.Active:
			return deactivated(e)
		case after.Active && before.HasActive && !before.Active:
			return []Signal{{Type: SignalActivate, User: e.User}}
		}
	case ActionUserUpdated:
		return []Signal{{Type: SignalPatch, User: e.User, Attributes: scimNames(after.Changed)}}
	case ActionUserDeleted:
		// Of what a connection deletes, the end of its link has told already.
		return withoutSession(e, Signal{Type: SignalDelete, User: e.User}, before.Active && e.Connection.IsZero())
	case ActionGroupCreated:
		return []Signal{{Type: SignalCreate, Group: e.Group, Attributes: newGroup}}
	case ActionGroupUpdated:
		if names := scimNames(e.Changed()); len(names) > 0 {
			return []Signal{{Type: SignalPatch, Group: e.Group, Attributes: names}}
		}
	case ActionGroupDeleted:
		return []Signal{{Type: SignalDelete, Group: e.Group}}
	case ActionGrantOpened, ActionGrantClosed:
		return membersChanged(e)
	}
	return nil
}

func membersChanged(e Event) []Signal {
	return []Signal{{Type: SignalPatch, Group: e.Group, Attributes: []string{"members"}}}
}

func deactivated(e Event) []Signal {
	return withoutSession(e, Signal{Type: SignalDeactivate, User: e.User}, true)
}

// withoutSession is a signal about a person and, where they had access, that it ended.
func withoutSession(e Event, s Signal, had bool) []Signal {
	if !had {
		return []Signal{s}
	}
	why := "an administrator took the user's access"
	if !e.Connection.IsZero() {
		why = "the identity provider took the user's access"
	}
	return []Signal{s, {Type: SignalSessionRevoked, User: e.User, Actor: e.Actor.Kind, Why: why}}
}

// scimNames are the names that attributes have in SCIM, of those that it knows.
func scimNames(native []string) []string {
	names := make([]string, 0, len(native))
	for _, name := range native {
		switch name {
		case "user_name":
			name = "userName"
		case "email":
			name = "emails"
		case "name", "display_name":
			name = "displayName"
		case "kind", "permissions", "version":
			continue
		}
		names = append(names, name)
	}
	return names
}
