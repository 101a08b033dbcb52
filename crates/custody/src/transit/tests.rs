use avouch_seal::VaultId;

use super::*;

fn refused(change: impl FnOnce(&mut TransitSettings)) -> String {
    let mut settings = TransitSettings::new("https://bao.example.org:8200", "avouch");
    settings.reach.ca = None;
    change(&mut settings);
    let error = TransitSeal::new(settings, || Ok(Zeroizing::default())).expect_err("they are refused");
    assert!(matches!(error, RootError::Seal(Error::Parameters(_))), "{error:?}");
    error.to_string()
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let texts = [
        refused(|settings| settings.mount = "/transit/".to_owned()),
        refused(|settings| settings.mount = "transit/../sys".to_owned()),
        refused(|settings| settings.namespace = Some(String::new())),
        refused(|settings| settings.key = "avouch/../../sys".to_owned()),
        refused(|settings| settings.key = "avouch?list=true".to_owned()),
        refused(|settings| settings.address = "http://bao.example.org".to_owned()),
        refused(|settings| settings.reach.ca = Some(b"not pem".to_vec())),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    refused parameters: the mount of the transit engine is written as in `team/transit`
    refused parameters: the mount of the transit engine is written as in `team/transit`
    refused parameters: the namespace is written as in `company/team`
    refused parameters: a transit key is named by letters, digits, dots, lines and dashes
    refused parameters: a transit key is named by letters, digits, dots, lines and dashes
    refused parameters: the address is not on this machine, so it needs https
    refused parameters: there is no certificate among the pinned authorities
    ");
}

#[test]
fn a_ciphertext_is_known_by_its_form() {
    assert!(is_ciphertext("vault:v1:AAAA") && is_ciphertext("vault:v12:AAAAAA=="));
    for other in [
        "",
        "vault:v1:",
        "vault:v:AAAA",
        "vault:v-1:AAAA",
        "vault:v+1:AAAA",
        "vault:v0:AAAA",
        "vault:v01:AAAA",
        "vault:AAAA",
        "bao:v1:AAAA",
        "vault:v1:AAA",
        "vault:v1:A A=",
    ] {
        assert!(!is_ciphertext(other), "{other}");
    }
}

#[test]
fn a_namespace_is_part_of_the_name_however_it_is_written() {
    let header = |namespace: Option<&str>, mount: &str, key: &str| {
        let namespace = namespace.map(str::to_owned);
        let settings = TransitSettings {
            namespace,
            mount: mount.to_owned(),
            ..TransitSettings::new("http://localhost", key)
        };
        TransitSeal::new(settings, || Ok(Zeroizing::default())).expect("they are good").header
    };
    assert!(header(Some("team"), "transit", "avouch") == header(None, "team/transit", "avouch"));
    assert!(header(Some("team"), "transit", "avouch") != header(None, "transit", "avouch"));
    assert!(header(None, "transit", "avouch") != header(None, "transit", "avouch2"));
}

#[test]
fn the_associated_data_is_pinned() {
    let settings = TransitSettings::new("http://localhost", "avouch");
    let seal = TransitSeal::new(settings, || Ok(Zeroizing::default())).unwrap();
    let context = SealContext { vault: VaultId([1; 16]), purpose: labels::KEYRING_KEY, generation: 7 };
    let aad = BASE64.decode(seal.associated_data(&context).as_bytes()).unwrap();
    insta::assert_snapshot!(aad.escape_ascii(), @r"\x16\x00\x00\x00\x00\x00\x00\x00avouch/root/transit/v1\t\x00\x00\x00\x00\x00\x00\x00\x05\xd5x&\xafq\x82\x0e\xe7\x10\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x15\x00\x00\x00\x00\x00\x00\x00avouch/keyring-key/v1\x04\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00");
}
