//! The published cases: the AWS Signature Version 4 test suite, and the example of the AWS documentation.

use super::*;

const DATE: &str = "20150830T123600Z";
const HOST: (&str, &str) = ("host", "example.amazonaws.com");
const AT: (&str, &str) = ("x-amz-date", DATE);

fn credentials() -> Credentials {
    Credentials {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
        session_token: None,
    }
}

fn moment() -> Moment {
    Moment::of("2015-08-30T12:36:00Z".parse().unwrap())
}

/// Canonical request, string to sign, and authorization, a blank line between them.
fn signed(request: &Request<'_>, service: &str) -> String {
    let scope = Scope { region: "us-east-1", service };
    let authorization = authorization(request, scope, &credentials(), &moment());
    format!("{}\n\n{}\n\n{authorization}", *canonical(request), to_sign(request, scope, &moment()))
}

fn get<'a>(query: &'a str, headers: &'a [(&'a str, &'a str)]) -> Request<'a> {
    Request { method: "GET", path: "/", query, headers, body: b"" }
}

#[test]
fn get_vanilla() {
    insta::assert_snapshot!(signed(&get("", &[HOST, AT]), "service"), @"
    GET
    /

    host:example.amazonaws.com
    x-amz-date:20150830T123600Z

    host;x-amz-date
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

    AWS4-HMAC-SHA256
    20150830T123600Z
    20150830/us-east-1/service/aws4_request
    bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63

    AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
    ");
}

#[test]
fn get_vanilla_query_order_key_case() {
    insta::assert_snapshot!(signed(&get("Param1=value1&Param2=value2", &[AT, HOST]), "service"), @"
    GET
    /
    Param1=value1&Param2=value2
    host:example.amazonaws.com
    x-amz-date:20150830T123600Z

    host;x-amz-date
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

    AWS4-HMAC-SHA256
    20150830T123600Z
    20150830/us-east-1/service/aws4_request
    816cd5b414d056048ba4f7c5386d6e0533120fb1fcfa93762cf0fc39e2cf19e0

    AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500
    ");
}

#[test]
fn get_vanilla_with_session_token() {
    let token = ("x-amz-security-token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267");
    insta::assert_snapshot!(signed(&get("", &[token, HOST, AT]), "service"), @"
    GET
    /

    host:example.amazonaws.com
    x-amz-date:20150830T123600Z
    x-amz-security-token:6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267

    host;x-amz-date;x-amz-security-token
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

    AWS4-HMAC-SHA256
    20150830T123600Z
    20150830/us-east-1/service/aws4_request
    067b36aa60031588cea4a4cde1f21215227a047690c72247f1d70b32fbbfad2b

    AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8
    ");
}

#[test]
fn post_header_key_sort() {
    let request = Request { method: "POST", ..get("", &[("my-header1", "value1"), AT, HOST]) };
    insta::assert_snapshot!(signed(&request, "service"), @"
    POST
    /

    host:example.amazonaws.com
    my-header1:value1
    x-amz-date:20150830T123600Z

    host;my-header1;x-amz-date
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

    AWS4-HMAC-SHA256
    20150830T123600Z
    20150830/us-east-1/service/aws4_request
    9368318c2967cf6de74404b30c65a91e8f6253e0a8659d6d5319f1a812f87d65

    AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;my-header1;x-amz-date, Signature=c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c
    ");
}

#[test]
fn post_x_www_form_urlencoded_parameters() {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        HOST,
        ("content-length", "13"),
        AT,
        ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"),
    ];
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: b"Param1=value1" };
    insta::assert_snapshot!(signed(&request, "service"), @"
    POST
    /

    content-length:13
    content-type:application/x-www-form-urlencoded; charset=utf-8
    host:example.amazonaws.com
    x-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e
    x-amz-date:20150830T123600Z

    content-length;content-type;host;x-amz-content-sha256;x-amz-date
    9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e

    AWS4-HMAC-SHA256
    20150830T123600Z
    20150830/us-east-1/service/aws4_request
    a89f1a5b53e37702ee6363ce1da3ce8f54386f3c8f352ae652153c2982a0bc4d

    AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-length;content-type;host;x-amz-content-sha256;x-amz-date, Signature=328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422
    ");
}

#[test]
fn post_vanilla_and_post_header_value_case() {
    let signature = |headers: &[(&str, &str)]| {
        let request = Request { method: "POST", path: "/", query: "", headers, body: b"" };
        signed(&request, "service").rsplit_once('=').expect("it ends with it").1.to_owned()
    };
    assert_eq!(signature(&[HOST, AT]), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    assert_eq!(
        signature(&[HOST, ("my-header1", "VALUE1"), AT]),
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"
    );
}

/// `ListUsers` of IAM, as the documentation walks through it.
#[test]
fn iam_list_users() {
    let headers = [
        ("host", "iam.amazonaws.com"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
        AT,
    ];
    let scope = Scope { region: "us-east-1", service: "iam" };
    assert_eq!(
        HEXLOWER.encode(signing_key(&credentials(), scope, &moment()).as_slice()),
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    );
    insta::assert_snapshot!(signed(&get("Action=ListUsers&Version=2010-05-08", &headers), "iam"), @"
    GET
    /
    Action=ListUsers&Version=2010-05-08
    content-type:application/x-www-form-urlencoded; charset=utf-8
    host:iam.amazonaws.com
    x-amz-date:20150830T123600Z

    content-type;host;x-amz-date
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

    AWS4-HMAC-SHA256
    20150830T123600Z
    20150830/us-east-1/iam/aws4_request
    f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59

    AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7
    ");
}

#[test]
fn a_moment_is_written_to_the_second_and_in_utc() {
    assert_eq!(moment().as_str(), DATE);
    let late = Moment::of("2026-12-31T23:59:59.999-05:00".parse().unwrap());
    assert_eq!((late.as_str(), late.day()), ("20270101T045959Z", "20270101"));
}

#[test]
fn credentials_that_are_none_are_refused() {
    let with = |change: fn(&mut Credentials)| {
        let mut changed = credentials();
        change(&mut changed);
        changed.check()
    };
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|all| all.session_token = Some(Zeroizing::new("AQoDYXdzEPT//x==".to_owned()))), Ok(()));
    for changed in [
        with(|all| all.access_key = String::new()),
        with(|all| all.access_key = "AKID/20150830".to_owned()),
        with(|all| all.secret_key = Zeroizing::default()),
        with(|all| all.secret_key = Zeroizing::new("geheim\n".to_owned())),
        with(|all| all.session_token = Some(Zeroizing::new("two words".to_owned()))),
        with(|all| all.session_token = Some(Zeroizing::default())),
    ] {
        let refused = changed.unwrap_err();
        assert!(matches!(&refused, RootError::Refused(text) if !text.contains("geheim")), "{refused:?}");
    }
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(format!("{:?}", credentials()), r#"Credentials { access_key: "AKIDEXAMPLE", .. }"#);
}
