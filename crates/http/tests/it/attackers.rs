//! What somebody tries with the shape of a request. The rest stands where its subject is; docs/attacks.md has all of it.

use crate::house::House;

#[test]
fn dots_and_encodings_in_a_path_lead_nowhere() {
    let house = House::new();
    house.get(&house.admin, "/v1/principals").expect(200);
    for path in [
        "/v1/subjects/../principals",
        "/v1/subjects/%2e%2e/principals",
        "/v1/subjects/..%2fprincipals",
        "/v1/./principals",
        "/v1/%2e/principals",
        "//v1/principals",
        "/v1//principals",
        "/v1/principals/",
        "/V1/principals",
        "/v1/Principals",
        "/v1/principal%73",
        "/v1/principals;x=1",
        "/v1/principals/..%2f..%2fv1%2fprincipals",
        "/v1/transit-keys/..%2f..%2fprincipals",
        "/v1/transit-keys/../principals",
        "/scim/v2/Users/../../../v1/principals",
        "/console/../v1/principals",
        "/v1/ledger/1/tile/0/../../../../v1/principals",
        "/v1/ledger/1/tile/0/%2e%2e/%2e%2e",
    ] {
        let answer = house.get(&house.admin, path);
        assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!body.contains("Administrator"), "{path}: {body}");
    }
}
