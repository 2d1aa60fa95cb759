package scim

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var jensen = map[string]any{
	"id": "2819c223-7f76-7000-919d-413861904646", "userName": "BJensen", "externalId": "Ext1", "active": true,
	"name": map[string]any{"familyName": "Jensen"},
	"emails": []any{
		map[string]any{"value": "b@work.example", "type": "work", "primary": true},
		map[string]any{"value": "b@home.example", "type": "home"},
	},
	"meta":        map[string]any{"lastModified": "2026-01-02T03:04:05.678901Z", "resourceType": "User"},
	enterpriseURN: map[string]any{"department": "Sales", "manager": map[string]any{"value": "M1"}},
	"urn:x:y":     map[string]any{"z": "1"},
}

// TestFilterMeaning: what a filter selects, by its text.
func TestFilterMeaning(t *testing.T) {
	for text, want := range map[string]bool{
		`userName eq "bjensen"`:                                                  true, // caseExact false
		`USERNAME EQ "BJENSEN"`:                                                  true,
		`externalId eq "Ext1"`:                                                   true,
		`externalId eq "ext1"`:                                                   false, // caseExact true
		`externalId eq Ext1`:                                                     true,  // a bare value
		`id eq "2819C223-7f76-7000-919d-413861904646"`:                           false,
		`urn:ietf:params:scim:schemas:core:2.0:user:userName sw "b"`:             true,
		`emails eq "b@home.example"`:                                             true, // stands for emails.value
		`emails.value eq "B@HOME.example"`:                                       true,
		`email Co "home"`:                                                        true, // Ping's name for it
		`emails pr`:                                                              true,
		`phoneNumbers pr`:                                                        false,
		`emails[type eq "work"].value eq "b@work.example"`:                       true,
		`emails[type eq "home"].value eq "b@work.example"`:                       false,
		`emails[type eq "work"] eq "b@work.example"`:                             true,
		`emails[type eq "home"] eq "b@work.example"`:                             false,
		`emails[type eq "home"] ew "home.example" and active eq true`:            true,
		`emails[type eq "home"] pr`:                                              true,
		`emails[type eq "other"] pr`:                                             false,
		`addresses[type eq "work"] eq "x"`:                                       false,
		enterpriseURN + `.department eq "sales"`:                                 true,
		enterpriseURN + `.manager.value eq "m1"`:                                 true,
		`URN:ietf:params:scim:schemas:core:2.0:User.Name.familyName eq "jensen"`: true,
		`urn:ietf:params:scim:schemas:core:2.0:User.emails[type eq "work"].value sw "b@w"`: true,
		`emails[type eq "work" and primary eq "True"]`:                                     true, // a string boolean
		`emails[not (type eq "work") and value pr]`:                                        true,
		`active eq true`:                              true,
		`active eq "True"`:                            true,
		`active eq False`:                             false,
		`active ne true`:                              false,
		`manager eq "m1"`:                             true, // of the enterprise extension
		`manager.value eq "M1"`:                       true,
		enterpriseURN + `:manager eq "M1"`:            true,
		enterpriseURN + `:department co "ale"`:        true,
		enterpriseURN + ` pr`:                         true,
		`department eq "sales"`:                       true,
		`name.familyName eq "jensen"`:                 true,
		`not (userName sw "x")`:                       true,
		`title pr`:                                    false,
		`title eq null`:                               true,
		`userName ne null`:                            true,
		`meta.lastModified gt "2026-01-02T03:04:05Z"`: true,
		`meta.lastModified ge "2026-01-02T04:04:05.678901+01:00"`: true,
		`meta.lastModified lt "2026-01-02T03:04:05"`:              false,
		`meta.lastModified sw "2026-01"`:                          true,
		`meta.resourceType eq "User"`:                             true,
		`shoeSize eq "42"`:                                        false, // unknown: absent
		`shoeSize ne "42"`:                                        true,
		`userName.x pr`:                                           false,
		`URN:X:Y:Z eq "1"`:                                        true,
		`urn:x:y:z eq "1"`:                                        true,
		`userName eq "x" or userName sw "b" and active eq false`:  false,
		`(userName eq "x" or userName sw "b") and active eq true`: true,
	} {
		readings, err := userType.readings(text)
		if assert.NoError(t, err, "%s", text) {
			assert.Equal(t, want, readings[0].Match(jensen), "%s", text)
		}
	}
}

func TestFilterRefused(t *testing.T) {
	for _, text := range []string{
		`active gt true`, `active co "t"`, `active eq "maybe"`, `active eq 1`,
		`name eq "x"`, `addresses co "x"`, `userName eq true`, `userName gt null`,
		`meta.lastModified gt "yesterday"`, `meta.lastModified lt "9999-12-31T23:59:59-23:59"`,
		`userName[x pr]`, `shoeSize eq 1e999`,
		`emails[value eq true]`,
	} {
		_, err := userType.readings(text)
		require.Error(t, err, "%s", text)
		assert.Equal(t, typeInvalidFilter, errorOf(err).scimType, "%s", text)
	}
}

// TestReadings: what a filter may also have been meant to say.
func TestReadings(t *testing.T) {
	for text, want := range map[string]string{
		`userName eq "a%40b.example"`:                       `userName eq "a@b.example"`,
		`userName%20eq%20%22a@b.example%22`:                 "", // was encoded twice as a whole
		`userName eq "a tag@b.example"`:                     "",
		`emails[type eq "work"].value eq "a tag@b.example"`: "",
		`userName eq "100%"`:                                "",
		`userName eq "a b"`:                                 "",
		`userName co "a%40b"`:                               "",
	} {
		readings, err := userType.readings(text)
		require.NoError(t, err, "%s", text)
		if want == "" {
			assert.Len(t, readings, 1, "%s", text)
			continue
		}
		meant, err := userType.readings(want)
		require.NoError(t, err)
		if assert.Len(t, readings, 2, "%s", text) {
			assert.Equal(t, meant[0], readings[1], "%s", text)
		}
	}
}
