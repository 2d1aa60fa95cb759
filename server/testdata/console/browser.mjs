// A browser for the walks through the console: what each page does that it must not is
// a failure, whatever else the walk looks at.
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/walk.mjs");
const { chromium } = require("playwright-core");
const axe = require("axe-core");

export const base = process.env.BASE;
export const given = JSON.parse(process.env.GIVEN);

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

// The ways in which a page is looked at. 200 % of 1440 pixels are 720. Whatever of a page
// depends on its width or its colours is looked at in each of them, all of it in the first.
const wide = { width: 1440, height: 900 }, narrow = { width: 320, height: 640 };
const looks = {
  light: { viewport: wide, colorScheme: "light" },
  dark: { viewport: wide, colorScheme: "dark" },
  narrow: { viewport: narrow, colorScheme: "light" },
  "narrow and dark": { viewport: narrow, colorScheme: "dark" },
  "200 %": { viewport: { width: 720, height: 450 }, colorScheme: "light" },
};
const ofLooks = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block"];

export class Browser {
  static async start() {
    const b = new Browser();
    b.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    });
    return b;
  }

  // context is a browser of its own, logged in, with options.token if there is one, unless
  // options.stranger. What its pages do wrong gathers in context.wrong.
  async context(options = {}) {
    const { stranger, token, ...rest } = options;
    const context = await this.chromium.newContext({ viewport: wide, colorScheme: "light", ...rest });
    context.setDefaultTimeout(10_000);
    context.wrong = [];
    context.on("request", (r) => {
      if (new URL(r.url()).origin !== base && !r.url().startsWith("data:")) {
        context.wrong.push("a request leaves the server: " + r.url());
      }
    });
    context.on("weberror", (e) => context.wrong.push("an error in a page: " + e.error()));
    context.on("console", (m) => {
      const expected = /status of 4\d\d/.test(m.text());
      if (m.type() === "error" && !expected) context.wrong.push("the browser says: " + m.text());
    });
    const page = await context.newPage();
    if (!stranger) await logIn(page, token);
    return { context, page };
  }

  // done closes a context whose pages did nothing wrong.
  async done(context) {
    check(context.wrong.length === 0, context.wrong.join("\n"));
    await context.close();
  }

  // accessible looks at pages, and at what acts lead to: each has a page, what is to be
  // filled in there, and a button. The same pages are asked for with the policy of the
  // server in force, which axe-core itself does not live with.
  async accessible(paths, acts, prepare = async () => {}) {
    const found = [];
    const strict = await this.context();
    await prepare(strict.page);
    const { context, page } = await this.context({ bypassCSP: true });
    await prepare(page);
    for (const path of ["/console/login", ...paths]) {
      await page.setViewportSize(wide);
      await page.goto(base + path);
      await Promise.all([look(page, path, found), strict.page.goto(base + path)]);
    }
    for (const act of acts) {
      await page.setViewportSize(wide);
      await page.goto(base + act.path);
      for (const [label, text] of Object.entries(act.fill ?? {})) await page.getByLabel(label).fill(text);
      await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: act.button }).first().click()]);
      await look(page, act.path + ", " + act.button, found);
    }
    await this.done(strict.context);
    await this.done(context);
    check(found.length === 0, found.join("\n"));
  }

  async stop() {
    await this.chromium.close();
  }
}

export async function logIn(page, token = given.token) {
  await page.goto(base + "/console/login");
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

// heading waits for the page with this heading.
export async function heading(page, name) {
  await page.getByRole("heading", { name, level: 1 }).waitFor();
}

// look finds what axe-core does in a page, and whether it is wider than its window, in every
// look; and whether everything on it is of a kind that has the focus in its turn and does
// what it does by Enter or Space.
async function look(page, name, found) {
  const unreachable = await page.evaluate(() => [...document.querySelectorAll(
    "a:not([href]), [onclick], [tabindex]:not([tabindex='0'], [tabindex='-1']), " +
    ":is(a, button, input, select, textarea, summary)[tabindex='-1'], " +
    ":is([role=button], [role=link]):not(a[href], button)",
  )].map((e) => e.outerHTML));
  if (unreachable.length > 0) found.push(`${name}: not for keyboards: ` + unreachable.join("\n  "));
  await page.evaluate(axe.source);
  for (const [as, { viewport, colorScheme }] of Object.entries(looks)) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    const only = as === "light" ? {} : { runOnly: { type: "rule", values: ofLooks } };
    const violations = await page.evaluate(
      async (only) => (await window.axe.run({
        ...only, rules: { "target-size": { enabled: true } }, resultTypes: ["violations"],
      })).violations, only);
    for (const v of violations) {
      found.push(`${name} (${as}): ${v.id}: ${v.help}\n  ` + v.nodes.map((n) => n.html).join("\n  "));
    }
    const [needed, there] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (needed > there) found.push(`${name} (${as}): ${needed} px wide in a window of ${there}`);
  }
}
