// Make a set-up link, open it as somebody who has nothing else, and end it; then it opens
// nothing any more.
import { base, check, given, heading } from "./browser.mjs";
import { play, works } from "./connect.mjs";

// openLink signs a page in by a link that was made for it.
export async function openLink(page) {
  await page.goto(given.link);
  await page.getByRole("button", { name: "Open the set-up page" }).click();
  await heading(page, "Connect Okta");
}

export default async function setup(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const admin = await browser.context({ javaScriptEnabled });
    await admin.page.getByRole("link", { name: "Connect", exact: true }).click();
    await admin.page.getByRole("link", { name: "Links for the customer of " + given.connection }).first().click();
    await heading(admin.page, "Set-up links");
    await admin.page.getByLabel("Reason").fill("for Acme");
    await admin.page.getByRole("button", { name: "Make the link" }).click();
    await admin.page.getByText("The link was made").waitFor();
    const link = await admin.page.locator(".paste code").first().innerText();

    const { context, page } = await browser.context({ javaScriptEnabled, stranger: true });
    for (let i = 0; i < 3; i++) { // as scanners of mail do
      const scanned = await fetch(link);
      check(scanned.status === 200, "a link can be looked at");
    }
    await page.goto(link);
    await heading(page, "Connect your identity provider");
    if (javaScriptEnabled) {
      check(!page.url().includes("#"), "the secret is out of the address");
      check(!await page.getByLabel("Code").isVisible(), "there is nothing to fill in");
    } else {
      await page.getByLabel("Code").fill(link);
    }
    await page.getByRole("button", { name: "Open the set-up page" }).click();
    await heading(page, "Connect Okta");
    check(await page.getByRole("navigation", { name: "Sections" }).count() === 0, "there is nothing else");
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByText("The token was made.").waitFor();
    const token = await page.locator(".paste code").first().innerText();
    await play(token);
    await works(page, javaScriptEnabled);
    await page.goto(base + "/console/groups");
    await heading(page, "Log in");

    await page.goto(base + "/console/setup/connection");
    await page.getByRole("button", { name: "All is set up" }).click();
    await heading(page, "Done. Thank you.");
    await page.goto(link);
    if (!javaScriptEnabled) await page.getByLabel("Code").fill(link);
    await page.getByRole("button", { name: "Open the set-up page" }).click();
    await page.getByText("This link is not valid").first().waitFor();

    await admin.page.goto(admin.page.url());
    await admin.page.getByRole("row").filter({ hasText: "Done" }).first().waitFor();
    await browser.done(context);
    await browser.done(admin.context);
  }
}
