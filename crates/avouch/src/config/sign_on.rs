//! Where people may log in instead: `[[sign_on]]`, once for each identity provider. Its secret stands in a file of its own, never here.

use std::collections::HashSet;
use std::path::PathBuf;

use avouch_core::gate::people::unfit_provider;
use serde::{Deserialize, Serialize};

use super::Config;

/// More are a mistake rather than a choice.
const MOST: usize = 8;

/// One provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOn {
    /// In addresses of ours, which are registered there.
    pub(crate) name: String,
    /// What its button says.
    pub(crate) label: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) two_factors_acr: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) two_factors_amr: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) phishing_resistant_acr: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) phishing_resistant_amr: Vec<String>,
    /// The only authorities to trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

impl SignOn {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.client_secret_file, &mut self.ca].into_iter().flatten()
    }

    /// Our address that is registered there.
    pub(crate) fn redirect_uri(&self, origin: &str) -> String {
        format!("{origin}/console/sign-on/{}/callback", self.name)
    }
}

impl Config {
    /// What no setting of the machine could mend.
    pub(super) fn sign_on_faults(&self, faults: &mut Vec<String>) {
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("[[sign_on]] {text}"));
            }
        };
        check(self.sign_on.len() > MOST, "at most 8 of them");
        check(
            !self.sign_on.is_empty() && self.origin().is_none(),
            "goes with origin in [people]: a provider sends browsers back to an address",
        );
        let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
        for one in &self.sign_on {
            let simple = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            check(
                !(1..=40).contains(&one.name.len()) || !one.name.bytes().all(simple),
                "name is 1 to 40 of a-z, 0-9 and -",
            );
            check(!names.insert(&one.name), "two have the same name");
            // The same person would be another one by it, or not, as chance has it.
            check(!issuers.insert(&one.issuer), "two have the same issuer");
            let fits = (1..=60).contains(&one.label.trim().chars().count());
            check(!fits || one.label.chars().any(char::is_control), "label is 1 to 60 characters");
            let visible = |text: &String| {
                (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
            };
            check(!visible(&one.client_id), "client_id is 1 to 256 visible characters");
            let acr = [&one.two_factors_acr[..], &one.phishing_resistant_acr].concat();
            if let Some(text) = unfit_provider(&one.issuer, &one.scopes, &acr) {
                check(true, &text);
            }
            let amr = [&one.two_factors_amr[..], &one.phishing_resistant_amr].concat();
            check(amr.len() > 32 || !amr.iter().all(visible), "values of amr are words without blanks");
        }
    }
}
