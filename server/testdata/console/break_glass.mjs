// Break-glass: somebody takes a membership, another person looks at it and signs it off.
// With JavaScript on and off.
import { base, check, given, heading } from "./browser.mjs";

export default async function breakGlass(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    await page.getByRole("link", { name: "Groups", exact: true }).click();
    await page.getByRole("link", { name: "Owners", exact: true }).click();
    await page.getByRole("link", { name: "Break-glass…" }).click();
    await heading(page, "Break-glass");
    await page.getByLabel("User name or its beginning").fill(given.person);
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByLabel("Reason").fill("too short");
    await page.getByRole("button", { name: "Add to Owners by break-glass" }).click();
    await page.getByRole("alert").getByText("at least 20 characters").waitFor();
    await page.getByLabel("Reason").fill("INC-4711");
    await page.getByRole("button", { name: "Add to Owners by break-glass" }).click();
    await page.getByText("Another person has to sign it off.").waitFor();
    const member = page.url();

    // It is an exception, and who took it cannot sign it off.
    await page.goto(base + "/console/audit/exceptions?kind=break_glass");
    await page.getByRole("row", { name: "Bob Local" }).waitFor();
    await page.goto(member);
    await page.getByRole("link", { name: "Sign it off…" }).click();
    await page.getByLabel("What you looked at").fill("my own");
    await page.getByRole("button", { name: "Sign off" }).click();
    await page.getByText("Another person has to sign this off").first().waitFor();

    const other = await browser.context({ javaScriptEnabled, token: given.otherToken });
    await other.page.goto(member);
    await other.page.getByRole("link", { name: "Sign it off…" }).click();
    await other.page.getByLabel("What you looked at").fill("the ticket INC-4711");
    await other.page.getByRole("button", { name: "Sign off" }).click();
    await other.page.getByText("It was signed off.").waitFor();
    await other.page.getByRole("row", { name: "the ticket INC-4711" }).first().waitFor();
    check(await other.page.getByRole("link", { name: "Sign it off…" }).count() === 0, "there is nothing more to sign off");
    await page.goto(base + "/console/audit/exceptions?kind=break_glass");
    check(await page.getByRole("row", { name: "Bob Local" }).count() === 0, "it is no exception any more");

    await page.goto(member);
    await page.getByRole("link", { name: "Remove…" }).click();
    await page.getByLabel("Reason").fill("the incident is over");
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByText("The local grant was closed").waitFor();
    await browser.done(other.context);
    await browser.done(context);
  }
}
