// Somebody is hired: opens the link, makes a passkey, logs in without a name, looks at their access, ends sessions, makes recovery
// codes, sets up a password with an app; and what others try.

import { browser, check, site, Visitor } from "./house.mjs";
import { another, totp, unhurried } from "./totp.mjs";

const link = process.env.AVOUCH_E2E_LINK;
const chromium = await browser();
try {
  const ida = await Visitor.arrives(chromium);
  await ida.device();

  // The link.
  await ida.goto("/console");
  check(ida.path() === "/console/login", "whoever is nobody is asked to log in");
  await ida.look("login");
  await ida.page.goto(link);
  check(!ida.page.url().includes("avl_"), "the secret is out of the address at once");
  await ida.look("welcome");
  await ida.page.getByRole("button", { name: "Begin" }).click();
  await ida.page.waitForURL("**/console/enrol");
  await ida.look("enrol");
  const first = await ida.session();
  check(first.httpOnly && first.secure && first.sameSite === "Lax", "the session is out of reach of scripts and other sites");

  // The passkey.
  await ida.page.getByRole("button", { name: "Make a passkey" }).click();
  await ida.page.waitForURL("**/console/enrolled");
  await ida.look("enrolled");
  check((await ida.passkeys()).every((one) => one.isResidentCredential), "it is one that logs in without a name");
  await ida.page.getByRole("link", { name: "Log in" }).click();
  await ida.page.getByRole("button", { name: "Use a passkey" }).click();
  await ida.page.waitForURL("**/console/account");
  const second = await ida.session();
  check(second.value !== first.value, "a log-in makes a new session");
  check((await ida.text()).includes("Customer support"), "the account says what one may do");
  await ida.look("account");
  const used = await fetch(`${site}/v1/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ link: new URL(link).hash.slice(1) }),
  });
  check(used.status === 401, "the link is good once");

  // The same device has one already.
  await ida.goto("/console/enrol");
  await ida.page.getByRole("button", { name: "Make a passkey" }).click();
  await ida.page.locator("#message:not([hidden])").waitFor();
  check((await ida.page.locator("#message").innerText()).includes("has a passkey for you already"), "a device has one passkey");

  // Recovery codes.
  await ida.goto("/console/account");
  await ida.page.getByRole("button", { name: "Make recovery codes" }).click();
  await ida.page.getByRole("heading", { name: "Recovery codes" }).waitFor();
  const codes = await ida.page.locator("ol.codes li").allInnerTexts();
  check(codes.length === 10, "ten recovery codes");
  await ida.look("codes");

  // A password and an app.
  await ida.goto("/console/enrol");
  await ida.page.getByLabel("New password").fill("lindenhof lindenhof");
  await ida.page.getByRole("button", { name: "Set the password" }).click();
  await ida.page.locator("#message").waitFor();
  await ida.look("enrol-weak-password");
  await ida.page.getByLabel("New password").fill("orchid walnut ferry cloud");
  await ida.page.getByRole("button", { name: "Set the password" }).click();
  await ida.page.waitForURL("**/console/account");
  await ida.goto("/console/enrol");
  await ida.page.getByRole("button", { name: "Set up the app" }).click();
  await ida.page.getByRole("heading", { name: "An app for codes" }).waitFor();
  await ida.look("totp");
  const secret = (await ida.page.locator(".secret").innerText()).replaceAll(" ", "");
  await unhurried();
  await ida.page.getByLabel("The first code").fill(totp(secret));
  await ida.page.getByRole("button", { name: "Done" }).click();
  await ida.page.waitForURL("**/console/account");
  check((await ida.text()).includes("Telephone"), "the app is there");

  // Another password wants the one before.
  await ida.goto("/console/enrol");
  await ida.page.getByText("Another password").click();
  await ida.look("enrol-another-password");
  await ida.page.getByLabel("Current password").fill("wrong horse battery staple");
  await ida.page.getByLabel("New password").fill("ferry cloud walnut orchid");
  await ida.page.getByRole("button", { name: "Change the password" }).click();
  await ida.page.locator("#message:not([hidden])").waitFor();
  check((await ida.text()).includes("This is not your current password."), "a wrong one changes nothing");
  await ida.look("enrol-wrong-password");

  // Another browser, with the passkey of the same owner.
  const there = await Visitor.arrives(chromium);
  await there.device();
  await there.carry(await ida.passkeys());
  await there.goto("/console/login");
  await there.knows(false);
  await there.page.getByRole("button", { name: "Use a passkey" }).click();
  await there.page.locator("#message:not([hidden])").waitFor();
  check(there.path() === "/console/login", "a device that does not know its owner lets nobody in");
  await there.look("login-refused");
  await there.knows(true);
  await there.page.getByRole("button", { name: "Use a passkey" }).click();
  await there.page.waitForURL("**/console/account");

  // A password without its code, with it, and with a code that was used.
  const elsewhere = await Visitor.arrives(chromium);
  const byPassword = async (code) => {
    await elsewhere.goto("/console/login");
    await elsewhere.page.getByText("Password and code").click();
    const form = elsewhere.page.locator("form[action='/console/login']");
    await form.getByLabel("Name to log in with").fill("IDA@lindenhof.example");
    await form.getByLabel("Password").fill("orchid walnut ferry cloud");
    await form.getByLabel("Code of your app").fill(code);
    await form.getByRole("button", { name: "Log in" }).click();
    await elsewhere.page.waitForLoadState();
  };
  await byPassword("");
  check((await elsewhere.text()).includes("This lets nobody in"), "a password without its code lets nobody in");
  await elsewhere.look("login-wrong");
  await another();
  const code = totp(secret);
  await byPassword(code);
  check(elsewhere.path() === "/console/account", "password and code let in");
  await elsewhere.page.getByRole("button", { name: "Log out" }).click();
  await elsewhere.page.waitForURL("**/console/login");
  check((await elsewhere.session()) === undefined, "logged out, the cookie is gone");
  await byPassword(code);
  check((await elsewhere.text()).includes("This lets nobody in"), "a code is good once");

  // A replayed answer, and one that was tampered with.
  const replayed = await there.page.evaluate(async () => {
    const begun = await (await fetch("/v1/login/passkey", { method: "POST" })).json();
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(begun.publicKey);
    const answer = (await navigator.credentials.get({ publicKey: options })).toJSON();
    const send = async (passkey) =>
      (await fetch("/v1/login", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ passkey }),
      })).status;
    const bent = structuredClone(answer);
    bent.response.authenticatorData = bent.response.authenticatorData.replace(/.$/, (c) => (c === "A" ? "Q" : "A"));
    const tampered = await send(bent);
    const first = await send(answer);
    return [tampered, first, await send(answer)];
  });
  check(String(replayed) === "401,200,401", `tampered with, first, replayed: ${replayed}`);

  // Sessions are ended from elsewhere.
  await ida.goto("/console/account");
  check((await ida.page.locator("section[aria-labelledby=where] li").count()) >= 2, "both sessions are listed");
  await ida.look("account-sessions");
  await ida.page.getByRole("button", { name: "End all others" }).click();
  await ida.page.waitForLoadState();
  await there.goto("/console/account");
  check(there.path() === "/console/login", "the other session has ended");

  // Another site's form does nothing.
  const before = (await ida.session()).value;
  await ida.context.route("http://evil.localhost/", (route) =>
    route.fulfill({
      contentType: "text/html",
      body: `<form method="post" action="${site}/console/logout"><button>win</button></form>`,
    }),
  );
  await ida.page.goto("http://evil.localhost/");
  await ida.page.getByRole("button", { name: "win" }).click();
  await ida.page.waitForLoadState();
  ida.failures.length = 0;
  await ida.goto("/console/account");
  check(ida.path() === "/console/account" && (await ida.session()).value === before, "another site logs nobody out");

  // A session for a terminal: by whoever has just shown who they are.
  await ida.page.getByRole("button", { name: "A session for a terminal" }).click();
  await ida.page.getByRole("heading", { name: "A session for a terminal" }).waitFor();
  await ida.look("terminal");
  const token = await ida.page.locator(".secret").innerText();
  const program = await fetch(`${new URL(ida.page.url()).origin}/v1/account`, { headers: { Authorization: `Bearer ${token}` } });
  check(program.status === 200, "a program works in it");

  // A recovery code, for somebody who has lost everything.
  const lost = await Visitor.arrives(chromium);
  await lost.goto("/console/login");
  await lost.page.getByText("I have lost what I log in with").click();
  const recover = lost.page.locator("form[action='/console/recover']");
  const byRecoveryCode = async (password) => {
    await recover.getByLabel("Name to log in with").fill("ida@lindenhof.example");
    await recover.getByLabel("Recovery code").fill(codes[4].toLowerCase());
    await recover.getByLabel("Password").fill(password);
    await recover.getByRole("button", { name: "Use this code" }).click();
    await lost.page.waitForLoadState();
  };
  await lost.look("login-lost");
  await byRecoveryCode("");
  check((await lost.text()).includes("This lets nobody in"), "a recovery code leads around no password");
  await byRecoveryCode("orchid walnut ferry cloud");
  await lost.page.waitForURL("**/console/enrol");
  await lost.goto("/console/account");
  check(lost.path() === "/console/enrol", "with a recovery code one enrols and sees nothing else");

  // Without a mouse. The passkey counts, and it was last used there.
  const keys = await Visitor.arrives(chromium);
  await keys.device();
  await keys.carry(await there.passkeys());
  await keys.goto("/console/login");
  for (let presses = 0; presses < 10; presses += 1) {
    await keys.page.keyboard.press("Tab");
    if (await keys.page.evaluate(() => document.activeElement.id === "passkey-login")) break;
  }
  await keys.page.keyboard.press("Enter");
  await keys.page.waitForURL("**/console/account");
  check(true, "one logs in by keyboard alone");

  // A copy that has fallen behind.
  const copy = await Visitor.arrives(chromium);
  await copy.device();
  await copy.carry(await ida.passkeys());
  await copy.goto("/console/login");
  await copy.page.getByRole("button", { name: "Use a passkey" }).click();
  await copy.page.locator("#message:not([hidden])").waitFor();
  check(copy.path() === "/console/login", "a copy of a passkey that has fallen behind lets nobody in");
  console.log("done");
} finally {
  await chromium.close();
}
