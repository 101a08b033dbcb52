//! A public key has one thumbprint, however it was written: that of its required members, which are a key
//! again. A set that may be registered is read the same when it is published.

use arbitrary::{Result, Unstructured};
use avouch_authn::jwt::jwk::{KeySet, PublicKey};

use crate::edits::text_or_edited;

/// Ed25519 (RFC 8037, appendix A.2) and P-256 (RFC 7515, appendix A.3), each under a name.
const GENUINE: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"},{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","use":"sig","kid":"b"}]}"#;

pub(super) fn check(input: Unstructured<'_>) -> Result<()> {
    let Some(text) = text_or_edited(input, GENUINE)? else { return Ok(()) };
    if let Ok(key) = PublicKey::parse(text.as_bytes()) {
        one_thumbprint(&key);
    }
    let published = KeySet::published(text.as_bytes());
    if let Ok(set) = KeySet::registered(text.as_bytes()) {
        let published = published.as_ref().expect("what is registered could be published");
        let ids = |set: &KeySet| set.keys().iter().map(|key| key.id().map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(ids(&set), ids(published));
    }
    published.iter().flat_map(KeySet::keys).for_each(one_thumbprint);
    Ok(())
}

fn one_thumbprint(key: &PublicKey) {
    let required = key.required_members();
    let again = PublicKey::parse(required.as_bytes()).expect("required members are a key");
    assert_eq!(again.required_members(), required);
    assert_eq!(again.thumbprint(), key.thumbprint());
    for private in ["d", "p", "q", "k"] {
        let more = required.replacen('{', &format!(r#"{{"{private}":"AA","#), 1);
        assert!(PublicKey::parse(more.as_bytes()).is_err());
    }
}
