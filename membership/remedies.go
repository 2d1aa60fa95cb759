package membership

// What several remedies say of a provider.
const (
	oktaAgain = "Okta shows the error in Dashboard > Tasks and in the system log. Once it is mended: Tasks > " +
		"Retry Selected."
	oktaPush   = "Okta shows the error in the app under Push Groups > Errors. Once it is mended: Retry All Groups."
	entraAgain = "Entra shows the error under Provisioning logs, and tries again by itself: after 6, 12 and 24 " +
		"hours, then daily. At once: Provision on demand."
	oktaTest = "In the app: Provisioning > Integration > Edit > Test API Credentials shows it. Paste the token " +
		"there and save."
	entraTest = "Provisioning > Admin Credentials > Test Connection shows it. A 401 puts the job into quarantine " +
		"at once: paste the token, save, then Restart provisioning."
	oktaMapping  = "In the app: Provisioning > To App > Attribute Mappings. " + oktaAgain
	entraMapping = "Provisioning > Mappings. " + entraAgain
	entraURL     = "Provisioning > Admin Credentials > Tenant URL. A 404 to the test query puts the job into " +
		"quarantine: correct it, then Restart provisioning."
	oktaWaits   = "Okta tries again by itself: after Retry-After, then less and less often, ten times at most."
	entraWaits  = "Entra backs off and tries again by itself; failures that go on lead to quarantine."
	oktaReport  = "Okta keeps no bodies: send support the request's id from here."
	entraReport = "The Provisioning logs name the object; send support the request's id from here."
)

// remedies is the catalogue: what stands first comes first. A test holds it against
// every error that the SCIM door and the token endpoint can give.
var remedies = []remedy{
	// Who is calling.
	{
		why: []string{"unauthenticated: there is no such token"},
		text: "The token is of another server or store, or it was removed. Make one (scimbridge token create --kind " +
			"scim) and give it to the provider.",
		at: map[string]string{providerOkta: oktaTest, providerEntra: entraTest},
	},
	{
		why: []string{"unauthenticated: the secret is not that of the token"},
		text: "The token was mistyped or cut. Paste it again, whole; if it is lost, rotate it (POST " +
			"/v1/tokens/{id}/rotate). If the provider was not changed, somebody may be guessing: look at the " +
			"client's address.",
		at: map[string]string{providerOkta: oktaTest, providerEntra: entraTest},
	},
	{
		why: []string{"unauthenticated: the token is revoked"},
		text: "Somebody revoked the token (event token.revoked says who). Make another one and give it to the " +
			"provider.",
		at: map[string]string{providerOkta: oktaTest, providerEntra: entraTest},
	},
	{
		why: []string{"unauthenticated: the connection of the token is removed"},
		text: "The connection was removed here and the provider was not told. Switch provisioning off there, or " +
			"make a new connection.",
		at: map[string]string{
			providerOkta:  "In the app: Provisioning > Integration > Edit: switch off Enable API Integration.",
			providerEntra: "Provisioning > Stop provisioning; the job is in quarantine because of the 401.",
		},
	},
	{
		why: []string{"unauthenticated: the token has expired"},
		text: "Rotate the token (POST /v1/tokens/{id}/rotate) and give the new one to the provider. scimbridge " +
			"warns from 30 days before the end (event token.expiring).",
		at: map[string]string{providerOkta: oktaTest, providerEntra: entraTest},
	},
	{
		why: []string{"401: a bearer token is required"},
		text: "The provider sends no Authorization: Bearer header. Choose HTTP header or bearer token there, and " +
			"not Basic.",
		at: map[string]string{
			providerOkta: "In the app: Provisioning > Integration: Authentication Mode is HTTP Header.",
			providerEntra: "Provisioning > Admin Credentials: Secret Token is empty. Paste the SCIM token; then " +
				"Restart provisioning.",
			providerPing: "The connection's Authentication Method is OAuth 2 Bearer Token or Client Credentials.",
		},
	},
	{
		why: []string{"401: the bearer token is no scimbridge token"},
		text: "What was pasted was cut, mistyped, or belongs elsewhere. Paste the SCIM token, whole, without Bearer " +
			"in front where the provider writes that itself.",
		at: map[string]string{providerOkta: oktaTest, providerEntra: entraTest + " With an empty Secret Token " +
			"Entra sends a token of its own."},
	},
	{
		why:  []string{"401: this is a token of the native API"},
		text: "The API token was pasted. Give the provider the SCIM token of the connection.",
		at:   map[string]string{providerOkta: oktaTest, providerEntra: entraTest},
	},
	{
		why: []string{"401: the bearer token is not valid", "unauthenticated"},
		text: "The token opens nothing any more. Make one (scimbridge token create --kind scim) and give it to the " +
			"provider.",
		at: map[string]string{providerOkta: oktaTest, providerEntra: entraTest},
	},
	{
		why: []string{"forbidden: this token may not be used from this address"},
		text: "The token has networks, and this client's address is in none of them. Add the provider's network to " +
			"the token; behind a proxy, SCIMBRIDGE_TRUSTED_PROXIES must name it.",
		at: map[string]string{
			providerOkta: "Okta publishes its ranges (IP allowlists of the cell): add those of your cell.",
			providerEntra: "Entra's ranges are the service tag AzureActiveDirectory: add them, and keep them up to " +
				"date.",
		},
	},
	{
		why: []string{"forbidden"},
		text: "The token has the scope scim:read only, or a policy of the tenant forbids this. Make a token of the " +
			"scope scim, or change the policy (GET /v1/policies); the event access.refused names the policies.",
		at: map[string]string{providerOkta: oktaAgain, providerEntra: entraAgain},
	},
	{
		why: []string{"paused"},
		text: "An administrator paused the connection. Resume it (scimbridge connection resume); what failed " +
			"meanwhile is sent again.",
		at: map[string]string{
			providerOkta: "Okta shows failed tasks. After resuming: Tasks > Retry Selected, and Push Groups > " +
				"Retry All Groups.",
			providerEntra: "Entra tries again by itself after resuming.",
		},
	},
	{
		why: []string{"held"},
		text: "The removal guard holds it: the request would take out too many members, and nothing was changed. " +
			"Check at the provider whether that is meant; then allow it once (scimbridge connection allow-removals) " +
			"and send it again.",
		at: map[string]string{
			providerOkta: "Look for a changed group rule or assignment first. " + oktaPush,
			providerEntra: "Look for a changed scope or dynamic group first. After allowing: Provision on demand, " +
				"or Restart provisioning.",
		},
	},

	// Names that are taken.
	{
		why: []string{"uniqueness: several users have this userName"},
		text: "Several users of the tenant have this userName, from before names had to be unique: rename all but " +
			"one (PATCH /v1/users/{id}).",
		at: map[string]string{providerOkta: oktaAgain, providerEntra: entraAgain},
	},
	{
		why:       []string{"uniqueness: userName is taken"},
		operation: "POST /Users",
		text: "A user has this userName already. If it is the same person, made natively or by another " +
			"connection, let the connection link them (PATCH /v1/connections/{id} with link_existing_users); else " +
			"two people of the provider have one userName: change one.",
		at: map[string]string{
			providerOkta: "Two Okta users map to one Username, or the user is here already. " + oktaAgain,
			providerEntra: "The matching attribute does not find the user that is there: match on userName. " +
				"" + entraAgain,
			providerAuthentik: "authentik does not link users on 409: delete the user here, or make it of this " +
				"connection.",
			providerPocketID: "Pocket ID matches by externalId only, and does not find a user made by something else.",
		},
	},
	{
		why: []string{"uniqueness: userName is taken"},
		text: "The new userName is another user's, of this connection or of the tenant; letter case does not count. " +
			"Change one of the two.",
		at: map[string]string{providerOkta: oktaAgain, providerEntra: entraAgain},
	},
	{
		why: []string{"uniqueness: displayName is taken"},
		text: "This connection has a group of that name already; letter case does not count. Rename one, or push it " +
			"only once.",
		at: map[string]string{
			providerOkta: "Under Push Groups link the group to the one that is there, instead of making it. " +
				"" + oktaPush,
			providerEntra:     "Two groups of one name are in scope: rename one, or take it out. " + entraAgain,
			providerAuthentik: "authentik looks the group up and links it by itself.",
		},
	},
	{
		why:  []string{"uniqueness"},
		text: "The name is taken: change one of the two.",
		at:   map[string]string{providerOkta: oktaAgain, providerEntra: entraAgain},
	},

	// What is not there.
	{
		why: []string{"unknown_members"},
		text: "A member is no user of this connection, so nothing of the request was applied. Assign the person to " +
			"the app first; the ids are users of another connection, or were deleted.",
		at: map[string]string{
			providerOkta: "Assign the people of the group to the app (Assignments). " + oktaPush,
			providerEntra: "Assign the person, or wait for the next cycle: groups may come before their users. " +
				"Nested groups are not provisioned. " + entraAgain,
			providerKeycloak: "The plugin sends groups before their users where users were there first: synchronise " +
				"users, then groups.",
		},
	},
	{
		why: []string{"not_found: user not found"},
		text: "The user was deleted here, or is another connection's. The provider keeps an id that is not valid " +
			"any more: let it look the user up anew.",
		at: map[string]string{
			providerOkta:      "Unassign the person from the app and assign them again.",
			providerEntra:     "Entra drops the link and matches anew in the next cycle.",
			providerAuthentik: "authentik forgets the link and makes the user anew.",
			providerPocketID:  "Nothing is to be done after a DELETE; else synchronise again.",
		},
	},
	{
		why:  []string{"not_found: group not found"},
		text: "The group was deleted here, or is another connection's. Let the provider make it anew.",
		at: map[string]string{
			providerOkta:  "Under Push Groups unlink the pushed group (leave it in the app), then push it again.",
			providerEntra: "Entra drops the link and matches anew in the next cycle.",
		},
	},
	{
		why: []string{"not_found: endpoint not found"},
		text: "The base URL has /scim/v2 twice, or an endpoint such as /Users behind it. Enter the SCIM base URL " +
			"only, once.",
		at: map[string]string{
			providerOkta:  "In the app: Provisioning > Integration > SCIM connector base URL.",
			providerEntra: entraURL,
		},
	},
	{
		why:  []string{"not_found"},
		text: "It is not there, or not this connection's.",
		at:   map[string]string{providerOkta: oktaReport, providerEntra: entraReport},
	},
	{
		why:  []string{"already_member"},
		text: "They are a member already: nothing is to be done.",
	},
	{
		why:  []string{"managed_by_idp", "group_managed"},
		text: "A provider manages it: change it there.",
	},
	{
		why:  []string{"version_mismatch"},
		text: "The resource changed since the version in If-Match was read: read it again, then send the change again.",
		at: map[string]string{
			providerOkta: "Okta sends no If-Match: something between changes the requests.", providerEntra: "Entra " +
				"sends no If-Match: something between changes the requests.",
		},
	},

	// Sizes and limits.
	{
		why:       []string{"too_large", "413"},
		operation: "POST /Bulk",
		text: "A Bulk may have 1000 operations, and so many bytes as /ServiceProviderConfig says " +
			"(maxPayloadSize): send several.",
	},
	{
		why: []string{"too_large", "413"},
		text: "The body is larger than may be: leave out what is large, such as photos in text form. Groups may " +
			"have SCIMBRIDGE_MAX_BODY.",
		at: map[string]string{providerOkta: oktaMapping, providerEntra: entraMapping},
	},
	{
		why: []string{"rate_limited"},
		text: "It came more often than SCIMBRIDGE_RATE_LIMIT allows, or a wrong token came too often from its " +
			"address. If that goes on, raise the limit.",
		at: map[string]string{
			providerOkta: oktaWaits, providerEntra: entraWaits + " At least 25 requests a second are to be allowed.",
			providerPocketID: "Pocket ID gives up after three tries: raise the limit.",
		},
	},
	{
		why: []string{"busy"},
		text: "The server or this tenant is busy. If that goes on, see the limits of requests that run at once in " +
			"docs/configuration.md.",
		at: map[string]string{providerOkta: oktaWaits, providerEntra: entraWaits},
	},
	{
		why: []string{"too_many"}, scimType: "tooMany",
		text: "The question needs more than the server can hold: ask for less of it, with a smaller count or a " +
			"filter with eq.",
	},
	{
		why:  []string{"408"},
		text: "The body came in too slowly, or not to its end. Look at the network and at the proxy between.",
		at:   map[string]string{providerOkta: oktaWaits, providerEntra: entraWaits},
	},

	// Faults of this side.
	{
		why: []string{"unavailable"},
		text: "The database cannot be reached, or takes no writes. See the program's log and /readyz; the provider " +
			"sends it again.",
		at: map[string]string{providerOkta: oktaWaits, providerEntra: entraWaits},
	},
	{
		why: []string{"gone"},
		text: "The caller did not wait for the answer: the request took longer than its time limit, or a proxy " +
			"between has a shorter one. Compare the duration.",
		at: map[string]string{
			providerOkta: "Okta waits for 60 seconds.", providerEntra: "Entra waits for about 60 seconds.",
			providerKeycloak: "The plugin waits for 5 seconds.",
		},
	},
	{
		why:  []string{"internal", "500"},
		text: "A fault of scimbridge: the program's log has it under the request's id. Report it.",
		at:   map[string]string{providerOkta: oktaReport, providerEntra: entraReport},
	},

	// What is wrong with the request.
	{
		why: []string{"invalidSyntax: the body is not JSON", "invalidSyntax: the body must be a JSON object",
			"invalidSyntax: the body goes on", "invalidSyntax: the body is not UTF-8", "invalidSyntax: the body " +
				"could not be read", "invalidSyntax: the body is nested"},
		text: "The body is broken: something between changes it, or a template of the provider is wrong.",
		at: map[string]string{
			providerOneLogin: "Check the JSON template of the SCIM provisioner: every quotation mark, comma and macro.",
			providerOkta:     oktaReport, providerEntra: entraReport,
		},
	},
	{
		why: []string{"invalidSyntax: op ", "invalidSyntax: Operations", "invalidSyntax: an operation",
			"invalidSyntax: members must be a list", "invalidSyntax: operation must be"},
		text: "The PATCH is not in the form of RFC 7644 section 3.5.2. Providers of the guides send none of these: " +
			"look at a client of your own, or report it with the request's id.",
		at: map[string]string{providerOkta: oktaReport, providerEntra: entraReport},
	},
	{
		why: []string{"invalidSyntax", "invalidValue: the bulkId", "invalidValue: no POST of this request",
			"invalidValue: failOnErrors", "409"},
		operation: "POST /Bulk",
		text: "The Bulk is not in the form of RFC 7644 section 3.7, or an operation refers to one that failed: " +
			"mend the first that failed.",
	},
	{
		why:  []string{"409"},
		text: "An operation of a Bulk refers to one that failed: mend the first that failed.",
	},
	{
		why:  []string{"invalidFilter"},
		text: "The filter cannot be read or evaluated. For matching, use userName eq, externalId eq or displayName eq.",
		at: map[string]string{
			providerOkta: oktaReport,
			providerEntra: "Provisioning > Mappings: the matching attribute. A filter that fails stops all of its " +
				"objects.",
			providerPing: "The filter expression of the connection: userName eq \"%s\".",
		},
	},
	{
		why:  []string{"invalidPath"},
		text: "The path of an operation, or the name of an attribute, cannot be read: it is in the mapping.",
		at: map[string]string{providerOkta: oktaMapping, providerEntra: entraMapping + " The target attribute is " +
			"written as the Entra guide of scimbridge has it."},
	},
	{
		why:  []string{"mutability"},
		text: "The attribute is the server's and cannot be changed: take it out of the mapping.",
		at:   map[string]string{providerOkta: oktaMapping, providerEntra: entraMapping},
	},
	{
		why: []string{"noTarget"},
		text: "The path selects nothing: a value filter that is not made of eq only, and no element fits. Map to " +
			"[type eq \"…\"], or send a path with a remove.",
		at: map[string]string{providerOkta: oktaMapping, providerEntra: entraMapping},
	},
	{
		why: []string{"invalidCursor", "expiredCursor", "invalidCount"},
		text: "A list is read from a place that does not exist any more: begin anew. startIndex and count, or " +
			"cursor, must be as they came from the server.",
		at: map[string]string{providerOkta: "Run the import again.", providerEntra: entraAgain},
	},
	{
		why: []string{"invalidValue: … of members", "invalidValue: members", "invalidValue: a list cannot be one " +
			"element"},
		text: "The list of members is not made of objects with a value that is an id of a user. Providers send back " +
			"the id that the user got: it was lost, or is of another system.",
		at: map[string]string{
			providerOkta: oktaPush, providerEntra: entraAgain, providerOneLogin: "Check the JSON template of the " +
				"SCIM provisioner.",
		},
	},
	{
		why: []string{"invalidValue: … must be", "invalidValue: …: the text", "invalidValue: … has more",
			"invalidValue: a text has", "invalidValue: … without a path", "invalidValue: … of … needs a value"},
		text: "An attribute is of the wrong type, or holds what no text may: it is in the mapping. The request " +
			"names it.",
		at: map[string]string{
			providerOkta: oktaMapping, providerEntra: entraMapping, providerOneLogin: "Check the JSON template of " +
				"the SCIM provisioner.",
		},
	},
	{
		why: []string{"invalid:"},
		text: "An attribute is missing, too long, or holds what it may not: userName and displayName are required. " +
			"It is in the mapping.",
		at: map[string]string{
			providerOkta: oktaMapping, providerEntra: entraMapping, providerOneLogin: "Check the JSON template of " +
				"the SCIM provisioner.",
			providerJumpCloud: "Check the attribute mapping of the Identity Management tab.",
		},
	},
	{
		why:  []string{"invalidValue"},
		text: "A value or a parameter of the query is wrong; the detail says which.",
		at:   map[string]string{providerOkta: oktaReport, providerEntra: entraReport},
	},
	{
		why:  []string{"invalidSyntax"},
		text: "The message is not in the form of RFC 7644; the detail says what is wrong.",
		at:   map[string]string{providerOkta: oktaReport, providerEntra: entraReport},
	},
	{
		why: []string{"415"},
		text: "The body has another Content-Type than application/scim+json or application/json, or a content " +
			"encoding: something between changes it.",
	},
	{
		why:  []string{"405"},
		text: "The path does not have this method. The base URL may have an endpoint behind it.",
		at: map[string]string{providerOkta: "In the app: Provisioning > Integration > SCIM connector base URL.",
			providerEntra: entraURL},
	},
	{
		why:  []string{"501"},
		text: "There is no /Me: a connection's token stands for no user. The client is not made for provisioning.",
	},
	{
		why:  []string{"403"},
		text: "Schemas and resource types cannot be filtered: ask for all of them.",
	},

	// The token endpoint.
	{
		why: []string{"invalid_client"},
		text: "The client is not there, or its secret or key is not valid. Make a secret (POST " +
			"/v1/connections/{id}/clients/…/secrets), or check the JWKS, issuer, subject and audience of the client.",
		at: map[string]string{
			providerOkta: "In the app: Provisioning > Integration: client id and secret. Test API Credentials.",
			providerEntra: "Provisioning > Admin Credentials: client id, secret and token endpoint; then Test " +
				"Connection.",
		},
	},
	{
		why: []string{"invalid_grant"},
		text: "The assertion was not taken: it has expired, was used before, or is signed by a key that the client " +
			"does not have. Check the clock of its sender, and iss, sub and aud.",
	},
	{
		why:  []string{"invalid_scope"},
		text: "The client does not have the scope that it asks for: scim, or scim:read.",
	},
	{
		why: []string{"unsupported_grant_type", "invalid_request"},
		text: "The request for a token is not in the form of RFC 6749: grant_type client_credentials, in the body " +
			"of a POST, as a form.",
		at: map[string]string{providerOkta: "The grant type is client credentials.", providerEntra: "The " +
			"authentication method is OAuth 2 client credentials."},
	},
	{
		why: []string{"temporarily_unavailable", "server_error"},
		text: "The server cannot answer now, or the client asks too often; it is to try again. If it goes on, see " +
			"the program's log.",
	},
}
