#![doc = include_str!("../README.md")]

pub mod jwt;
pub mod totp;
