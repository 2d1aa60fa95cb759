package auth

import (
	"iter"

	cedar "github.com/cedar-policy/cedar-go"

	"github.com/scimbridge/scimbridge/membership"
)

// principalTypes are the Cedar types of actors. A connection is one by its
// credential, whatever its actor says.
var principalTypes = map[membership.ActorKind]cedar.EntityType{
	membership.ActorUser:     "User",
	membership.ActorAgent:    "Agent",
	membership.ActorService:  "Service",
	membership.ActorOperator: typeOperator,
}

const (
	typeConnection = cedar.EntityType("Connection")
	typeOperator   = cedar.EntityType("Operator")
	typeTenant     = cedar.EntityType("Tenant")
	typeGroup      = cedar.EntityType("Group")
	typeUser       = cedar.EntityType("DirectoryUser")
)

// inquiry is a question in Cedar's words. It is the cedar.EntityGetter of its
// own decision, so that it notices when a policy looks at what was not read.
type inquiry struct {
	request cedar.Request
	objects *membership.Objects
	// The principal, and what was looked at so far.
	principal, group, user cedar.Entity
	unread                 bool // a policy looked at the group or the user, and objects is nil
}

// newInquiry returns false for an actor of no known kind. The default policies
// do not look at the context.
func newInquiry(q membership.Question, withContext bool) (*inquiry, bool) {
	principal, ok := principalOf(q.Call)
	if !ok {
		return nil, false
	}
	i := &inquiry{
		objects: q.Objects,
		group:   cedar.Entity{UID: uid(typeGroup, q.Group)},
		user:    cedar.Entity{UID: uid(typeUser, q.User)},
		principal: cedar.Entity{
			UID:        principal,
			Attributes: cedar.NewRecord(principalAttributes(principal.Type, q.Call)),
		},
		request: cedar.Request{Principal: principal, Action: actionOf(q.Operation)},
	}
	i.request.Resource = i.resourceOf(q)
	if withContext {
		i.request.Context = i.contextOf(q)
	}
	return i, true
}

// decide runs the policies, to the first that looks at what was not read.
func (i *inquiry) decide(policies policyList) (cedar.Decision, cedar.Diagnostic) {
	return cedar.Authorize(readable{list: policies, inquiry: i}, i, i.request)
}

// readable are policies up to the point from which the decision is of no use.
type readable struct {
	list    policyList
	inquiry *inquiry
}

// All implements cedar.PolicyIterator.
func (r readable) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, p := range r.list {
			if r.inquiry.unread || !yield(p.id, p.policy) {
				return
			}
		}
	}
}

func principalOf(c membership.Call) (cedar.EntityUID, bool) {
	if !c.Connection.IsZero() {
		return uid(typeConnection, c.Connection), true
	}
	t, ok := principalType(c)
	return cedar.NewEntityUID(t, cedar.String(c.Actor.ID)), ok
}

func principalType(c membership.Call) (cedar.EntityType, bool) {
	if !c.Connection.IsZero() {
		return typeConnection, true
	}
	t, ok := principalTypes[c.Actor.Kind]
	return t, ok
}

// principalAttributes are those that the schema gives the type of a principal.
func principalAttributes(t cedar.EntityType, c membership.Call) cedar.RecordMap {
	m := cedar.RecordMap{"permissions": stringSet(c.Permissions)}
	if t != typeConnection && t != typeOperator {
		m["roles"] = stringSet(c.Roles)
	}
	return m
}

// resourceOf is the group or the user that an operation is about, else the
// tenant.
func (i *inquiry) resourceOf(q membership.Question) cedar.EntityUID {
	switch q.Operation {
	case membership.OpReadMembers, membership.OpAddMembers, membership.OpRemoveMembers, membership.OpBreakGlass,
		membership.OpBreakGlassEnterprise, membership.OpSignOff:
		return i.group.UID
	case membership.OpReadGroups, membership.OpWriteGroups:
		if !q.Group.IsZero() {
			return i.group.UID
		}
	case membership.OpReadUsers, membership.OpWriteUsers:
		if !q.User.IsZero() {
			return i.user.UID
		}
	}
	return uid(typeTenant, q.Call.Tenant)
}

func (i *inquiry) contextOf(q membership.Question) cedar.Record {
	connection := ""
	if !q.Call.Connection.IsZero() {
		connection = q.Call.Connection.String()
	}
	m := cedar.RecordMap{
		"source":     cedar.String(q.Call.Source()),
		"connection": cedar.String(connection),
		"reason":     cedar.String(q.Call.Reason),
	}
	if changesMembers(q.Operation) {
		m["user"] = i.user.UID
	}
	return cedar.NewRecord(m)
}

func changesMembers(op membership.Operation) bool {
	switch op {
	case membership.OpAddMembers, membership.OpRemoveMembers, membership.OpBreakGlass,
		membership.OpBreakGlassEnterprise, membership.OpSignOff:
		return true
	}
	return false
}

// Get implements cedar.EntityGetter. What is neither in the question nor an
// action has no attributes: a policy that asks for some fails, and so denies.
func (i *inquiry) Get(id cedar.EntityUID) (cedar.Entity, bool) {
	switch {
	case id == i.principal.UID:
		return i.principal, true
	case id.Type == "Action":
		a, ok := policySchema.Actions[id]
		return a.Entity, ok
	case id == i.group.UID:
		return i.read(&i.group, groupAttributes)
	case id == i.user.UID:
		return i.read(&i.user, userAttributes)
	}
	return cedar.Entity{}, false
}

// read fills in the attributes of an entity at the first look.
func (i *inquiry) read(e *cedar.Entity, attributes func(*membership.Objects) cedar.RecordMap) (cedar.Entity, bool) {
	if i.objects == nil {
		i.unread = true
		return cedar.Entity{}, false
	}
	if e.Attributes.Len() == 0 {
		e.Attributes = cedar.NewRecord(attributes(i.objects))
	}
	return *e, true
}

func groupAttributes(o *membership.Objects) cedar.RecordMap {
	return cedar.RecordMap{
		"display_name": cedar.String(o.Group.DisplayName),
		"kind":         cedar.String(o.Group.Kind),
		"origin":       cedar.String(o.Group.Origin),
	}
}

func userAttributes(o *membership.Objects) cedar.RecordMap {
	return cedar.RecordMap{
		"user_name": cedar.String(o.User.UserName),
		"email":     cedar.String(o.User.Email),
		"name":      cedar.String(o.User.Name),
		"active":    cedar.Boolean(o.User.Active),
		"origin":    cedar.String(o.User.Origin),
	}
}

func uid(t cedar.EntityType, id membership.ID) cedar.EntityUID {
	return cedar.NewEntityUID(t, cedar.String(id.String()))
}

func stringSet(ss []string) cedar.Set {
	vs := make([]cedar.Value, len(ss))
	for i, s := range ss {
		vs[i] = cedar.String(s)
	}
	return cedar.NewSet(vs...)
}
