// Pictures of every screen of the console of a running `scimbridge demo`, for
// docs/console.md (.ci/screenshots): LOGIN is the link that the demo printed, OUT the
// folder. With LOOKS, which are widths with "d" behind those for the dark colours, every
// page is taken whole, in each of them.
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/screenshots.mjs");
const { chromium } = require("playwright-core");

const login = new URL(process.env.LOGIN);
const out = process.env.OUT;
const looks = (process.env.LOOKS ?? "").split(" ").filter((look) => look);
const all = looks.length > 0;
const usual = 1024;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-lcd-text"],
});
const context = await browser.newContext({ viewport: { width: usual, height: 640 }, colorScheme: "light" });
const page = await context.newPage();
const wrong = [];
page.on("console", (m) => { if (m.type() === "error" && !/404/.test(m.text())) wrong.push(page.url() + ": " + m.text()); });

async function take(name, { dark = false, most = 580 } = {}) {
  for (const look of all ? looks : [usual + (dark ? "d" : "")]) {
    const width = parseInt(look);
    await page.setViewportSize({ width, height: width < 500 ? 640 : 720 });
    await page.emulateMedia({ colorScheme: look.endsWith("d") ? "dark" : "light" });
    const path = `${out}/${name}${all ? "-" + look : ""}.png`;
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) wrong.push(`${page.url()} is ${wide} px wide in a window of ${width}`);
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    const clip = { x: 0, y: 0, width, height: Math.min(height, all ? 5000 : most) };
    await page.screenshot({ path, clip, fullPage: true });
  }
  await page.setViewportSize({ width: usual, height: 640 });
  await page.emulateMedia({ colorScheme: "light" });
}

async function at(path) {
  await page.goto(login.origin + path);
}

// first is where the first link leads whose address begins so.
async function first(selector) {
  return new URL(await page.locator(selector).first().getAttribute("href"), login.origin).pathname;
}

await page.goto(login.href);
await take("login");
await page.getByRole("button", { name: "Log in" }).click();
await page.getByRole("heading", { name: "Overview" }).waitFor();
await page.waitForTimeout(7000); // what is sealed, and what is written after it is answered
await at("/console");
await take("overview");
await take("overview-dark", { dark: true });

await at("/console/groups");
await take("groups");
await page.getByRole("link", { name: "Contractors" }).click();
const group = new URL(page.url()).pathname;
await take("group");
const mara = await first("a:text('Mara Oncall')"), dan = await first("a:text('dan Contractor')");
await at(dan);
await take("member");
await at(mara);
await take("break-glass");
for (const name of ["remove", "sign-off"]) {
  await at(mara + "/" + name);
  if (all) await take(name);
}
await at(group + "/add?q=lena@example.test");
await take("add");
await at(group + "/break-glass?q=lena@example.test");
await take("break-glass-form");
await at(group + "/compare?from=2026-03-01T00:00");
await take("compare");
await at(group + "/explain");
await take("explain");

await at("/console/people");
await take("people");
await page.getByRole("link", { name: "dan Contractor" }).click();
await take("person");

await at("/console/connect");
await take("connections");
const connection = await first("tbody a[href^='/console/connect/']");
await at(connection);
await take("connect", { most: 440 });
await at(connection + "/links");
await take("setup-links");

await at("/console/requests");
await take("requests");
await at("/console/requests?outcome=refused&operation=POST+/Users");
await page.getByRole("rowheader").first().getByRole("link").click();
await take("request");
await at("/console/requests/problems");
await take("problems");
await at("/console/guard");
await take("guard");
await page.getByRole("row", { name: "Contractors" }).getByRole("link").first().click();
await page.getByRole("button", { name: "Show who would go" }).click();
await page.getByText("would be no").waitFor();
await take("allow");

await at("/console/audit");
await take("audit");
await page.getByRole("rowheader").first().getByRole("link").click();
await take("event");
await page.getByRole("link", { name: "Prove it" }).click();
await take("event-proof");
for (const name of ["register", "exceptions", "proof"]) { await at("/console/audit/" + name); await take(name); }

await at("/console/access");
await take("tokens");
await page.getByRole("link", { name: "nightly export" }).click();
await take("token");
await at("/console/access/new-token");
await take("new-token");
for (const name of ["clients", "issuers", "policies", "webhooks"]) { await at("/console/access/" + name); await take(name); }
for (const name of ["client", "issuer", "policy", "webhook"]) {
  const list = { client: "clients", issuer: "issuers", policy: "policies", webhook: "webhooks" }[name];
  await at("/console/access/" + list);
  await at(await first("tbody a"));
  await take(name);
}
await at("/console/setup");
await take("setup");
await at("/console/nothing");
if (all) await take("error");
if (all) {
  await at("/v1/docs?q=removal"); await take("docs-search");
  await at("/v1/docs"); await take("docs");
}
await browser.close();
if (wrong.length > 0) { console.log(wrong.join("\n")); process.exit(1); }
