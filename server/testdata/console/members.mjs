// Who is in a group, through what; take somebody in and out again: by keyboard, and with
// JavaScript off.
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

    // Add a local member with a reason, by keyboard alone.
    await page.goto(base + "/console/groups/" + given.groupID + "/add");
    await page.getByLabel("User name or its beginning").focus();
    await page.keyboard.type(given.person);
    await page.keyboard.press("Enter");
    await page.getByRole("radio").first().waitFor();
    await page.getByLabel("Reason").focus();
    await page.keyboard.type("covers for " + given.provisioned);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("The member was added.").waitFor();
    await page.getByText("covers for").first().waitFor();

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

    await page.getByRole("button", { name: "Log out" }).click();
    await heading(page, "Log in");
    await page.goto(base + "/console/people");
    await heading(page, "Log in");
    await browser.done(context);
  }
}
