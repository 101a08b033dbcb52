//! The seals against what they talk to: a real PKCS#11 module, and services on a loopback port that check what they are
//! asked and really encrypt.

mod pkcs11;
mod tokens;
