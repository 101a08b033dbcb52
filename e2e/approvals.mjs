// A customer who is well known: the support desk may not open them alone, asks, and the privacy officer agrees or does not.

import { browser, check, Visitor } from "./house.mjs";

const chromium = await browser();

/** Opens a link, makes a passkey and logs in with it. */
async function atWork(link) {
  const somebody = await Visitor.arrives(chromium);
  await somebody.device();
  await somebody.page.goto(link);
  await somebody.page.getByRole("button", { name: "Begin" }).click();
  await somebody.page.getByRole("button", { name: "Make a passkey" }).click();
  await somebody.page.getByRole("link", { name: "Log in" }).click();
  await somebody.page.getByRole("button", { name: "Use a passkey" }).click();
  await somebody.page.waitForURL("**/console/account");
  return somebody;
}

/** What a page of ours asks of the API in somebody's session. */
function ask(somebody, method, path, body, purpose) {
  return somebody.page.evaluate(
    async ([method, path, body, purpose]) => {
      const headers = { "Content-Type": "application/json", ...(purpose && { "Avouch-Purpose": purpose }) };
      const answer = await fetch(path, { method, headers, body: JSON.stringify(body) });
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : {} };
    },
    [method, path, body, purpose],
  );
}

try {
  const ida = await atWork(process.env.AVOUCH_E2E_SUPPORT);
  const dora = await atWork(process.env.AVOUCH_E2E_DPO);
  const fields = { name: "Ana Gonçalves", email: "ana@example.org" };
  const made = await ask(ida, "POST", "/v1/subjects", { fields }, "support");
  check(made.status === 201, "a customer is stored");
  const star = made.body.id;
  const marked = await ask(dora, "PUT", `/v1/subjects/${star}/mark`, { tier: 1 }, "data_rights");
  check(marked.status === 200, "it matters who looks at them");

  const look = { purpose: "support", fields: ["email"], reason: "she has called about order 4711" };
  const reveal = () => ask(ida, "POST", `/v1/subjects/${star}/reveal`, look);
  const refused = await reveal();
  check(refused.status === 403 && refused.body.needs[0].need === "approval", "nobody opens them alone");
  const approval = refused.body.needs[0].allowed[0];
  const wish = { approval, action: "subject.reveal", subject: star, case_reference: "4711", ...look };
  await ask(ida, "POST", "/v1/approvals", wish);
  await ask(ida, "POST", "/v1/approvals", { ...wish, reason: "curious who this is" });

  await ida.goto("/console/approvals");
  await ida.look("approvals-asked");
  check((await ida.page.getByRole("button", { name: "Agree" }).count()) === 0, "one does not agree with oneself");
  await dora.goto("/console/approvals");
  await dora.look("approvals-waiting");
  const said = (reason) => dora.page.locator("article", { hasText: reason });
  await said("curious who this is").getByRole("button", { name: "Refuse" }).click();
  await dora.page.waitForLoadState();
  check((await reveal()).status === 403, "a request that was refused opens nothing");
  await said("order 4711").getByRole("button", { name: "Agree" }).click();
  await dora.page.waitForLoadState();
  await dora.look("approvals-spoken");
  const shown = await reveal();
  check(shown.status === 200 && shown.body.fields.email === "ana@example.org", "what was agreed to is opened");
  check((await reveal()).status === 403, "once");
  await ida.goto("/console/approvals");
  check((await ida.text()).includes("used"), "and the page says so");
  await dora.goto("/console/approvals");
  await dora.page.getByRole("listitem").filter({ hasText: "order 4711" }).getByRole("link").click();
  await dora.page.getByRole("heading", { name: "What was done under it" }).waitFor();
  check((await dora.text()).includes("email (clear)"), "whoever has agreed sees what was done under it");
  await dora.look("approval-work");
  await ida.goto("/console/account");
  check((await ida.text()).includes("Open fields of a customer"), "one sees what one has looked at");
  await ida.look("account-looks");
  console.log("done");
} finally {
  await chromium.close();
}
