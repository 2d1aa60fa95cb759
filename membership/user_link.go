package membership

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// MaxAttributes is the longest JSON document of attributes that is stored for one
// user or group, in bytes.
const MaxAttributes = 256 << 10

func (l *UserLink) check() error {
	if err := checkText("userName", l.UserName, true); err != nil {
		return err
	}
	for field, s := range map[string]string{"externalId": l.ExternalID, "email": l.Email, "name": l.Name} {
		if err := checkText(field, s, false); err != nil {
			return err
		}
	}
	for _, e := range l.Emails {
		if err := checkText("emails.value", e, false); err != nil {
			return err
		}
	}
	return checkAttributes(&l.Attributes)
}

func checkAttributes(doc *[]byte) error {
	if len(*doc) == 0 {
		*doc = []byte(`{}`)
	}
	if len(*doc) > MaxAttributes {
		return &Error{Kind: KindTooLarge, Message: "the resource's attributes are too large"}
	}
	return nil
}

// tell passes on to the user what this view says and before did not. A field
// that the connection left alone keeps what was set natively.
func (l *UserLink) tell(u *User, before UserLink) {
	if l.UserName != before.UserName {
		u.UserName = l.UserName
	}
	if l.Email != before.Email {
		u.Email = l.Email
	}
	if l.Name != before.Name {
		u.Name = l.Name
	}
}

// changedFrom names the attributes in which two states of a view differ, in
// alphabetical order.
func (l *UserLink) changedFrom(before UserLink) []string {
	changed := changedAttributes(before.Attributes, l.Attributes)
	if l.UserName != before.UserName {
		changed = append(changed, "userName")
	}
	if l.ExternalID != before.ExternalID {
		changed = append(changed, "externalId")
	}
	if l.Active != before.Active {
		changed = append(changed, "active")
	}
	slices.Sort(changed)
	return changed
}

// changedAttributes names the top-level keys in which two JSON objects differ.
func changedAttributes(before, after []byte) []string {
	if bytes.Equal(before, after) {
		return nil
	}
	var a, b map[string]json.RawMessage
	// Both were written by a door from a decoded object.
	_ = json.Unmarshal(before, &a)
	_ = json.Unmarshal(after, &b)
	var changed []string
	for k, v := range b {
		if !bytes.Equal(a[k], v) {
			changed = append(changed, k)
		}
	}
	for k := range a {
		if _, kept := b[k]; !kept {
			changed = append(changed, k)
		}
	}
	return changed
}

func checkVersion(want, have int64) error {
	if want != 0 && want != have {
		return errorf(KindVersionMismatch, "the resource has changed: its version is %d", have)
	}
	return nil
}

// later returns now, or the microsecond after before when the clock has not
// moved: lastModified of a new version is never that of the old one.
func later(now, before time.Time) time.Time {
	if now.After(before) {
		return now
	}
	return before.Add(time.Microsecond)
}
