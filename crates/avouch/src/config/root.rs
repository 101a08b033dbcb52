//! What opens the vault: `[root]`, and `[root.next]` for what will.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A root seal. Secrets stand in files of their own, never here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Root {
    pub(crate) seal: Seal,
    /// Of a key file or passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<PathBuf>,
    /// The name of a systemd credential in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pkcs11: Option<Pkcs11>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transit: Option<Transit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aws_kms: Option<AwsKms>,
    /// What `avouch keys reseal` puts in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Box<Self>>,
}

/// The kinds of root seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Seal {
    #[default]
    KeyFile,
    Passphrase,
    Pkcs11,
    Transit,
    AwsKms,
}

/// A key in a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pkcs11 {
    pub(crate) module: PathBuf,
    /// The token's label.
    pub(crate) token: String,
    /// The key's label.
    pub(crate) key: String,
    pub(crate) pin_file: PathBuf,
}

/// A key in a transit engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transit {
    pub(crate) address: String,
    #[serde(default = "transit")]
    pub(crate) mount: String,
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    pub(crate) token_file: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

fn transit() -> String {
    "transit".to_owned()
}

/// A key in AWS KMS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwsKms {
    pub(crate) region: String,
    /// Its id or ARN.
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// As AWS's own programs write it.
    pub(crate) credentials_file: PathBuf,
    #[serde(default = "default_profile")]
    pub(crate) profile: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
}

fn default_profile() -> String {
    "default".to_owned()
}

impl Root {
    /// This one and the next, with the names of their sections.
    pub(crate) fn both(&self) -> impl Iterator<Item = (&'static str, &Self)> {
        core::iter::once(("[root]", self)).chain(self.next.as_deref().map(|next| ("[root.next]", next)))
    }

    /// The files that hold its secrets, with the names of their keys.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [
            ("path", self.path.as_deref()),
            ("pkcs11.pin_file", self.pkcs11.as_ref().map(|it| it.pin_file.as_path())),
            ("transit.token_file", self.transit.as_ref().map(|it| it.token_file.as_path())),
            ("aws_kms.credentials_file", self.aws_kms.as_ref().map(|it| it.credentials_file.as_path())),
        ]
        .into_iter()
        .filter_map(|(name, path)| Some((name, path?)))
    }

    /// Every path in it, the next's too.
    pub(super) fn paths(&mut self) -> Vec<&mut PathBuf> {
        let Self { path, pkcs11, transit, aws_kms, next, .. } = self;
        let mut paths: Vec<&mut PathBuf> = path.iter_mut().collect();
        if let Some(Pkcs11 { module, pin_file, .. }) = pkcs11 {
            paths.extend([module, pin_file]);
        }
        if let Some(Transit { token_file, ca, .. }) = transit {
            paths.push(token_file);
            paths.extend(ca);
        }
        if let Some(AwsKms { credentials_file, ca, .. }) = aws_kms {
            paths.push(credentials_file);
            paths.extend(ca);
        }
        paths.extend(next.iter_mut().flat_map(|next| next.paths()));
        paths
    }

    /// What no setting of the machine could mend.
    pub(super) fn faults(&self, section: &str, faults: &mut Vec<String>) {
        let mut check = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("{section} {text}"));
            }
        };
        let file = matches!(self.seal, Seal::KeyFile | Seal::Passphrase);
        check(self.path.is_some() && self.credential.is_some(), "path and credential: give one of them");
        let named = |name: &str| !name.is_empty() && !name.contains('/') && name != "." && name != "..";
        check(
            self.credential.as_deref().is_some_and(|name| !named(name)),
            "credential is the name of a credential, not a path",
        );
        check(
            !file && (self.path.is_some() || self.credential.is_some()),
            "path and credential go with seal = \"key-file\" or \"passphrase\"",
        );
        for (seal, there, wanted) in [
            (Seal::Pkcs11, self.pkcs11.is_some(), "seal = \"pkcs11\" and a table `pkcs11` go together"),
            (Seal::Transit, self.transit.is_some(), "seal = \"transit\" and a table `transit` go together"),
            (Seal::AwsKms, self.aws_kms.is_some(), "seal = \"aws-kms\" and a table `aws_kms` go together"),
        ] {
            check((self.seal == seal) != there, wanted);
        }
        if let Some(next) = &self.next {
            check(next.next.is_some(), "next has no next of its own");
            let file = matches!(next.seal, Seal::KeyFile | Seal::Passphrase);
            check(
                file && next.path.is_none() && next.credential.is_none(),
                "next wants path or credential: it is another one than this",
            );
        }
    }
}
