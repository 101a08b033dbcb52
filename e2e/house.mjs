// What the programs share: a browser, a device that holds passkeys, and a look at each page.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// What is installed lies beside the build products, not in the repository.
const require = createRequire(join(process.env.AVOUCH_E2E_MODULES, "index.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const site = process.env.AVOUCH_E2E_URL;
const shots = process.env.AVOUCH_E2E_SHOTS;

export function check(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`ok  ${what}`);
}

export async function browser() {
  return chromium.launch({
    executablePath: process.env.AVOUCH_TEST_CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** A visitor with a browser profile of their own, and a device that holds passkeys. */
export class Visitor {
  /** `visits`: other sites that they may be sent to. */
  static async arrives(browser, options = {}) {
    const visitor = new Visitor();
    const { visits, ...context } = options;
    visitor.context = await browser.newContext(context);
    visitor.page = await visitor.context.newPage();
    visitor.failures = [];
    visitor.page.on("pageerror", (error) => visitor.failures.push(String(error)));
    visitor.page.on("console", (message) => {
      // What is refused is told on the page; the browser notes the status as well.
      const expected = /status of (4\d\d)/.test(message.text());
      if (message.type() === "error" && !expected) visitor.failures.push(message.text());
    });
    visitor.page.on("request", (request) => {
      const known = [site, ...(visits ?? [])];
      if (!known.some((place) => request.url().startsWith(place))) visitor.failures.push(`asked another site: ${request.url()}`);
    });
    return visitor;
  }

  async device({ verifies = true } = {}) {
    this.cdp ??= await this.context.newCDPSession(this.page);
    await this.cdp.send("WebAuthn.enable");
    const { authenticatorId } = await this.cdp.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        ctap2Version: "ctap2_1",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: verifies,
        automaticPresenceSimulation: true,
      },
    });
    this.authenticator = authenticatorId;
    return authenticatorId;
  }

  /** The passkeys of the device, to be carried to another browser. */
  async passkeys() {
    const { credentials } = await this.cdp.send("WebAuthn.getCredentials", { authenticatorId: this.authenticator });
    return credentials;
  }

  async carry(credentials) {
    for (const credential of credentials) {
      await this.cdp.send("WebAuthn.addCredential", { authenticatorId: this.authenticator, credential });
    }
  }

  async knows(owner) {
    await this.cdp.send("WebAuthn.setUserVerified", { authenticatorId: this.authenticator, isUserVerified: owner });
  }

  async goto(path) {
    await this.page.goto(site + path);
  }

  path() {
    return new URL(this.page.url()).pathname;
  }

  async text() {
    return this.page.locator("main").innerText();
  }

  async session() {
    const cookies = await this.context.cookies();
    return cookies.find((cookie) => cookie.name === "__Host-avouch");
  }

  /** Looks the page through: nothing that axe finds, nothing wider than the window, nothing that failed. */
  async look(name) {
    const page = this.page;
    const before = page.viewportSize();
    for (const [scheme, width] of [["light", 1100], ["light", 320], ["dark", 1100], ["dark", 320]]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: 800 });
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (sideways > 0) throw new Error(`${name} at ${width} px is ${sideways} px too wide`);
      if (shots) {
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: join(shots, `${name}-${scheme}-${width}.png`), fullPage: true });
      }
      const found = await this.axe();
      if (found.length) throw new Error(`${name} (${scheme}, ${width} px): ${JSON.stringify(found, null, 1)}`);
    }
    await page.setViewportSize(before);
    if (this.failures.length) throw new Error(`${name}: ${this.failures.join("; ")}`);
    console.log(`ok  ${name} looked through`);
  }

  async axe() {
    // The page lets nothing in that is not its own, so it comes by the debugger and not by the page.
    this.cdp ??= await this.context.newCDPSession(this.page);
    await this.cdp.send("Runtime.evaluate", { expression: axe, returnByValue: false });
    const expression = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
      .then((result) => result.violations.map(({ id, help, nodes }) => ({ id, help, at: nodes.map((node) => node.target.join(" ")) })))`;
    const { result, exceptionDetails } = await this.cdp.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(`axe: ${exceptionDetails.text}`);
    return result.value;
  }

  async leaves() {
    await this.context.close();
  }
}
