// Tokens, policies and webhooks: made, changed, ended; with JavaScript and without.
import { base, check, heading } from "./browser.mjs";

export default async function access(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    const name = "walk " + javaScriptEnabled;
    await page.getByRole("link", { name: "Access", exact: true }).click();
    await heading(page, "Tokens");
    await page.getByRole("link", { name: "New token" }).click();
    await page.getByLabel("Name").fill(name);
    await page.getByLabel("GROUPS:READ").check();
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByText("shown once").waitFor();
    const secret = await page.locator("pre").innerText();
    check(secret.startsWith("scimbridge_"), "the secret is shown");
    await page.getByRole("link", { name: "I have copied it" }).click();
    await heading(page, name);
    check(!(await page.content()).includes(secret), "the secret is shown once");
    await page.getByRole("button", { name: "Make its successor" }).click();
    await page.getByText("shown once").waitFor();
    await page.getByRole("link", { name: "I have copied it" }).click();
    await page.getByRole("link", { name: "Revoke…" }).click();
    await page.getByLabel("Reason").fill("not needed");
    await page.getByRole("button", { name: "Revoke" }).click();
    await page.getByText("The token was revoked.").waitFor();

    // The parser says what is wrong with a policy.
    await page.goto(base + "/console/access/new-policy");
    await page.getByLabel("Id").fill("walk-" + javaScriptEnabled);
    await page.getByLabel("Policy").fill("forbid (principal, action");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText(/Cedar: /i).waitFor();
    await page.getByLabel("Policy").fill('forbid (principal == User::"nobody", action == Action::"audit.read", resource);');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The policy was saved.").waitFor();
    await page.getByRole("link", { name: "Delete…" }).click();
    await page.getByLabel("Reason").fill("a walk");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("The policy was deleted.").waitFor();

    await page.goto(base + "/console/access/new-webhook");
    await page.getByLabel("Address").fill("https://webhook.invalid/" + javaScriptEnabled);
    await page.getByRole("textbox", { name: /^Events/ }).fill("grant.opened group.frozen");
    await page.getByRole("button", { name: "Make the webhook" }).click();
    await page.getByRole("alert").getByText("must be actions that events have").waitFor();
    await page.getByRole("textbox", { name: /^Events/ }).fill("grant.opened grant.closed");
    await page.getByRole("button", { name: "Make the webhook" }).click();
    check((await page.locator("pre").innerText()).startsWith("whsec_"), "the secret is shown");
    await page.getByRole("link", { name: "I have copied it" }).click();
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByText("The receiver did not take the test").waitFor();
    await page.getByLabel("Since (UTC)").fill("2026-01-01T00:00");
    await page.getByLabel("Until (UTC)").fill("2025-01-01T00:00");
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByRole("alert").getByText("must be after since").waitFor();
    await page.getByLabel("Until (UTC)").fill("2026-02-01T00:00");
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByText("is sent again").waitFor();
    await page.getByRole("button", { name: "Switch off" }).click();
    await page.getByText("Switched off").first().waitFor();
    await page.getByRole("link", { name: "Delete…" }).click();
    await page.getByLabel("Reason").fill("a walk");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("The webhook was deleted.").waitFor();
    await browser.done(context);
  }
}
