package auth

import (
	_ "embed"
	"slices"

	cedar "github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/scimbridge/scimbridge/membership"
)

//go:embed policy.cedarschema
var schemaText []byte

// policySchema is what policies can speak about, and checkPolicy holds one
// policy against it: its types, actions and attributes must exist, and attributes
// that are not always there must be asked for with has.
var (
	policySchema = mustSchema()
	checker      = validate.New(policySchema)
)

// mustSchema panics for an error in a file that is part of the program.
func mustSchema() *resolved.Schema {
	var s schema.Schema
	if err := s.UnmarshalCedar(schemaText); err != nil {
		panic("policy.cedarschema: " + err.Error())
	}
	r, err := s.Resolve()
	if err != nil {
		panic("policy.cedarschema: " + err.Error())
	}
	return r
}

func checkPolicy(p *cedar.Policy) error {
	return checker.Policy("", (*ast.Policy)(p.AST()))
}

// actionOf is the Cedar name of an operation.
func actionOf(op membership.Operation) cedar.EntityUID {
	return cedar.NewEntityUID("Action", cedar.String(op))
}

// concerns reports whether the action that a policy names can be this one.
func concerns(p *cedar.Policy, action cedar.EntityUID) bool {
	among := func(named cedar.EntityUID) bool {
		return named == action || policySchema.Actions[action].Entity.Parents.Contains(named)
	}
	switch scope := p.AST().Action.(type) {
	case ast.ScopeTypeEq:
		return scope.Entity == action
	case ast.ScopeTypeIn:
		return among(scope.Entity)
	case ast.ScopeTypeInSet:
		return slices.ContainsFunc(scope.Entities, among)
	}
	return true
}

// names reports whether a policy asks for an operation by its name, or that of
// its kind, and not just for any.
func names(p *cedar.Policy, op membership.Operation) bool {
	_, anyAction := p.AST().Action.(ast.ScopeTypeAll)
	return !anyAction && concerns(p, actionOf(op))
}
