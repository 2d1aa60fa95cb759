package membership

// Names are what ids are called. What was revoked or deleted has its name of
// then; an issuer that was deleted has none.
type Names struct {
	Users       map[ID]string // userName
	Groups      map[ID]string // displayName
	Connections map[ID]string
	Tokens      map[ID]string
	Issuers     map[ID]string // their iss
}

// NameQuery selects whose names are asked for, each once.
type NameQuery struct {
	Users, Groups, Connections, Tokens, Issuers []ID
}

// namesFor asks for every id that events tell of in their own fields.
func namesFor(events []Event, members bool) NameQuery {
	var q NameQuery
	type asked struct {
		of *[]ID
		id ID
	}
	seen := make(map[asked]bool, len(events))
	add := func(to *[]ID, id ID) {
		if a := (asked{to, id}); !id.IsZero() && !seen[a] {
			seen[a] = true
			*to = append(*to, id)
		}
	}
	for _, e := range events {
		add(&q.Users, e.User)
		add(&q.Groups, e.Group)
		add(&q.Connections, e.Connection)
		if members {
			for _, m := range e.Members {
				add(&q.Users, m.User)
			}
		}
		switch e.Credential.Kind {
		case CredentialToken:
			add(&q.Tokens, e.Credential.ID)
		case CredentialJWT:
			add(&q.Issuers, e.Credential.Owner)
		case CredentialAccessToken, CredentialClient, CredentialSetupLink, CredentialCLI, CredentialBootstrap,
			CredentialSystem:
		}
		if id, err := ParseID(e.Actor.ID); err == nil {
			switch {
			case e.Actor.Kind == ActorConnection:
				add(&q.Connections, id)
			case e.byToken():
				add(&q.Tokens, id)
			default:
				add(&q.Users, id)
			}
		}
	}
	return q
}

// byToken reports whether the actor is named by the id of a token, as it is when
// a token of the native API acts. Older events do not say what acted; it was a
// token if there is one of that id.
func (e Event) byToken() bool {
	return e.Credential.Kind == CredentialToken || e.Credential.Kind == ""
}

// Actor is the name of who acted: of a connection, a token, or the user that the
// subject of a JWT names. Empty: there is none.
func (n Names) Actor(e Event) string {
	id, err := ParseID(e.Actor.ID)
	switch {
	case err != nil:
		return ""
	case e.Actor.Kind == ActorConnection:
		return n.Connections[id]
	case e.byToken():
		return n.Tokens[id]
	}
	return n.Users[id]
}
