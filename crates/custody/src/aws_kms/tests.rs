use avouch_seal::VaultId;

use super::*;

const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

fn seal(change: impl FnOnce(&mut AwsKmsSettings)) -> RootResult<AwsKmsSeal> {
    let mut settings = AwsKmsSettings::new("eu-central-1", ID);
    change(&mut settings);
    let nobody = || Err(RootError::Refused("nobody asks".to_owned()));
    AwsKmsSeal::new(&settings, nobody, || Timestamp::UNIX_EPOCH)
}

#[test]
fn each_partition_has_its_endpoint() {
    let address = |region: &str| {
        seal(|settings| settings.region = region.to_owned())
            .expect("it is a region")
            .link
            .address()
            .to_string()
    };
    assert_eq!(address("eu-central-1"), "https://kms.eu-central-1.amazonaws.com");
    assert_eq!(address("us-gov-west-1"), "https://kms.us-gov-west-1.amazonaws.com");
    assert_eq!(address("cn-north-1"), "https://kms.cn-north-1.amazonaws.com.cn");
    assert_eq!(address("eusc-de-east-1"), "https://kms.eusc-de-east-1.amazonaws.eu");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let refused = |change: fn(&mut AwsKmsSettings)| {
        let error = seal(change).expect_err("it is refused");
        assert!(matches!(error, RootError::Seal(Error::Parameters(_))), "{error:?}");
        error.to_string()
    };
    let texts = [
        refused(|settings| settings.region = String::new()),
        refused(|settings| settings.region = "evil.example.org/#".to_owned()),
        refused(|settings| settings.key = "alias/avouch".to_owned()),
        refused(|settings| settings.endpoint = Some("http://kms.example.org".to_owned())),
        refused(|settings| settings.endpoint = Some("https://kms.example.org/kms".to_owned())),
    ];
    insta::assert_snapshot!(texts.join("\n"), @"
    refused parameters: the region is written as in `eu-central-1`
    refused parameters: the region is written as in `eu-central-1`
    refused parameters: an alias can be pointed at another key; name the key by its id or its ARN
    refused parameters: the address is not on this machine, so it needs https
    refused parameters: the endpoint of AWS KMS has no path
    ");
}

#[test]
fn a_key_is_one_root_by_its_id_and_by_its_arn() {
    let by_id = seal(|_| ()).unwrap();
    let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}");
    assert!(seal(|settings| settings.key = arn).unwrap().header == by_id.header);
    let replica = |region: &str| {
        let region = region.to_owned();
        seal(|settings| {
            settings.key = "mrk-1234abcd12ab34cd56ef1234567890ab".to_owned();
            settings.region = region;
        })
        .expect("it is a key")
    };
    assert!(replica("eu-central-1").header == replica("us-east-1").header);
    assert!(replica("eu-central-1").header != by_id.header);
}

#[test]
fn the_encryption_context_is_pinned() {
    let context = SealContext { vault: VaultId([0xab; 16]), purpose: labels::KEYRING_KEY, generation: 7 };
    insta::assert_snapshot!(serde_json::to_string_pretty(&encryption_context(&context)).unwrap(), @r#"
    {
      "avouch:generation": "7",
      "avouch:purpose": "avouch/keyring-key/v1",
      "avouch:seal": "avouch/root/aws-kms/v1",
      "avouch:vault": "abababababababababababababababab"
    }
    "#);
}

#[test]
fn an_endpoint_on_this_machine_may_keep_its_key_here() {
    let away = SealInfo { kind: SealKind::AwsKms, key_beside_data_possible: false, demo: false };
    assert_eq!(seal(|_| ()).unwrap().info(), away);
    let local = seal(|settings| settings.endpoint = Some("http://127.0.0.1:8080".to_owned())).unwrap();
    assert_eq!(local.info(), SealInfo { key_beside_data_possible: true, ..away });
}
