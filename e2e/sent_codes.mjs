// Somebody whose organisation insists on codes that are sent: sets them up, logs in by one, and what others try. The gateway is a program
// of ours that takes what the server sends, and looks at its signature.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { browser, check, site, Visitor } from "./house.mjs";

const link = process.env.AVOUCH_E2E_LINK;
const port = Number(process.env.AVOUCH_E2E_GATEWAY);
const key = Buffer.from(process.env.AVOUCH_E2E_GATEWAY_SECRET, "base64");
const PASSWORD = "orchid walnut ferry cloud";
const ANSWER = "The cat of my first landlady";

// What has come, and who waits for more.
const came = [];
const waiting = [];
const gateway = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signed } = request.headers;
    const signature = createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64");
    response.writeHead(204).end();
    came.push({ ...JSON.parse(body), fits: signed === `v1,${signature}` });
    waiting.shift()?.();
  });
});
await new Promise((resolve) => gateway.listen(port, "127.0.0.1", resolve));

/** The next code that is handed on. */
async function code() {
  if (!came.length) await new Promise((resolve) => waiting.push(resolve));
  const { type, data, fits } = came.shift();
  check(fits && type === "code.send" && data.to === "+351 912 345 678" && /^\d{6}$/.test(data.code), "the gateway gets a code, signed");
  return data.code;
}

const chromium = await browser();
try {
  const ida = await Visitor.arrives(chromium);
  await ida.page.goto(link);
  await ida.page.getByRole("button", { name: "Begin" }).click();
  await ida.page.waitForURL("**/console/enrol");
  check(!(await ida.text()).includes("Codes that are sent"), "without a password there is nothing beside which a code would count");
  await ida.page.getByLabel("New password").fill(PASSWORD);
  await ida.page.getByRole("button", { name: "Set the password" }).click();
  await ida.page.waitForURL("**/console/enrolled");
  await ida.goto("/console/enrol");
  await ida.look("enrol-sent-codes");
  await ida.page.getByRole("button", { name: "Have codes sent" }).click();
  await ida.page.waitForURL(/\/console\/sent-codes\??$/);
  await ida.look("sent-codes-to");
  await ida.page.getByLabel("Your telephone").fill("+351 912 345 678");
  await ida.page.getByRole("button", { name: "Send me the first code" }).click();
  const first = await code();
  await ida.page.getByLabel("The first code").fill(first);
  await ida.page.getByLabel("An answer that only you know").fill("abababab");
  await ida.page.getByRole("button", { name: "Done" }).click();
  await ida.page.getByRole("alert").waitFor();
  check((await ida.text()).includes("easily guessed"), "an answer that anybody would try is none");
  await ida.look("sent-codes-first");
  await ida.page.getByLabel("The first code").fill(first);
  await ida.page.getByLabel("An answer that only you know").fill(ANSWER);
  await ida.page.getByRole("button", { name: "Done" }).click();
  await ida.page.waitForURL("**/console/enrolled");

  const asks = async (visitor, password) => {
    await visitor.goto("/console/login");
    await visitor.page.getByText("Password and code").click();
    await visitor.page.getByLabel("Name to log in with").first().fill("ida@lindenhof.example");
    await visitor.page.getByLabel("Password", { exact: true }).first().fill(password);
    await visitor.look("login-sent-codes");
    await visitor.page.getByRole("button", { name: "Send me a code instead" }).click();
    await visitor.page.getByRole("heading", { name: "The code that was sent" }).waitFor();
  };
  const shows = async (visitor, sent, answer) => {
    await visitor.page.getByLabel("The code").fill(sent);
    await visitor.page.getByLabel("Your answer").fill(answer);
    await visitor.page.getByRole("button", { name: "Log in" }).click();
  };

  // Somebody who guesses sees what somebody sees who knows.
  const other = await Visitor.arrives(chromium);
  await asks(other, "wrong horse battery staple");
  await asks(ida, PASSWORD);
  check((await other.text()) === (await ida.text()), "whether the password was right shows nowhere");
  const sent = await code();
  await shows(other, sent, ANSWER);
  await other.page.getByRole("alert").waitFor();
  check((await other.text()).includes("This lets nobody in"), "the code is good in no other browser");
  await shows(ida, sent, "the dog of my landlady");
  await ida.page.getByRole("alert").waitFor();
  await ida.look("sent-code-wrong");
  await shows(ida, `${sent.slice(0, 3)} ${sent.slice(3)}`, "the cat of my FIRST landlady!");
  await ida.page.waitForURL("**/console/account");
  check((await ida.text()).includes("Codes to …678"), "the account shows the end of the number, and no more");
  await ida.look("account-sent-codes");
  check(came.length === 0, "no code has gone out that nobody asked for");
  console.log("done");
} finally {
  await chromium.close();
  gateway.close();
  gateway.closeAllConnections();
}
