// Passkeys: the one thing that a page cannot do without a script. It talks to this server's API and to nothing else.
"use strict";

const message = document.querySelector("#message");

function say(text, bad) {
  if (!message) return;
  message.textContent = text;
  message.classList.toggle("bad", Boolean(bad));
  message.hidden = !text;
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
  });
  const text = await answer.text();
  const value = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Problem(value);
  return value;
}

class Problem extends Error {
  constructor(problem) {
    super(problem.detail || "This did not work.");
    this.kind = problem.type;
  }
}

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) =>
  buffer && btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

// What newer browsers do themselves.
function options(json) {
  const credentials = (list) => list && list.map((one) => ({ ...one, id: bytes(one.id) }));
  const user = json.user && { ...json.user, id: bytes(json.user.id) };
  return {
    ...json,
    challenge: bytes(json.challenge),
    ...(user && { user }),
    ...(json.excludeCredentials && { excludeCredentials: credentials(json.excludeCredentials) }),
    ...(json.allowCredentials && { allowCredentials: credentials(json.allowCredentials) }),
  };
}

function answer(credential) {
  const response = credential.response;
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    extensions: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      ...(response.attestationObject && {
        attestationObject: text(response.attestationObject),
        transports: response.getTransports ? response.getTransports() : undefined,
      }),
      ...(response.signature && {
        authenticatorData: text(response.authenticatorData),
        signature: text(response.signature),
        userHandle: text(response.userHandle),
      }),
    },
  };
}

const plainly = {
  NotAllowedError: "Nothing was shown in time, or it was cancelled. Try again when you are ready.",
  InvalidStateError: "This device has a passkey for you already.",
  SecurityError: "This page is not at the address that passkeys are made for. Tell whoever runs this server.",
};

async function attempt(button, work) {
  button.disabled = true;
  say("");
  try {
    await work();
  } catch (error) {
    say(plainly[error.name] || error.message, true);
  } finally {
    button.disabled = false;
  }
}

const logIn = document.querySelector("#passkey-login");
if (logIn) {
  logIn.hidden = !window.PublicKeyCredential;
  logIn.addEventListener("click", () =>
    attempt(logIn, async () => {
      const { publicKey } = await post("/v1/login/passkey");
      const credential = await navigator.credentials.get({ publicKey: options(publicKey) });
      await post("/v1/login", { passkey: answer(credential) });
      location.assign(logIn.dataset.to);
    }),
  );
}

const enrol = document.querySelector("#passkey-enrol");
if (enrol) {
  enrol.hidden = !window.PublicKeyCredential;
  enrol.addEventListener("click", () =>
    attempt(enrol, async () => {
      const { publicKey } = await post("/v1/account/passkeys/begin");
      const credential = await navigator.credentials.create({ publicKey: options(publicKey) });
      const label = document.querySelector("#passkey-label").value.trim() || "Passkey";
      await post("/v1/account/passkeys", { label, passkey: answer(credential) });
      location.assign(enrol.dataset.to);
    }),
  );
}

// A one-time link has its secret behind the `#`, which the browser sends nowhere: it is put into the form, and out of the address.
const welcome = document.querySelector("#welcome");
if (welcome && location.hash.length > 1) {
  welcome.elements.link.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}
