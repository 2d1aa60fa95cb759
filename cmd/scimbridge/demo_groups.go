package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/server"
)

// demoGroup and what is in it have the shape of the native API's answers.
type demoGroup struct {
	ID          string       `json:"id"`
	DisplayName string       `json:"display_name"`
	Origin      string       `json:"origin"`
	Members     []demoMember `json:"members"`
}

type demoMember struct {
	ID       string       `json:"id"`
	Email    string       `json:"email"`
	Name     string       `json:"name"`
	Active   bool         `json:"active"`
	Source   string       `json:"membership_source"`
	JoinedAt time.Time    `json:"joined_at"`
	Sources  []demoSource `json:"sources"`
}

type demoSource struct {
	Source         string    `json:"source"`
	Connection     string    `json:"connection,omitempty"`
	ConnectionName string    `json:"connection_name,omitempty"`
	GrantedAt      time.Time `json:"granted_at"`
	GrantedBy      string    `json:"granted_by"`
}

// String says who granted it, in words.
func (s demoSource) String() string {
	if s.Connection == "" {
		return "local admin"
	}
	return s.ConnectionName + " (connection)"
}

// groups asks the native API for every group and its members.
func (d *demo) groups(ctx context.Context) ([]demoGroup, error) {
	var list struct {
		Data []demoGroup `json:"data"`
	}
	if err := d.get(ctx, "/groups", &list); err != nil {
		return nil, err
	}
	for i := range list.Data {
		var in struct {
			Data []demoMember `json:"data"`
		}
		if err := d.get(ctx, "/groups/"+list.Data[i].ID+"/members", &in); err != nil {
			return nil, err
		}
		list.Data[i].Members = in.Data
	}
	return list.Data, nil
}

func (d *demo) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+server.NativePrefix+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.tenant.apiToken)
	req.Header.Set("X-Tenant-ID", d.tenant.id.String())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: the server is here
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// bothSources: every group has members of both.
func bothSources(groups []demoGroup) bool {
	for _, g := range groups {
		seen := map[string]bool{}
		for _, m := range g.Members {
			seen[m.Source] = true
		}
		if len(seen) != 2 {
			return false
		}
	}
	return len(groups) > 0
}
