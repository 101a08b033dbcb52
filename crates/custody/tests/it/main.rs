//! The seals against what they talk to: a real PKCS#11 module, and services on a loopback port that check
//! what they are asked and really encrypt.

mod aws_kms;
mod bao;
mod kms;
mod pkcs11;
mod server;
mod tls;
mod tokens;
mod transit;
