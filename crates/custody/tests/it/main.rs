//! The seals against what they talk to: a real PKCS#11 module, and services on a loopback port that check what they are
//! asked and really encrypt.

mod bao;
mod pkcs11;
mod server;
mod tls;
mod tokens;
mod transit;
