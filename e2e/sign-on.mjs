// People log in by their company's identity provider, which is a real one: somebody who is linked, somebody who is not, somebody who links
// themselves; what needs more is asked for there, and who logs out there is logged out here.

import { browser, check, site, Visitor } from "./house.mjs";
import { provider } from "./provider.mjs";

const issuer = process.env.AVOUCH_E2E_ISSUER;
const there = await provider(issuer, site, "a secret of the test that is long enough");
const chromium = await browser();

const arrives = () => Visitor.arrives(chromium, { visits: [issuer] });

/** Says there who one is. */
async function says(somebody, name, acr) {
  await somebody.page.waitForURL(`${issuer}/interaction/**`);
  await somebody.page.getByLabel("Name").fill(name);
  await somebody.page.getByLabel("Shown").fill(acr);
  await somebody.page.getByRole("button", { name: "Go on" }).click();
  await somebody.page.waitForURL(`${site}/**`);
}

async function logsIn(somebody, name, acr) {
  await somebody.goto("/console/login");
  await somebody.page.getByRole("link", { name: "Log in with Lindenhof account" }).click();
  await says(somebody, name, acr);
}

/** What a page of ours asks of the API in somebody's session. */
function ask(somebody, method, path, body, purpose) {
  return somebody.page.evaluate(
    async ([method, path, body, purpose]) => {
      const headers = { "Content-Type": "application/json", ...(purpose && { "Avouch-Purpose": purpose }) };
      const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : {}, challenge: answer.headers.get("www-authenticate") };
    },
    [method, path, body, purpose],
  );
}

try {
  // Somebody whom an administrator has linked.
  const ida = await arrives();
  await ida.goto("/console/login");
  await ida.look("sign-on-login");
  await logsIn(ida, "ida-7", "mfa");
  check(ida.path() === "/console/account", "she is let in, and sent on to a page of ours");
  check((await ida.text()).includes("Lindenhof account"), "her account says by what");
  check(!ida.page.url().includes("code="), "the code is out of the address at once");
  await ida.look("sign-on-account");
  const asked = there.asked.at(-1);
  check(asked.code_challenge_method === "S256" && asked.nonce && asked.state, "with PKCE, a nonce and a state");
  const made = await ask(ida, "POST", "/v1/subjects", { fields: { name: "Ana Gonçalves", email: "ana@example.org" } }, "support");
  check(made.status === 201, "and she works");

  // Of what she was asked there, nothing that others could use is left here.
  const cookies = (await ida.context.cookies(site)).map((cookie) => cookie.name);
  check(!cookies.includes("__Host-avouch-sign-on"), "the ticket is gone");

  // From a browser that is new, a look needs what cannot be phished, and just now.
  const elsewhere = await arrives();
  await logsIn(elsewhere, "ida-7", "mfa");
  const look = { purpose: "support", fields: ["email"], reason: "she has called about order 4711" };
  const reveal = () => ask(elsewhere, "POST", `/v1/subjects/${made.body.id}/reveal`, look);
  const refused = await reveal();
  check(refused.status === 401 && refused.challenge.includes('acr_values="phr"'), "from a new browser policy asks for more");
  const before = (await elsewhere.session()).value;
  const stepUp = "/console/step-up?to=/console/approvals&with=passkey";
  await elsewhere.goto(stepUp);
  await elsewhere.look("sign-on-step-up");
  await elsewhere.page.getByRole("link", { name: "Log in with Lindenhof account" }).click();
  await elsewhere.page.waitForURL(`${issuer}/interaction/**`);
  const more = there.asked.at(-1);
  const values = JSON.parse(more.claims).id_token.acr;
  check(more.prompt === "login" && Number(more.max_age) === 0, "she has to log in there anew");
  check(values.essential && String(values.values) === "phr", "by what was asked for, and nothing less");
  await says(elsewhere, "ida-7", "phr");
  check(elsewhere.path() === "/console/approvals", "she goes on where she was going");
  check((await elsewhere.session()).value !== before, "in a session of another name");
  check((await reveal()).status === 200, "and the look is hers");

  // The provider refuses, or somebody there is linked to nobody here.
  const stranger = await arrives();
  await logsIn(stranger, "somebody-else", "mfa");
  check(stranger.path() === "/console/sign-on/house/callback", "whoever is linked to nobody stays outside");
  check((await stranger.text()).includes("This let nobody in"), "and is told so, and nothing of who exists");
  check((await stranger.session()) === undefined, "without a session");
  await stranger.look("sign-on-refused");

  // Somebody links their own, by their first link.
  const dora = await arrives();
  await dora.page.goto(process.env.AVOUCH_E2E_DPO);
  await dora.page.getByRole("button", { name: "Begin" }).click();
  await dora.page.waitForURL("**/console/enrol");
  await dora.look("sign-on-enrol");
  await dora.page.getByRole("link", { name: "Link Lindenhof account" }).click();
  await dora.page.waitForURL(`${issuer}/interaction/**`);
  check(there.asked.at(-1).prompt === "login", "whoever links has to log in there anew");
  await says(dora, "dora-3", "mfa");
  check(dora.path() === "/console/enrolled", "linked");
  await logsIn(dora, "dora-3", "phr");
  check(dora.path() === "/console/account", "and let in by it");
  await dora.page.getByRole("button", { name: "Take away: Lindenhof account" }).click();
  await dora.page.getByRole("alert").waitFor();
  check((await dora.text()).includes("last way in"), "the last way in is not taken away");

  // Who logs out there is logged out here; whoever else is logged in stays so.
  await elsewhere.page.goto(`${issuer}/session/end`);
  await elsewhere.page.locator("button[name=logout][value=yes], button[value=yes]").click();
  await elsewhere.page.waitForLoadState();
  check(String(there.told) === "success", `the provider was heard: ${there.told}`);
  await elsewhere.goto("/console/account");
  check(elsewhere.path() === "/console/login", "a logout there is one here");
  await ida.goto("/console/account");
  check(ida.path() === "/console/account", "and of no other session");
  await dora.goto("/console/account");
  check(dora.path() === "/console/account", "nor of anybody else");
  console.log("done");
} finally {
  there.stops();
  await chromium.close();
}
