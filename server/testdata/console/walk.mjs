// All walks through the console, in one browser.
import { Browser, given } from "./browser.mjs";
import access from "./access.mjs";
import audit from "./audit.mjs";
import breakGlass from "./break_glass.mjs";
import connect from "./connect.mjs";
import guard from "./guard.mjs";
import keyboard from "./keyboard.mjs";
import members from "./members.mjs";
import requests from "./requests.mjs";
import setup, { openLink } from "./setup.mjs";

const walks = { connect, members, setup, requests, guard, audit, access, breakGlass, keyboard };

const browser = await Browser.start();
let failed = 0;
const run = async (name, walk) => {
  const begun = Date.now();
  try {
    await walk();
    console.log("ok", name, (Date.now() - begun) / 1000, "s");
  } catch (e) {
    failed++;
    console.log("FAILED", name, "\n", e.stack);
  }
};
for (const [name, walk] of Object.entries(walks)) await run(name, () => walk(browser));
if (given.accessible) await run("accessible", () => browser.accessible(given.accessible, given.acts, openLink));
await browser.stop();
process.exit(failed === 0 ? 0 : 1);
