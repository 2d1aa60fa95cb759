// What the removal guard holds, who would go, allow it once, and take that back: with
// JavaScript on and off.
import { base, check, given, heading } from "./browser.mjs";

export default async function guard(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    await page.getByRole("link", { name: "Removal guard", exact: true }).click();
    await heading(page, "Removal guard");
    const row = page.getByRole("row", { name: "Contractors" });
    check((await row.innerText()).includes("3 of 3"), "the row has the numbers");
    await row.getByRole("link").first().click();
    await page.getByRole("heading", { name: "Contractors" }).waitFor();

    // Who would go, by a dry run of the held request.
    await page.getByRole("button", { name: "Show who would go" }).click();
    for (const name of ["dan Leaves", "eve Leaves", "fay Leaves"]) {
      await page.getByRole("link", { name }).waitFor();
    }

    // Allow it once, with a reason.
    await page.getByLabel("Reason").fill("INC-4711");
    await page.getByLabel("It waits for").selectOption("1 hour");
    await page.getByRole("button", { name: "Allow one removal" }).click();
    await page.getByText("One request may pass the removal guard now.").waitFor();
    await page.getByText("INC-4711").waitFor();
    check((await row.first().innerText()).includes("waits for the provider"), "the held one is allowed");

    // And take it back.
    await page.getByRole("button", { name: "Take back" }).click();
    await page.getByText("The allowance was taken back").waitFor();
    await page.getByText("Nothing is allowed.").waitFor();

    // For any group, the name of the connection is typed.
    await page.getByRole("main").getByRole("link", { name: given.connection, exact: true }).click();
    await page.getByLabel("Type the name to confirm").fill("Entra");
    await page.getByLabel("Reason").fill("spring cleaning");
    await page.getByRole("button", { name: "Allow one removal" }).click();
    await page.getByText("it concerns more than 100 people").first().waitFor();
    await page.goto(base + "/console/guard");
    await page.getByText("Nothing is allowed.").waitFor();
    await browser.done(context);
  }
}
