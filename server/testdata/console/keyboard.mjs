// The acts of the walks by keyboard alone: the focus comes to everything by Tab, is seen
// there, and Enter or Space does it.
import { base, check, given, heading } from "./browser.mjs";

// tabTo presses Tab until something has the focus, and skips the navigation where the page
// offers that and what is looked for is behind it.
async function tabTo(page, target) {
  for (let i = 0; i < 150; i++) {
    await page.keyboard.press("Tab");
    const [here, seen, skips] = await target.evaluate((e) => {
      const { outlineStyle, outlineWidth } = getComputedStyle(e);
      return [e === document.activeElement, outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
        document.activeElement.matches(".skip") && e.closest("main") !== null];
    });
    if (skips) {
      await page.keyboard.press("Enter");
      check(await page.evaluate(() => document.activeElement.id) === "main", "the navigation can be skipped");
    }
    if (!here) continue;
    check(seen, "the focus is seen: " + target);
    return;
  }
  throw new Error("Tab does not lead to " + target);
}

// hit is a key that leads to another page.
async function hit(page, key) {
  await Promise.all([page.waitForEvent("load"), page.keyboard.press(key)]);
}

// press goes to something and does what it does.
async function press(page, target, key = "Enter") {
  await tabTo(page, target);
  await hit(page, key);
}

async function type(page, label, text) {
  await tabTo(page, page.getByLabel(label));
  await page.keyboard.type(text);
}

export default async function keyboard(browser) {
  const { context, page } = await browser.context({ stranger: true });
  const link = (name, options = {}) => page.getByRole("link", { name, ...options }).first();
  const button = (name) => page.getByRole("button", { name }).first();

  await page.goto(base + "/console/login");
  await type(page, "API token", given.token);
  await press(page, button("Log in"));
  await heading(page, "Overview");

  // Add a member.
  await press(page, link("Groups", { exact: true }));
  await press(page, link("Owners", { exact: true }));
  await press(page, link("Add a local member"));
  await type(page, "User name or its beginning", "carol@");
  await hit(page, "Enter");
  await tabTo(page, page.getByRole("radio").first());
  await page.keyboard.press("Space");
  await type(page, "Reason", "by keyboard");
  await press(page, button("Add to Owners"), "Space");
  await page.getByText("The member was added.").waitFor();

  // Take them out.
  await press(page, link("Remove…"));
  await type(page, "Reason", "by keyboard as well");
  await press(page, button("Remove"), "Space");
  await page.getByText("The local grant was closed").waitFor();

  // Allow a held removal once.
  await press(page, link("Removal guard", { exact: true }));
  await press(page, link("Contractors", { exact: true }));
  await press(page, button("Show who would go"));
  await page.getByRole("link", { name: "dan Leaves" }).waitFor();
  await type(page, "Reason", "INC-4712");
  await tabTo(page, page.getByLabel("It waits for"));
  await page.keyboard.press("End");
  check(await page.getByLabel("It waits for").evaluate((e) => e.selectedIndex === e.length - 1), "the last is chosen");
  await press(page, button("Allow one removal"), "Space");
  await page.getByText("One request may pass the removal guard now.").waitFor();
  await press(page, button("Take back"), "Space");
  await page.getByText("The allowance was taken back").waitFor();

  // Make a set-up link, and revoke it.
  await press(page, link("Connect", { exact: true }));
  await press(page, link("Links for the customer of " + given.connection));
  await tabTo(page, page.getByLabel("See what the provider sends"));
  await page.keyboard.press("Space");
  await type(page, "Reason", "by keyboard");
  await press(page, button("Make the link"));
  await page.getByText("The link was made").waitFor();
  await press(page, button("Revoke"), "Space");
  await page.getByRole("row").filter({ hasText: "Revoked" }).first().waitFor();

  // Replay a webhook.
  await press(page, link("Access", { exact: true }));
  await press(page, link("Webhooks", { exact: true }));
  await press(page, link("https://webhook.invalid/events"));
  await tabTo(page, page.getByLabel("Since (UTC)"));
  await page.keyboard.type("01022026");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.type("0304A");
  check(await page.getByLabel("Since (UTC)").inputValue() === "2026-01-02T03:04", "the time is written");
  await press(page, button("Replay"));
  await page.getByText("is sent again").waitFor();

  await press(page, button("Log out"), "Space");
  await heading(page, "Log in");
  await browser.done(context);
}
