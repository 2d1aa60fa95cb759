// A program that uses /v1 through a client that somebody else's tool generated
// from openapi.yaml. TestGeneratedClient generates, builds and runs it.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/google/uuid"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/testdata/client/bridge"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	tenant, err := uuid.Parse(os.Getenv("TENANT_ID"))
	if err != nil {
		return err
	}
	c, err := bridge.NewClientWithResponses(os.Getenv("SCIMBRIDGE_URL"),
		bridge.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+os.Getenv("API_TOKEN"))
			return nil
		}))
	if err != nil {
		return err
	}

	var users []uuid.UUID
	for _, name := range []string{"ada", "grace", "mary"} {
		created, err := c.CreateUserWithResponse(ctx, &bridge.CreateUserParams{XTenantID: tenant},
			bridge.NewUser{UserName: name, Email: name + "@example.test", Name: name})
		if err != nil || created.JSON201 == nil {
			return fmt.Errorf("create %s: %w %s", name, err, body(created))
		}
		users = append(users, created.JSON201.Id)
	}
	group, err := c.CreateGroupWithResponse(ctx, &bridge.CreateGroupParams{XTenantID: tenant},
		bridge.NewGroup{DisplayName: "Finance"})
	if err != nil || group.JSON201 == nil {
		return fmt.Errorf("create the group: %w %s", err, body(group))
	}
	id := group.JSON201.Id

	added, err := c.AddMemberWithResponse(ctx, id, &bridge.AddMemberParams{XTenantID: tenant},
		bridge.NewMember{UserId: users[0]})
	if err != nil || added.JSON201 == nil || added.JSON201.MembershipSource != "local" {
		return fmt.Errorf("add a member: %w %s", err, body(added))
	}
	again, err := c.AddMemberWithResponse(ctx, id, &bridge.AddMemberParams{XTenantID: tenant},
		bridge.NewMember{UserId: users[0]})
	if err != nil || again.JSON409 == nil || again.JSON409.Code != "already_member" {
		return fmt.Errorf("add them again: %w %s", err, body(again))
	}
	both := []uuid.UUID{users[1], users[2]}
	batch, err := c.ChangeMembersWithResponse(ctx, id, &bridge.ChangeMembersParams{XTenantID: tenant},
		bridge.MemberBatch{Add: &both})
	if err != nil || batch.JSON200 == nil || len(batch.JSON200.Results) != len(both) {
		return fmt.Errorf("add more: %w %s", err, body(batch))
	}
	removed, err := c.RemoveMemberWithResponse(ctx, id, users[1], &bridge.RemoveMemberParams{XTenantID: tenant})
	if err != nil || removed.StatusCode() != http.StatusNoContent {
		return fmt.Errorf("remove one: %w %s", err, body(removed))
	}
	members, err := c.ListMembersWithResponse(ctx, id, &bridge.ListMembersParams{XTenantID: tenant})
	if err != nil || members.JSON200 == nil {
		return fmt.Errorf("list the members: %w %s", err, body(members))
	}
	for _, m := range members.JSON200.Data {
		fmt.Println(m.Name, m.MembershipSource, len(m.Sources))
	}
	return nil
}

// body is what an answer says, for an error.
func body(answer interface{ StatusCode() int }) string {
	return fmt.Sprintf("%d %+v", answer.StatusCode(), answer)
}
