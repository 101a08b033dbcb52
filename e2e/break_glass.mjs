// An emergency: somebody breaks the glass with a passkey, looks, and the privacy officer says afterwards whether it was right.

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
  const dora = await atWork(process.env.AVOUCH_E2E_DPO);
  const ida = await atWork(process.env.AVOUCH_E2E_EMERGENCY);
  const fields = { name: "Ana Gonçalves", email: "ana@example.org" };
  const star = (await ask(ida, "POST", "/v1/subjects", { fields }, "support")).body.id;
  await ask(dora, "PUT", `/v1/subjects/${star}/mark`, { tier: 1 }, "data_rights");
  const look = { purpose: "support", fields: ["email"], reason: "the ward needs her doctor" };
  const reveal = () => ask(ida, "POST", `/v1/subjects/${star}/reveal`, look);
  check((await reveal()).status === 403, "nobody opens them alone");

  await ida.goto("/console/break-glass");
  await ida.look("break-glass-whole");
  await ida.page.getByLabel("What has happened").fill("she is unconscious and nobody answers");
  await ida.page.getByRole("button", { name: "Break the glass" }).click();
  await ida.page.waitForLoadState();
  await ida.look("break-glass-open");
  check((await reveal()).status === 200, "behind broken glass one looks");
  await ida.goto("/console/account");
  const banner = ida.page.getByRole("complementary", { name: "Broken glass" });
  check(await banner.isVisible(), "every page says that it is broken");
  await ida.look("break-glass-banner");
  await ida.goto("/console/break-glass");
  await ida.page.getByRole("button", { name: "End it now" }).click();
  await ida.page.waitForLoadState();
  check((await reveal()).status === 403, "it is whole again");
  check((await banner.count()) === 0, "and no page says otherwise");

  await dora.goto("/console/break-glass");
  await dora.look("break-glass-waiting");
  await dora.page.getByRole("link", { name: /Ida Sommer/ }).click();
  await dora.page.waitForLoadState();
  check(await dora.page.getByText(star).isVisible(), "the reviewer sees whom she has looked at");
  await dora.look("break-glass-review");
  await dora.page.getByLabel("Why", { exact: true }).fill("the ward has confirmed it");
  await dora.page.getByRole("button", { name: "Justified", exact: true }).click();
  await dora.page.waitForLoadState();
  await dora.look("break-glass-reviewed");
  check(await dora.page.getByText("justified").first().isVisible(), "it was right");
  console.log("done");
} finally {
  await chromium.close();
}
