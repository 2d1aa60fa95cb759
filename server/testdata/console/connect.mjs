// Connect Okta with the wizard while a recorded conversation of Okta comes in, and the
// page says so: by itself, and without JavaScript when it is read again.
import { base, check, given, heading } from "./browser.mjs";

// play has Okta's conversations come in with a token. It returns when they are over.
export async function play(token) {
  const answer = await fetch(given.play, { method: "POST", body: token });
  check(answer.status === 204, "the conversation went as recorded: " + await answer.text());
}

// works waits until a page says that the provider works: what came in is written within a
// second or two, and without JavaScript a page is read again.
export async function works(page, javaScriptEnabled) {
  const said = page.getByText("It works.", { exact: true });
  for (let i = 0; !javaScriptEnabled && i < 20 && await said.count() === 0; i++) {
    await page.waitForTimeout(250);
    await page.getByRole("link", { name: "Look again" }).click();
  }
  await said.waitFor({ timeout: 30_000 }).catch(async () => {
    throw new Error("the page says only: " + await page.locator("#progress").innerText());
  });
}

export default async function connect(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    await page.getByRole("link", { name: "Connect", exact: true }).click();
    await heading(page, "Connect a provider");
    await page.getByRole("button", { name: "Go on" }).click(); // nothing was filled in
    await page.getByLabel("Okta", { exact: true }).check();
    await page.getByLabel("Name").fill("Okta of the walk " + javaScriptEnabled);
    await page.getByRole("button", { name: "Go on" }).click();
    await heading(page, "Connect Okta");
    await page.getByText("Waiting for the first request…").waitFor();
    check(await page.getByText(base + "/scim/v2").count() === 1, "the address is there to paste");
    await page.getByRole("button", { name: "Make the token" }).click();
    await page.getByText("The token was made.").waitFor();
    const token = await page.locator(".paste code").first().innerText();
    await page.getByText(token).nth(1).waitFor(); // the page may still be coming
    const there = await page.getByText(token).count();
    check(there === 2, "the token stands alone, and where it is to be pasted");

    const played = play(token);
    if (!javaScriptEnabled) {
      await played;
      await page.getByRole("link", { name: "Look again" }).click();
      check(await page.getByText(token).count() === 0, "the token is shown once");
    }
    await works(page, javaScriptEnabled);
    await played;
    check(await page.locator(".marks .done").count() === 5, "everything is ticked off");
    await page.locator("summary").click();
    await page.getByRole("cell", { name: "PATCH /Groups/{id}" }).first().waitFor();
    await browser.done(context);
  }
}
