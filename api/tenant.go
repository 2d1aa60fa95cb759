package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// tenantBy is how the requests of a route name their tenant.
type tenantBy struct {
	// named returns the tenant that a request names; zero: it leaves that to its
	// credential.
	named func(*http.Request) (membership.ID, error)
	// mismatch is the answer when the credential is of another tenant.
	mismatch *failure
}

var (
	// tenantByHeader is for routes whose requests have to have X-Tenant-ID.
	tenantByHeader = tenantBy{
		named: func(r *http.Request) (membership.ID, error) {
			if len(r.Header.Values(tenantHeader)) == 0 {
				return membership.ID{}, membership.Invalidf("the header X-Tenant-ID is required")
			}
			return headerTenant(r)
		},
		mismatch: tenantMismatch("X-Tenant-ID is not the tenant of the credential"),
	}
	// tenantByCredential is for routes that name no tenant. X-Tenant-ID is taken
	// when it is there.
	tenantByCredential = tenantBy{
		named: func(r *http.Request) (membership.ID, error) {
			if len(r.Header.Values(tenantHeader)) == 0 {
				return membership.ID{}, nil
			}
			return headerTenant(r)
		},
		mismatch: tenantByHeader.mismatch,
	}
)

const tenantHeader = "X-Tenant-ID"

// tenantByPath is for routes that have the tenant's id as a variable of their
// path. What cannot be a tenant's id is no other answer than another's id.
func tenantByPath(variable string, mismatch *failure) tenantBy {
	return tenantBy{
		named: func(r *http.Request) (membership.ID, error) {
			id, err := membership.ParseID(r.PathValue(variable))
			if err != nil || id.IsZero() {
				return membership.ID{}, mismatch
			}
			return id, nil
		},
		mismatch: mismatch,
	}
}

func headerTenant(r *http.Request) (membership.ID, error) {
	given := r.Header.Values(tenantHeader)
	id, err := membership.ParseID(given[0])
	if err != nil || id.IsZero() || len(given) > 1 {
		return membership.ID{}, membership.Invalidf("the header X-Tenant-ID must be one UUID")
	}
	return id, nil
}

func tenantMismatch(message string) *failure {
	return &failure{status: http.StatusForbidden, code: codeTenantMismatch, message: message}
}

// checkTenant holds the tenant that a request names against that of its
// credential, and X-Tenant-ID as well wherever it is sent. A mismatch is a
// refused attempt, so it leaves an event.
func (d *door) checkTenant(r *http.Request, by tenantBy, named membership.ID, call membership.Call) error {
	if named.IsZero() || named == call.Tenant {
		header, err := tenantByCredential.named(r)
		if err != nil {
			return err
		}
		if header.IsZero() || header == call.Tenant {
			return nil
		}
		by = tenantByCredential
	}
	if err := d.Directory.RecordRefusal(r.Context(), call, codeTenantMismatch); err != nil {
		return err
	}
	return by.mismatch
}
