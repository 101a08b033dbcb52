// What an authenticator app shows: RFC 6238, by Node's own cryptography.

import { createHmac } from "node:crypto";

const STEP = 30_000;

/// Waits for the next code: what was shown has counted.
export function another() {
  return new Promise((done) => setTimeout(done, STEP - (Date.now() % STEP)));
}

/// Waits for another code where little is left of the one that is shown.
export async function unhurried() {
  if (STEP - (Date.now() % STEP) < 5_000) await another();
}

export function totp(secret) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((character) => alphabet.indexOf(character).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = digest[19] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
