// What happened, who was a member of what, and the files that prove it: found by an
// auditor with JavaScript and without.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { base, check, given, heading } from "./browser.mjs";

// verify has the program verify a file with a key, and returns what it says.
function verify(file, key) {
  return new Promise((done) => execFile(given.program, ["audit", "verify", file, "--key", key],
    { env: {} }, (error, out, err) => done({ status: error ? error.code : 0, said: out + err })));
}

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
    const register = given.folder + "/" + file.suggestedFilename();
    await file.saveAs(register);

    // On another machine: the register, and the key from the page of the proof.
    await page.getByRole("link", { name: "Proof", exact: true }).first().click();
    await heading(page, "Proof");
    const [keyFile] = await Promise.all([
      page.waitForEvent("download"), page.getByRole("link", { name: "Download vkey" }).click(),
    ]);
    const key = given.folder + "/" + keyFile.suggestedFilename();
    await keyFile.saveAs(key);
    const good = await verify(register, key);
    check(/ is whole: register, \d+ rows/.test(good.said) && good.status === 0, "it is verified: " + good.said);
    check(!good.said.includes("not known who"), "and signed: " + good.said);
    const forged = given.folder + "/forged.csv";
    const text = await readFile(register, "utf8");
    check(text.includes(given.provisioned), "the file has the members");
    await writeFile(forged, text.replace(given.provisioned, "Eve Intruder"));
    const bad = await verify(forged, key);
    check(bad.status !== 0, "a register that was changed is not verified: " + bad.said);
    await page.goto(base + "/console/audit/register");

    await page.getByRole("link", { name: "Exceptions" }).click();
    await heading(page, "Exceptions");
    await page.getByRole("link", { name: "Members who are inactive" }).click();
    await page.getByRole("heading", { name: "What to do" }).waitFor();
    await browser.done(context);
  }
}
