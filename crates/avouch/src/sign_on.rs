//! The way to the identity providers of the configuration. Core says what is asked and judges the answer; here is the line.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use avouch_core::gate::people::{Provider, ProviderLine, TokenRequest, Vouched};
use zeroize::Zeroizing;

use crate::config::{Config, SignOn};
use crate::error::Error;
use crate::files;

/// How long a provider may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Line(avouch_client::Provider);

impl ProviderLine for Line {
    fn fetch(&self, url: &str, most: usize) -> Result<Vec<u8>, String> {
        self.0.document(url, most).map_err(|error| error.to_string())
    }

    fn redeem(&self, request: &TokenRequest) -> Result<Vec<u8>, String> {
        let authorization = request.authorization.as_ref().map(|header| header.as_str());
        self.0.form(&request.url, authorization, &request.body).map_err(|error| error.to_string())
    }
}

/// One of the configuration. It is not asked yet.
///
/// # Errors
/// A file that cannot be read, or does not hold what it should.
pub(crate) fn provider(config: &Config, settings: &SignOn) -> Result<Provider, Error> {
    let unusable = |text: &str| Error::Usage(format!("[[sign_on]] `{}`: {text}", settings.name));
    // That there is one was looked at when the configuration was read.
    let origin = config.origin().ok_or_else(|| unusable("there is no origin in [people]"))?;
    let ca = settings.ca.as_ref().map(|path| fs::read(path).map_err(Error::file(path))).transpose()?;
    let line = avouch_client::Provider::new(&settings.issuer, ca.as_deref(), TIMEOUT)
        .map_err(|error| unusable(&error.to_string()))?;
    let secret = settings.client_secret_file.as_deref().map(files::read_secret).transpose()?;
    let secret = secret.map(|text| Zeroizing::new(text.trim().to_owned()));
    if secret.as_ref().is_some_and(|secret| secret.is_empty()) {
        return Err(unusable("client_secret_file holds nothing"));
    }
    let vouched = |acr: &[String], amr: &[String]| Vouched { acr: acr.to_vec(), amr: amr.to_vec() };
    Ok(Provider {
        name: settings.name.clone(),
        label: settings.label.trim().to_owned(),
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        secret,
        redirect_uri: settings.redirect_uri(&origin),
        scopes: settings.scopes.clone(),
        two_factors: vouched(&settings.two_factors_acr, &settings.two_factors_amr),
        resistant: vouched(&settings.phishing_resistant_acr, &settings.phishing_resistant_amr),
        line: Arc::new(Line(line)),
    })
}
