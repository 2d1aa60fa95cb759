package membership

import "strings"

// SubjectPerson is the Call.Person of a subject of an issuer of JWTs, by the name of the
// issuer: neither has an end of line in it.
func SubjectPerson(issuer, subject string) string { return "subject:" + issuer + "\n" + subject }

// SamePerson reports whether two of Call.Person are one person, or both are not known. The
// person of a JWT was kept by the id of its issuer before, issuer:ID:subject, which is
// another one when the issuer was made anew: there the subject alone decides.
func SamePerson(a, b string) bool {
	of, aByID := subjectOf(a)
	other, bByID := subjectOf(b)
	return a == b || (aByID || bByID) && of != "" && of == other
}

func subjectOf(person string) (subject string, byID bool) {
	if rest, ok := strings.CutPrefix(person, "issuer:"); ok {
		_, subject, _ = strings.Cut(rest, ":")
		return subject, true
	}
	_, subject, _ = strings.Cut(person, "\n")
	return subject, false
}
