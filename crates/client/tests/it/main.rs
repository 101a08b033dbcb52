//! The client against a scripted server on a loopback port: what is sent, what is tried again, and what is not.

mod calls;
mod exports;
mod repeats;
mod server;
mod tls;
