//! How many requests are taken of whom.

use avouch_http::{Chain, ClientAddress, Rate, RateSettings};

use crate::house::{Answer, House, Request};

fn rate(burst: u32) -> Option<Rate> {
    // One in a while: none comes back during a test.
    Some(Rate::new(1.try_into().expect("not zero"), burst.try_into().expect("not zero")))
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn visitors_are_counted_by_their_network_and_nobody_else_waits_for_them() {
    let house = House::with(|settings| {
        settings.rates = RateSettings { visitors: rate(5), ..RateSettings::default() };
        settings.listeners[0].client = ClientAddress::Forwarded {
            chain: Chain::XForwardedFor,
            peers: vec!["127.0.0.0/8".parse().expect("a network")],
            hops: 1,
        };
    });
    let from = |address: &str, key: Option<&str>| {
        let request = Request::new(house.address, "GET", "/v1/principals").header("x-forwarded-for", address);
        key.into_iter().fold(request, Request::key).send()
    };
    for _ in 0..5 {
        assert_eq!(from("192.0.2.1", None).status, 401);
    }
    let answer = from("192.0.2.200", Some("avk_test_guessed"));
    assert_eq!(answer.status, 429);
    assert!(String::from_utf8_lossy(&answer.body).contains("/problems/rate-limited"));
    assert_eq!(header(&answer, "retry-after"), Some("1"));
    assert_eq!(header(&answer, "ratelimit-policy"), Some("\"visitors\";q=5;w=5"));
    assert_eq!(header(&answer, "ratelimit"), Some("\"visitors\";r=0;t=5"));
    // What is claimed further left is nobody's word.
    assert_eq!(from("203.0.113.9, 192.0.2.7", None).status, 429);
    assert_eq!(from("198.51.100.1", None).status, 401, "another network");
    assert_eq!(from("192.0.2.1", Some(&house.admin)).status, 200, "whoever shows who they are");
}

#[test]
fn a_person_is_counted_with_all_their_keys_and_a_service_only_if_it_is_said() {
    let house = House::with(|settings| {
        settings.rates = RateSettings { people: rate(40), ..RateSettings::default() };
    });
    let (one, another) = (house.key("staff", "dpo"), house.key("staff", "dpo"));
    let answers: Vec<Answer> = (0..45).map(|_| house.get(&one, "/v1/charter")).collect();
    assert_eq!(header(&answers[0], "ratelimit-policy"), Some("\"people\";q=40;w=40"));
    assert_eq!(header(&answers[0], "ratelimit"), Some("\"people\";r=39;t=1"));
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((40..=43).contains(&taken), "{taken}");
    assert_eq!(house.get(&another, "/v1/charter").status, 200);
    let service = house.key("service", "shop");
    let answer = house.get(&service, "/v1/charter");
    assert!(answer.status == 403 && header(&answer, "ratelimit").is_none());
}
