// Who is in a group, through what, and how that came about; take somebody in and out again:
// with JavaScript on and off.
import { base, check, given, heading } from "./browser.mjs";

export default async function members(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    await page.getByRole("link", { name: "Groups", exact: true }).click();
    await heading(page, "Groups");
    await page.getByRole("link", { name: given.group }).click();
    await heading(page, given.group);
    const row = page.getByRole("row", { name: given.provisioned });
    check((await row.innerText()).includes(given.connection), "the row names the connection that is the source");
    await row.getByRole("link").first().click();
    await page.getByText("No button to remove them here").waitFor();
    await page.getByRole("rowheader").first().waitFor();

    // Add a local member with a reason and an end.
    await page.goto(base + "/console/groups/" + given.groupID + "/add");
    await page.getByLabel("User name or its beginning").fill(given.person);
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByLabel("Reason").fill("covers for " + given.provisioned);
    await page.getByLabel("Ends (UTC)").fill("2090-01-01T00:00");
    await page.getByRole("button", { name: "Add to " + given.group }).click();
    await page.getByText("The member was added.").waitFor();
    const grant = page.getByRole("row", { name: "covers for" }).first();
    check((await grant.innerText()).includes("ends 1 January 2090"), "the grant has its end");

    // And out again: it is asked for why.
    await page.getByRole("link", { name: "Remove…" }).click();
    await page.getByLabel("Reason").fill("is back");
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByText("The local grant was closed").waitFor();
    check(await page.getByText("is back").count() > 0, "the history says why");

    // The group of today, and of March: who was added since, and why.
    await page.goto(base + "/console/groups/" + given.groupID);
    await page.getByRole("link", { name: "Compare with another time" }).click();
    await page.getByLabel("Then (UTC)").fill("2026-03-01T00:00");
    await page.getByRole("button", { name: "Compare" }).click();
    const since = page.getByRole("row", { name: "on call in March" });
    check((await since.innerText()).includes("Added"), "the page says who was added and why");
    check(page.url().includes("from=2026-03-01"), "the times are in the address");

    // How it came about: what the provider sent, what that changed, and what was done here.
    await page.goto(base + "/console/groups/" + given.groupID);
    await page.getByRole("link", { name: "How it came about" }).click();
    await heading(page, "How it came about");
    await page.getByRole("row", { name: "POST /Groups" }).first().waitFor();
    await page.getByRole("row", { name: "on call in March" }).first().waitFor();
    await page.getByLabel("Before (UTC)").fill("2020-01-01T00:00");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("Nothing happened then.").waitFor();
    await page.getByRole("link", { name: "Show all" }).click();
    await page.getByRole("row", { name: "POST /Groups" }).first().getByRole("link").first().click();
    await page.getByRole("link", { name: "How " + given.provisioned + " came about" }).click();
    await heading(page, "How it came about");
    await page.getByRole("row", { name: "POST /Users" }).first().waitFor();

    await page.getByRole("button", { name: "Log out" }).click();
    await heading(page, "Log in");
    await page.goto(base + "/console/people");
    await heading(page, "Log in");
    await browser.done(context);
  }
}
