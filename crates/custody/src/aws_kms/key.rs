//! The key's name, and what KMS says of the key.

use avouch_seal::{
    Error, Result,
    root::{RootError, RootResult},
};
use serde::Deserialize;

/// The id or ARN of one key. An alias is none.
#[derive(Clone, Debug)]
pub(super) struct KeyId {
    sent: String,
    /// Where in `sent` the id begins.
    id_at: usize,
}

impl KeyId {
    /// Reads `1234abcd-…`, `mrk-…`, or `arn:…:kms:<region>:<account>:key/<id>`.
    pub(super) fn read(text: &str, region: &str) -> Result<Self> {
        let id_at = match text.strip_prefix("arn:") {
            None => 0,
            Some(rest) => {
                let parts: Vec<_> = rest.splitn(5, ':').collect();
                let [_, "kms", of, _, resource] = parts.as_slice() else {
                    return Err(Error::Parameters("the ARN is not that of an AWS KMS key"));
                };
                if *of != region {
                    return Err(Error::Parameters("the ARN of the key names another region"));
                }
                let id = resource.strip_prefix("key/").ok_or(ALIAS)?;
                text.len() - id.len()
            }
        };
        let key = Self { sent: text.to_owned(), id_at };
        if key.id().starts_with("alias/") {
            return Err(ALIAS);
        }
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if key.id().len() < 32 || key.id().len() > 64 || !key.id().bytes().all(sound) {
            return Err(Error::Parameters("an AWS KMS key is named by its id or its ARN"));
        }
        Ok(key)
    }

    /// As the settings have it.
    pub(super) fn sent(&self) -> &str {
        &self.sent
    }

    /// The last part alone.
    pub(super) fn id(&self) -> &str {
        self.sent.get(self.id_at..).unwrap_or_default()
    }

    /// Whether an answer's id or ARN is this key's.
    pub(super) fn is(&self, other: &str) -> bool {
        other.rsplit('/').next() == Some(self.id())
    }
}

const ALIAS: Error =
    Error::Parameters("an alias can be pointed at another key; name the key by its id or its ARN");

/// An answer to `DescribeKey`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Described {
    key_metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    key_id: String,
    key_state: String,
    key_usage: String,
    key_spec: String,
}

impl Described {
    /// Refuses a key that cannot seal a keyring now.
    pub(super) fn can_seal(&self, key: &KeyId) -> RootResult<()> {
        let Metadata { key_id, key_state, key_usage, key_spec } = &self.key_metadata;
        let state = match key_state.as_str() {
            // A key whose settings are being changed works on.
            "Enabled" | "Updating" => None,
            "Disabled" => Some("it is disabled; enable it"),
            "PendingDeletion" | "PendingReplicaDeletion" => {
                Some("it is about to be deleted, and the keyring with it; cancel that now")
            }
            "PendingImport" => Some("it has no key material; import it"),
            _ => Some("it is not ready for use; see its state"),
        };
        let wrong = if !key.is(key_id) {
            Some("it answers for another one")
        } else if key_usage != "ENCRYPT_DECRYPT" || key_spec != "SYMMETRIC_DEFAULT" {
            Some("it is not a symmetric key for encryption; make one for this alone")
        } else {
            state
        };
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(RootError::Refused(format!("the key `{}` cannot be used: {wrong}", key.id()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn an_id_and_its_arn_are_one_key() {
        for text in [
            ID.to_owned(),
            format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}"),
            format!("arn:aws-us-gov:kms:eu-central-1:111122223333:key/{ID}"),
        ] {
            let key = KeyId::read(&text, "eu-central-1").unwrap();
            assert_eq!((key.id(), key.sent()), (ID, text.as_str()));
            assert!(key.is(ID) && key.is(&format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}")));
            assert!(!key.is("") && !key.is(&ID[1..]) && !key.is(&format!("x{ID}")));
        }
        assert!(KeyId::read("mrk-1234abcd12ab34cd56ef1234567890ab", "eu-central-1").is_ok());
    }

    #[test]
    fn what_names_no_single_key_is_refused() {
        let refused = |text: &str| KeyId::read(text, "eu-central-1").unwrap_err().to_string();
        let texts = [
            refused("alias/avouch"),
            refused("arn:aws:kms:eu-central-1:111122223333:alias/avouch"),
            refused(&format!("arn:aws:kms:us-east-1:111122223333:key/{ID}")),
            refused(&format!("arn:aws:s3:eu-central-1:111122223333:key/{ID}")),
            refused("arn:aws:kms"),
            refused(""),
            refused(&ID.to_uppercase()),
            refused(&format!("{ID}/x")),
        ];
        insta::assert_snapshot!(texts.join("\n"), @"
        refused parameters: an alias can be pointed at another key; name the key by its id or its ARN
        refused parameters: an alias can be pointed at another key; name the key by its id or its ARN
        refused parameters: the ARN of the key names another region
        refused parameters: the ARN is not that of an AWS KMS key
        refused parameters: the ARN is not that of an AWS KMS key
        refused parameters: an AWS KMS key is named by its id or its ARN
        refused parameters: an AWS KMS key is named by its id or its ARN
        refused parameters: an AWS KMS key is named by its id or its ARN
        ");
    }
}
