#![doc = include_str!("../README.md")]

mod api;
mod client_address;
mod compat;
mod console;
mod extract;
mod face;
mod json;
mod layers;
mod metrics;
mod openapi;
mod page;
mod people;
mod perform;
mod problem;
mod query;
mod rates;
mod render;
mod scim;
mod server;
mod service;
mod services;
mod settings;
mod tls;
mod wiped;
pub mod witness;

pub use api::{event_lines, known_backups};
pub use client_address::forwarded::Chain;
pub use face::Face;
pub use json::strict_json;
pub use openapi::openapi;
pub use problem::Failure;
pub use server::{GRACE, Server, bind};
pub use settings::{
    ClientAddress, ClientCa, ListenerSettings, LookAtMemory, LookAtSiem, MetricsSettings, NextSeal, Rate,
    RateSettings, Settings, Tls,
};
