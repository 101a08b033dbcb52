//! To a program, as Standard Webhooks has it: a POST of JSON, with an id, the time, and a signature over all three by a secret that the
//! receiver has as well. It answers 2xx when it has the message.

use std::fs;

use avouch_client::{Post, PostOptions};
use avouch_core::MessageId;
use avouch_core::outbox::Notice;
use data_encoding::BASE64;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::TIMEOUT;
use crate::config::Webhook;
use crate::error::Error;
use crate::files;

/// See the module.
pub(super) struct Hook {
    post: Post,
    secret: Zeroizing<Vec<u8>>,
}

impl Hook {
    /// # Errors
    /// A URL or a secret that is none.
    pub(super) fn new(hook: &Webhook) -> Result<Self, Error> {
        let unusable = |reason: &str| Error::Usage(format!("webhook `{}`: {reason}", hook.name));
        let text = files::read_secret(&hook.secret_file)?;
        let secret = text.trim().strip_prefix("whsec_").and_then(|key| BASE64.decode(key.as_bytes()).ok());
        let secret = secret.filter(|key| (24..=64).contains(&key.len())).map(Zeroizing::new);
        let secret = secret.ok_or_else(|| {
            unusable("secret_file holds `whsec_` and then 24 to 64 random bytes in base64, as `openssl rand -base64 32` prints them")
        })?;
        let read = |path: &std::path::PathBuf| fs::read(path).map_err(Error::file(path));
        let options = PostOptions {
            url: hook.url.clone(),
            ca: hook.ca.as_ref().map(read).transpose()?,
            identity: None,
            token: None,
            plain_http: false,
            timeout: TIMEOUT,
        };
        let post = Post::new(&options).map_err(|error| unusable(&error.to_string()))?;
        Ok(Self { post, secret })
    }

    /// Sends it; `now` in microseconds UTC.
    pub(super) fn send(&self, id: MessageId, now: i64, notice: &Notice) -> Result<(), String> {
        let body = body(notice).to_string();
        let (id, at) = (format!("msg_{id}"), now.div_euclid(1_000_000).to_string());
        let signature = sign(&self.secret, &id, &at, body.as_bytes());
        let headers = [("webhook-id", &*id), ("webhook-timestamp", &*at), ("webhook-signature", &*signature)];
        self.post.send_with(body.as_bytes(), "application/json", &headers).map_err(|error| error.to_string())
    }
}

/// `"v1," base64(HMAC-SHA-256(secret, id "." time "." body))`.
fn sign(secret: &[u8], id: &str, at: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
}

fn body(notice: &Notice) -> serde_json::Value {
    match notice {
        Notice::Alarm { id, kind, principal, at } => serde_json::json!({
            "type": "alarm.raised",
            "timestamp": super::time(*at),
            "data": {
                "id": id.to_string(),
                "kind": kind.name(),
                "about": kind.about(),
                "principal": principal.to_string(),
            },
        }),
        Notice::Code { to, code, until } => serde_json::json!({
            "type": "code.send",
            "timestamp": super::time(*until - 300_000_000),
            "data": {
                "to": to.reveal(),
                "code": code.reveal(),
                "until": super::time(*until),
            },
        }),
        Notice::Account { what, with, client, country, at } => serde_json::json!({
            "type": "account.changed",
            "timestamp": super::time(*at),
            "data": {
                "kind": what.name(),
                "about": what.about(),
                "with": with,
                "client": client,
                "country": country,
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = BASE64.decode(b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
