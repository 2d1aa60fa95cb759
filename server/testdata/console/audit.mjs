// What happened, who was a member of what, and the files that prove it: found by an
// auditor with JavaScript and without.
import { base, check, given, heading } from "./browser.mjs";

export default async function audit(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    await page.getByRole("link", { name: "Audit", exact: true }).click();
    await heading(page, "Audit");
    await page.getByLabel("Action").selectOption("grant.opened");
    await page.getByLabel("Group: name or id").fill(given.group);
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("on call in March").waitFor();
    check(page.url().includes("action=grant.opened"), "the filters are in the address");
    await page.getByRole("row", { name: "on call in March" }).getByRole("link").first().click();
    await page.getByRole("heading", { name: "Texts kept beside the event" }).waitFor();
    await page.getByRole("link", { name: "Prove it" }).click();
    await page.getByRole("heading", { name: "The proof", exact: true }).waitFor();

    await page.goto(base + "/console/audit/register");
    await page.getByLabel("Group: name or id").fill(given.group);
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByRole("row", { name: given.provisioned }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click(),
    ]);
    check(/^scimbridge-register-.*\.csv$/.test(file.suggestedFilename()), "the register has a name");
    await page.getByRole("link", { name: "Exceptions" }).click();
    await heading(page, "Exceptions");
    await page.getByRole("link", { name: "Members who are inactive" }).click();
    await page.getByRole("heading", { name: "What to do" }).waitFor();
    await browser.done(context);
  }
}
