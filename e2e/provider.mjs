// A real identity provider on this machine: `oidc-provider`, with one page of ours on which somebody says who they are and what they show.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const modules = join(process.env.AVOUCH_E2E_MODULES, "node_modules");
const { Provider } = await import(pathToFileURL(join(modules, "oidc-provider/lib/index.js")));

/** Serves one at `issuer` for the client at `site`; `asked` holds the parameters of each log-in, newest last. */
export async function provider(issuer, site, secret) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...privateKey.export({ format: "jwk" }), kid: "first", use: "sig", alg: "ES256" };
  const asked = [];
  const told = [];
  const op = new Provider(issuer, {
    clients: [
      {
        client_id: "avouch",
        client_secret: secret,
        redirect_uris: [`${site}/console/sign-on/house/callback`],
        response_types: ["code"],
        grant_types: ["authorization_code"],
        token_endpoint_auth_method: "client_secret_basic",
        id_token_signed_response_alg: "ES256",
        // The server listens on this address; a name may lead to another one first.
        backchannel_logout_uri: `${site.replace("localhost", "127.0.0.1")}/v1/login/sign-on/house/logout`,
        backchannel_logout_session_required: true,
      },
    ],
    jwks: { keys: [key] },
    // Its own way out refuses this machine, where the server of the test is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    cookies: { keys: ["a key of the test"] },
    acrValues: ["mfa", "phr"],
    features: {
      backchannelLogout: { enabled: true },
      claimsParameter: { enabled: true },
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true },
    },
    pkce: { required: () => true },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // Nobody is asked whether they agree: it is their company's.
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc;
      const grant = new op.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope("openid");
      grant.addOIDCClaims(["acr", "auth_time", "sid"]);
      await grant.save();
      return grant;
    },
    renderError: (ctx, out, error) => {
      ctx.type = "html";
      ctx.body = `<p>${out.error}: ${out.error_description ?? ""} ${error?.message ?? ""}</p>`;
    },
  });
  op.on("backchannel.success", () => told.push("success"));
  op.on("backchannel.error", (_, error) => told.push(`${error} ${error.cause ?? ""}`));
  op.on("server_error", (_, error) => console.error(error));

  const usual = op.callback();
  const server = createServer(async (request, response) => {
    if (request.url.startsWith("/auth?")) asked.push(Object.fromEntries(new URL(request.url, issuer).searchParams));
    if (!request.url.startsWith("/interaction/")) return usual(request, response);
    try {
      if (request.method === "GET") {
        response.setHeader("content-type", "text/html");
        return response.end(`<!doctype html><title>Who are you?</title><form method="post">
          <label>Name <input name="name"></label> <label>Shown <input name="acr" value="mfa"></label>
          <button>Go on</button></form>`);
      }
      let body = "";
      for await (const piece of request) body += piece;
      const form = new URLSearchParams(body);
      const login = { accountId: form.get("name"), acr: form.get("acr"), remember: true };
      return await op.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
    } catch (error) {
      response.statusCode = 500;
      return response.end(String(error));
    }
  });
  await new Promise((listening) => server.listen(Number(new URL(issuer).port), "127.0.0.1", listening));
  return { asked, told, stops: () => server.close() };
}
