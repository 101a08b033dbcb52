//! Seals whose key is in a device or with a service: settings from the configuration, secrets from their files. A token or
//! credentials are read anew whenever they are needed, so that a file that was replaced counts at once.

use std::fs;
use std::path::Path;

use avouch_custody::{
    AwsKmsSeal, AwsKmsSettings, Credentials, KeyName, Pkcs11Seal, Pkcs11Settings, Reach, TransitSeal,
    TransitSettings,
};
use avouch_seal::SystemRandom;
use avouch_seal::root::{RootError, RootResult, SealKind};
use zeroize::Zeroizing;

use crate::config::{AwsKms, Pkcs11, Transit};
use crate::error::Error;
use crate::files;
use crate::host;

/// A key in a device; made there when it is not and `make` says so.
pub(super) fn pkcs11(config: &Pkcs11, make: bool) -> Result<Pkcs11Seal, Error> {
    let settings = Pkcs11Settings {
        module: config.module.clone(),
        token: config.token.clone(),
        key: KeyName::Label(config.key.clone()),
        pin: line(&config.pin_file)?,
    };
    let opened = match make {
        true => Pkcs11Seal::open_or_generate(&settings, &SystemRandom::new()),
        false => Pkcs11Seal::open(&settings),
    };
    opened.map_err(|error| Error::Seal(SealKind::Pkcs11, error))
}

/// A key in a transit engine, which is asked whether it could work.
pub(super) fn transit(config: &Transit) -> Result<TransitSeal, Error> {
    let settings = TransitSettings {
        namespace: config.namespace.clone(),
        mount: config.mount.clone(),
        reach: reach(config.ca.as_deref())?,
        ..TransitSettings::new(&config.address, &config.key)
    };
    let file = config.token_file.clone();
    let token = move || line(&file).map_err(unreadable);
    TransitSeal::new(settings, token).map_err(|error| Error::Seal(SealKind::Transit, error))
}

/// A key in AWS KMS.
pub(super) fn aws_kms(config: &AwsKms) -> Result<AwsKmsSeal, Error> {
    let settings = AwsKmsSettings {
        endpoint: config.endpoint.clone(),
        reach: reach(config.ca.as_deref())?,
        ..AwsKmsSettings::new(&config.region, &config.key)
    };
    let (file, profile) = (config.credentials_file.clone(), config.profile.clone());
    let credentials = move || {
        let text = files::read_secret(&file).map_err(unreadable)?;
        credentials(&text, &profile)
    };
    AwsKmsSeal::new(&settings, credentials, host::timestamp)
        .map_err(|error| Error::Seal(SealKind::AwsKms, error))
}

fn reach(ca: Option<&Path>) -> Result<Reach, Error> {
    let ca = ca.map(|path| fs::read(path).map_err(Error::file(path))).transpose()?;
    Ok(Reach { ca, ..Reach::default() })
}

/// A secret that is one line of a file.
fn line(path: &Path) -> Result<Zeroizing<String>, Error> {
    let text = files::read_secret(path)?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn unreadable(error: Error) -> RootError {
    RootError::Unreachable(error.to_string())
}

/// One profile of a credentials file as AWS's own programs write it: sections in brackets, `name = value` in each.
fn credentials(text: &str, profile: &str) -> RootResult<Credentials> {
    let section = |line: &str| line.strip_prefix('[')?.strip_suffix(']').map(|name| name.trim().to_owned());
    let mut inside = false;
    let (mut id, mut key, mut token) = (None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = section(line) {
            inside = name == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            let value = || Some(Zeroizing::new(value.trim().to_owned()));
            match name.trim() {
                "aws_access_key_id" => id = value(),
                "aws_secret_access_key" => key = value(),
                "aws_session_token" => token = value(),
                _ => {}
            }
        }
    }
    let missing =
        |what: &str| RootError::Unreachable(format!("the credentials file has no `{what}` in `[{profile}]`"));
    Ok(Credentials {
        access_key: id.ok_or_else(|| missing("aws_access_key_id"))?.to_string(),
        secret_key: key.ok_or_else(|| missing("aws_secret_access_key"))?,
        session_token: token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# made by a tool
[default]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key=not+this/one=

[ avouch ]
aws_access_key_id = AKIAAVOUCH
aws_secret_access_key = wJalr/EXAMPLE=KEY
aws_session_token = token
region = eu-central-1
";

    #[test]
    fn the_credentials_of_one_profile_are_read() {
        let found = credentials(FILE, "avouch").unwrap();
        assert_eq!(found.access_key, "AKIAAVOUCH");
        assert_eq!(*found.secret_key, "wJalr/EXAMPLE=KEY");
        assert_eq!(found.session_token.unwrap().as_str(), "token");
        assert!(credentials(FILE, "default").unwrap().session_token.is_none());
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_else() {
        let refused = |text: &str, profile: &str| credentials(text, profile).err().unwrap().to_string();
        insta::assert_snapshot!(refused(FILE, "other"), @"cannot be reached: the credentials file has no `aws_access_key_id` in `[other]`");
        insta::assert_snapshot!(refused("[default]\naws_access_key_id = AKIAX", "default"), @"cannot be reached: the credentials file has no `aws_secret_access_key` in `[default]`");
    }
}
