use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn csv(text: &str) -> Atlas {
    let mut atlas = Atlas::default();
    atlas.add_csv(text.as_bytes()).unwrap();
    atlas
}

fn refusal(text: &str) -> String {
    Atlas::default().add_csv(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn the_smallest_network_says_it_and_what_is_in_none_is_unknown() {
    let atlas = csv("\u{feff}network,asn,country,name\n\
         # remarks are passed over\n\
         198.51.0.0/16,AS64500,DE,\"Somebody, Inc.\"\n\
         198.51.100.0/24,64501,pt,Other\n\
         198.51.100.128/25,64502,,None\n\
         2001:db8::/32,64503,SE,Six\n");
    let known = |text: &str| {
        let spot = atlas.spot(at(text));
        (spot.asn, spot.country.map(|code| String::from_utf8(code.to_vec()).unwrap()))
    };
    assert_eq!(known("198.51.99.255"), (Some(64_500), Some("DE".to_owned())));
    assert_eq!(known("198.51.100.0"), (Some(64_501), Some("PT".to_owned())));
    assert_eq!(known("::ffff:198.51.100.127"), (Some(64_501), Some("PT".to_owned())));
    assert_eq!(known("198.51.100.128"), (Some(64_502), None));
    assert_eq!(known("198.51.101.0"), (Some(64_500), Some("DE".to_owned())));
    assert_eq!(known("198.52.0.0"), (None, None));
    assert_eq!(known("198.50.255.255"), (None, None));
    assert_eq!(known("2001:db8:ffff::1"), (Some(64_503), Some("SE".to_owned())));
    assert_eq!(known("2001:db9::"), (None, None));
    // Two files: each says what the one before does not.
    let mut both = csv("first,last,asn\n203.0.113.0,203.0.113.99,64510\n");
    both.add_csv("network,country\n203.0.113.0/24,FR\n".as_bytes()).unwrap();
    both.add_anonymous("203.0.113.7\n".as_bytes()).unwrap();
    let spot = both.spot(at("203.0.113.7"));
    assert_eq!((spot.asn, spot.country, spot.anonymous), (Some(64_510), Some(*b"FR"), true));
    let spot = both.spot(at("203.0.113.100"));
    assert_eq!((spot.asn, spot.country, spot.anonymous), (None, Some(*b"FR"), false));
}

#[test]
fn of_what_no_public_network_has_nothing_is_known() {
    let atlas = csv("network,country,anonymous\n0.0.0.0/0,DE,1\n::/0,DE,1\n");
    for private in [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.7.7",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.1",
    ] {
        assert_eq!(atlas.spot(at(private)), Spot::default(), "{private}");
    }
    for public in [
        "100.128.0.1",
        "172.32.0.1",
        "8.8.8.8",
        "2001:db8::1",
        "255.255.255.255",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ] {
        assert!(atlas.spot(at(public)).anonymous, "{public}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, said) in [
        ("", "line 1: the file is empty"),
        ("a,b\n", "line 1: expected a header with `network`, or with `first` and `last`"),
        (
            "network,name\n",
            "line 1: expected a column `asn`, `country`, `latitude` and `longitude`, or `anonymous`",
        ),
        ("network,asn,asn\n", "line 1: the header names a column twice"),
        ("network,latitude\n", "line 1: expected `latitude` and `longitude`, or neither"),
        ("network,asn\n192.0.2.0/33,1\n", "line 2: expected a network"),
        ("network,asn\n192.0.2.0/24,1\n\nhouse,1\n", "line 4: expected a network"),
        ("first,last,asn\n192.0.2.9,192.0.2.1,1\n", "line 2: expected a network"),
        ("first,last,asn\n192.0.2.9,::1,1\n", "line 2: expected a network"),
        ("network,asn\n192.0.2.0/24,ASx\n", "line 2: expected a number for `asn`, with or without `AS`"),
        ("network,country\n192.0.2.0/24,Germany\n", "line 2: expected two letters for `country`"),
        (
            "network,latitude,longitude\n192.0.2.0/24,91,0\n",
            "line 2: expected degrees for `latitude` and `longitude`",
        ),
        (
            "network,anonymous\n192.0.2.0/24,maybe\n",
            "line 2: expected `1`, `0`, `true` or `false` for `anonymous`",
        ),
        (
            "first,last,asn\n192.0.2.0,192.0.2.9,1\n192.0.2.5,192.0.2.12,2\n",
            "two networks overlap, and neither lies in the other",
        ),
        (
            "network,asn\n192.0.2.0/24,1\n192.0.2.0/24,2\n",
            "a network is there twice, and not the same is said of it",
        ),
    ] {
        assert_eq!(refusal(text), said, "{text}");
    }
    let long = format!("network,asn\n192.0.2.0/24,{}\n", "1".repeat(5_000));
    assert_eq!(refusal(&long), "line 2: the line is longer than 4096 bytes");
    assert_eq!(csv("network,asn\n192.0.2.0/24,1\n192.0.2.0/24,1\n").spot(at("192.0.2.1")).asn, Some(1));
    let anonymous = Atlas::default().add_anonymous("# Tor\n192.0.2.1\nexit.example\n".as_bytes());
    assert_eq!(
        anonymous.unwrap_err().to_string(),
        "line 3: expected an address or a network, such as 192.0.2.0/24"
    );
    let none = Atlas::default().add_database(&b"network,asn\n"[..]);
    assert_eq!(none.unwrap_err().to_string(), "this is no MaxMind database (MMDB)");
}

#[test]
fn nobody_is_in_lisbon_and_an_hour_later_in_sydney() {
    let point = |latitude, longitude| Point::new(latitude, longitude).unwrap();
    let (lisbon, berlin, sydney) = (point(38.72, -9.14), point(52.52, 13.4), point(-33.87, 151.21));
    assert!((lisbon.kilometres(berlin) - 2_313.0).abs() < 10.0, "{}", lisbon.kilometres(berlin));
    assert!((berlin.kilometres(sydney) - 16_094.0).abs() < 30.0, "{}", berlin.kilometres(sydney));
    assert!((point(0.0, 179.9).kilometres(point(0.0, -179.9)) - 22.2).abs() < 0.1, "across the date line");
    assert!(lisbon.is_out_of_reach(sydney, 3_600) && !lisbon.is_out_of_reach(sydney, 20 * 3_600));
    assert!(lisbon.is_out_of_reach(berlin, 1_800) && !lisbon.is_out_of_reach(berlin, 3 * 3_600));
    assert!(!lisbon.is_out_of_reach(point(41.15, -8.61), 0), "Porto is the same place");
    assert!(Point::new(f64::NAN, 0.0).is_none() && Point::new(0.0, 181.0).is_none());
}

/// A database as MaxMind's format has it, with one entry for each network of IPv6 (IPv4 beneath `::/96`).
pub(super) fn database(entries: &[(&str, &[(&str, Value)])]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut tree: Vec<[Option<Next>; 2]> = vec![[None; 2]];
    for (text, entry) in entries {
        let offset = data.len();
        write_map(&mut data, entry);
        let (address, length) = text.split_once('/').unwrap();
        let (bits, length): (u128, u32) = match at(address) {
            IpAddr::V4(v4) => (u32::from(v4).into(), 96 + length.parse::<u32>().unwrap()),
            IpAddr::V6(v6) => (v6.into(), length.parse().unwrap()),
        };
        let mut node = 0;
        for depth in 0..length {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == length {
                tree[node][side] = Some(Next::Data(offset));
                break;
            }
            node = match tree[node][side] {
                Some(Next::Node(next)) => next,
                _ => {
                    tree.push([None; 2]);
                    let next = tree.len() - 1;
                    tree[node][side] = Some(Next::Node(next));
                    next
                }
            };
        }
    }
    let mut file = Vec::new();
    for sides in &tree {
        for side in sides {
            let number = match side {
                Some(Next::Node(node)) => *node,
                Some(Next::Data(offset)) => tree.len() + 16 + offset,
                None => tree.len(),
            };
            file.extend_from_slice(&u32::try_from(number).unwrap().to_be_bytes()[1..]);
        }
    }
    file.extend_from_slice(&[0; 16]);
    file.extend_from_slice(&data);
    file.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let nodes = u32::try_from(tree.len()).unwrap();
    write_map(
        &mut file,
        &[
            ("binary_format_major_version", Value::Short(2)),
            ("binary_format_minor_version", Value::Short(0)),
            ("build_epoch", Value::Long(1_767_225_600)),
            ("database_type", Value::Text("Test")),
            ("description", Value::Map(&[])),
            ("ip_version", Value::Short(6)),
            ("languages", Value::List),
            ("node_count", Value::Number(nodes)),
            ("record_size", Value::Short(24)),
        ],
    );
    file
}

#[derive(Clone, Copy)]
enum Next {
    Node(usize),
    Data(usize),
}

#[derive(Clone, Copy)]
pub(super) enum Value {
    Text(&'static str),
    Short(u16),
    Number(u32),
    Long(u64),
    Degrees(f64),
    Truth(bool),
    Map(&'static [(&'static str, Self)]),
    List,
}

fn write_map(to: &mut Vec<u8>, entries: &[(&str, Value)]) {
    to.push(7 << 5 | u8::try_from(entries.len()).unwrap());
    for (name, value) in entries {
        write(to, Value::Text(Box::leak((*name).to_owned().into_boxed_str())));
        write(to, *value);
    }
}

fn write(to: &mut Vec<u8>, value: Value) {
    match value {
        Value::Text(text) => {
            assert!(text.len() < 29);
            to.push(2 << 5 | u8::try_from(text.len()).unwrap());
            to.extend_from_slice(text.as_bytes());
        }
        Value::Short(number) => {
            to.push(5 << 5 | 2);
            to.extend_from_slice(&number.to_be_bytes());
        }
        Value::Number(number) => {
            to.push(6 << 5 | 4);
            to.extend_from_slice(&number.to_be_bytes());
        }
        Value::Long(number) => {
            to.extend_from_slice(&[8, 2]);
            to.extend_from_slice(&number.to_be_bytes());
        }
        Value::Degrees(number) => {
            to.push(3 << 5 | 8);
            to.extend_from_slice(&number.to_be_bytes());
        }
        Value::Truth(truth) => to.extend_from_slice(&[u8::from(truth), 7]),
        Value::Map(entries) => write_map(to, entries),
        Value::List => to.extend_from_slice(&[0, 4]),
    }
}

#[test]
fn a_database_of_maxminds_format_is_read() {
    let file = database(&[
        (
            "198.51.100.0/24",
            &[
                (
                    "country",
                    Value::Map(&[("iso_code", Value::Text("PT")), ("geoname_id", Value::Number(2_264_397))]),
                ),
                (
                    "location",
                    Value::Map(&[("latitude", Value::Degrees(38.72)), ("longitude", Value::Degrees(-9.14))]),
                ),
            ],
        ),
        (
            "203.0.113.0/24",
            &[("autonomous_system_number", Value::Number(64_500)), ("is_tor_exit_node", Value::Truth(true))],
        ),
        ("2001:db8::/32", &[("country", Value::Text("SE")), ("asn", Value::Text("AS64501"))]),
    ]);
    let mut atlas = Atlas::default();
    atlas.add_database(&file[..]).unwrap();
    let lisbon = atlas.spot(at("198.51.100.9"));
    assert_eq!((lisbon.country, lisbon.point), (Some(*b"PT"), Point::new(38.72, -9.14)));
    let exit = atlas.spot(at("203.0.113.9"));
    assert_eq!((exit.asn, exit.anonymous, exit.country), (Some(64_500), true, None));
    let six = atlas.spot(at("2001:db8::9"));
    assert_eq!((six.asn, six.country), (Some(64_501), Some(*b"SE")));
    assert_eq!(atlas.spot(at("192.0.2.1")), Spot::default());
    // Half a file is refused, or knows nothing; it never ends the server.
    for length in 0..file.len() {
        let mut broken = Atlas::default();
        if broken.add_database(&file[..length]).is_ok() {
            let _ = broken.spot(at("198.51.100.9"));
        }
    }
}

proptest! {
    /// Networks that lie in each other, looked up one by one: the longest that contains an address.
    #[test]
    fn the_smallest_is_found_as_by_looking_at_all(
        networks in proptest::collection::btree_map((any::<u16>(), 16_u8..=32), 1_u32..50, 0..40),
        asked in proptest::collection::vec(any::<u16>(), 50),
    ) {
        let address = |low: u16| IpAddr::V4((u32::from(low) | 0x0808_0000).into());
        let mut unique = BTreeMap::new();
        let mut text = "network,asn\n".to_owned();
        for ((low, length), asn) in networks {
            let (first, last) = ranges::network(&format!("{}/{length}", address(low))).unwrap();
            if unique.insert((first, last), asn).is_none() {
                text.push_str(&format!("{first}/{length},{asn}\n"));
            } else {
                unique.remove(&(first, last));
                text = text.lines().filter(|line| !line.starts_with(&format!("{first}/{length},"))).map(|line| format!("{line}\n")).collect();
            }
        }
        let atlas = csv(&text);
        let edges = unique.keys().flat_map(|(first, last)| [*first, *last]);
        for address in asked.into_iter().map(address).chain(edges) {
            let containing = unique.iter().filter(|((first, last), _)| *first <= address && address <= *last);
            let smallest = containing.max_by_key(|((first, last), _)| (*first, core::cmp::Reverse(*last)));
            prop_assert_eq!(atlas.spot(address).asn, smallest.map(|(_, asn)| *asn), "{}", address);
        }
    }
}
