package console

import "net/http"

// flashes are what the page after a form says was done, by the word that the cookie
// holds until then.
var flashes = map[string]string{
	"link-revoked":   "The link was revoked: it opens nothing any more.",
	"logged-in":      "You are logged in.",
	"member-added":   "The member was added.",
	"break-glass":    "The member was added by break-glass. Another person has to sign it off.",
	"signed-off":     "It was signed off.",
	"member-removed": "The local grant was closed: the person is no member any more.",
	"member-stays":   "The local grant was closed. The person stays a member: an identity provider grants it too.",
	"token-revoked":  "The token was revoked.",
	"secret-revoked": "The secret was revoked.",
	"client-revoked": "The OAuth client was revoked.",
	"issuer-saved":   "The issuer was saved.",
	"issuer-deleted": "The issuer was deleted.",
	"policy-saved":   "The policy was saved.",
	"policy-deleted": "The policy was deleted.",

	"webhook-changed":     "The webhook was changed.",
	"webhook-deleted":     "The webhook was deleted.",
	"deliveries-replayed": "What was given up on in that time is sent again.",
	"delivery-retried":    "The event is sent again.",

	"removal-allowed":     "One request may pass the removal guard now. The provider has to send it again.",
	"allowance-withdrawn": "The allowance was taken back: the guard holds such a request again.",
}

// done leads to a page that says what was done.
func (d *door) done(w http.ResponseWriter, r *request, to, flash string) error {
	d.cookies.set(w, cookieFlash, flash, flashLife)
	return redirect(w, r, to)
}

// takeFlash returns what the page should say was done, once.
func (d *door) takeFlash(w http.ResponseWriter, r *request) string {
	said := flashes[d.cookies.get(r.Request, cookieFlash)]
	if said != "" {
		d.cookies.drop(w, cookieFlash)
	}
	return said
}
