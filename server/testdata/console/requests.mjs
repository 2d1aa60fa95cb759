// Why a provider's request was refused and what to do about it, its body as it came, which
// requests changed nothing, and whether one would work now: with JavaScript on and off.
import { base, check, given, heading } from "./browser.mjs";

export default async function requests(browser) {
  for (const javaScriptEnabled of [true, false]) {
    const { context, page } = await browser.context({ javaScriptEnabled });
    await page.getByRole("link", { name: "Requests", exact: true }).click();
    await heading(page, "Requests");

    // The filters stay in the address.
    await page.getByLabel("What came of it").selectOption("Refused");
    await page.getByLabel("Connection").selectOption(given.connection);
    await page.getByLabel("User name, as sent").fill(given.provisionedAs);
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByRole("rowheader").first().waitFor();
    check(new URL(page.url()).searchParams.get("outcome") === "refused", "the address has the filter");
    check(await page.getByLabel("What came of it").inputValue() === "refused", "the form has the filter");
    await page.getByRole("rowheader").first().getByRole("link").click();
    await heading(page, "POST /Users");
    await page.getByText("What to do.").waitFor();
    await page.getByText("(text)").or(page.getByText("(address)")).first().waitFor();
    check(!(await page.content()).includes(given.provisionedAs), "the page has a value of the request");

    // The body as it came, which was captured: to read it is an event.
    await page.getByRole("button", { name: "Show the body as it came" }).click();
    await page.getByText("That you read it is an event.").waitFor();
    check((await page.locator("pre").last().innerText()).includes(given.provisionedAs), "the body is whole");
    await page.goto(base + "/console/audit?action=capture.read");
    await page.getByRole("rowheader").first().waitFor();

    // The problem has the same remedy, and leads to the request.
    await page.goto(base + "/console/requests");
    await page.getByRole("link", { name: "Problems and remedies" }).click();
    await heading(page, "Problems and remedies");
    await page.getByText("What to do.").first().waitFor();
    await page.getByRole("link", { name: "The last request" }).first().click();
    await page.getByRole("heading", { name: "What was sent" }).waitFor();

    // A request that changed nothing says why; tried again, it would still change nothing.
    await page.goto(base + "/console/requests?outcome=nothing_to_do&operation=PATCH+/Groups/{id}&group=" + given.group);
    await page.getByRole("rowheader").first().getByRole("link").click();
    await page.getByText("already a member").first().waitFor();
    await page.getByText("It caused no event").waitFor();
    await page.getByRole("button", { name: "Try it" }).click();
    await page.getByText("Now it would be").waitFor();
    await page.getByText("It would change nothing.").waitFor();

    // From a request to what it caused, and back.
    await page.goto(base + "/console/requests?outcome=changed&operation=POST+/Groups&group=" + given.group);
    await page.getByRole("rowheader").first().getByRole("link").click();
    await page.getByRole("row", { name: "grant.opened" }).getByRole("link").first().click();
    await page.getByRole("link", { name: "What the provider sent" }).click();
    await page.getByRole("row", { name: "POST /Groups" }).waitFor();
    await browser.done(context);
  }
}
