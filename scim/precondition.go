package scim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// never is a version that no resource has.
const never int64 = -1

// tags returns the versions that If-Match or If-None-Match names. Entity tags
// are compared weakly: the door gives weak ones (RFC 7644 section 3.14). Of the
// tags that it cannot have given it returns never. star is "*".
func tags(values []string) (versions []int64, star bool) {
	if len(values) == 0 {
		return nil, false
	}
	for _, tag := range strings.Split(strings.Join(values, ","), ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" {
			return nil, true
		}
		if tag == "" {
			continue
		}
		tag = strings.TrimPrefix(tag, "W/")
		v, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err != nil || v < 1 || membership.ETag(v) != `W/"`+strings.Trim(tag, `"`)+`"` {
			v = never
		}
		versions = append(versions, v)
	}
	return versions, false
}

// hasVersion reports whether the caller has the version already.
func (x *exchange) hasVersion(version int64) bool {
	versions, star := tags(x.r.Header.Values("If-None-Match"))
	return star || slices.Contains(versions, version)
}

// notModified answers 304 when the caller has the version already.
func (x *exchange) notModified(version int64) bool {
	if !x.hasVersion(version) {
		return false
	}
	x.w.Header().Set("ETag", membership.ETag(version))
	_ = x.sendNothing(http.StatusNotModified)
	return true
}

// precondition returns the version that a write must find, or 0 for any. The
// domain holds it inside the transaction. What names more than one version, or
// one that it must not be, is first held against the version now; the write
// must then find exactly that one.
func (x *exchange) precondition(now func() (int64, error)) (int64, error) {
	match, star := tags(x.r.Header.Values("If-Match"))
	none, noneStar := tags(x.r.Header.Values("If-None-Match"))
	if len(none) == 0 && !noneStar {
		switch {
		case star || len(match) == 0:
			return 0, nil
		case len(match) == 1:
			return match[0], nil
		}
	}
	version, err := now()
	if err != nil {
		return 0, err
	}
	if noneStar || slices.Contains(none, version) || len(match) > 0 && !slices.Contains(match, version) {
		return never, nil
	}
	return version, nil
}
