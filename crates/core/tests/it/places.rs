//! How new a place is for somebody: by files of the operator's, by the hours they keep, and by how fast anybody travels.

use std::sync::Arc;
use std::time::Duration;

use avouch_core::gate::people::atlas::Atlas;
use avouch_core::gate::people::{Arrival, BrowserId, LogIn, NewSession, PeopleSettings};
use avouch_testkit::{Device, both_engines};

use crate::house::ORIGIN;
use crate::log_in::{Desk, address};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Lisbon and its neighbours, somewhere far away, and those who hide.
const PLACES: &str = "network,asn,country,latitude,longitude
198.51.100.0/24,64500,PT,38.72,-9.14
198.51.101.0/24,64500,PT,38.72,-9.14
198.51.102.0/24,64501,PT,41.15,-8.61
203.0.113.0/24,64510,AU,-33.87,151.21
";
const ANONYMOUS: &str = "198.51.101.66\n";

fn atlas() -> PeopleSettings {
    let mut atlas = Atlas::default();
    atlas.add_csv(PLACES.as_bytes()).expect("places");
    atlas.add_anonymous(ANONYMOUS.as_bytes()).expect("networks");
    PeopleSettings { atlas: Some(Arc::new(atlas)), ..PeopleSettings::default() }
}

fn browser() -> BrowserId {
    BrowserId::parse(&"ab".repeat(16)).expect("a browser")
}

/// Logs in from there, with the browser she always has.
fn log_in(desk: &mut Desk<'_>, from: &str) -> NewSession {
    let shown = desk.answered();
    let arrival = Arrival {
        from: address(from),
        client: "Firefox on Linux".to_owned(),
        browser: Some(browser()),
        session: None,
    };
    desk.log_in_from(shown, &arrival).expect("a passkey lets her in")
}

fn novelty(desk: &Desk<'_>, session: &NewSession, from: &str) -> u8 {
    desk.house.app.authenticate(&session.token, address(from)).expect("a session").proof().novelty()
}

fn logged_in(desk: &mut Desk<'_>, from: &str) -> u8 {
    let session = log_in(desk, from);
    novelty(desk, &session, from)
}

fn wait(desk: &Desk<'_>, seconds: u64) {
    desk.house.clock.advance(Duration::from_secs(seconds));
}

both_engines! {
    fn whose_network_and_which_country_count_once_the_files_know_them(place) {
        let mut desk = Desk::with_passkey(place);
        log_in(&mut desk, "198.51.100.1");
        assert_eq!(logged_in(&mut desk, "198.51.100.1"), 0);
        let mut desk = desk.reopened_with(atlas());
        // The files come today: nobody's country is new by that.
        assert_eq!(logged_in(&mut desk, "198.51.100.1"), 0, "there is nothing to compare with");
        wait(&desk, HOUR);
        assert_eq!(logged_in(&mut desk, "198.51.101.1"), 20, "a network of the same house");
        wait(&desk, HOUR);
        assert_eq!(logged_in(&mut desk, "198.51.102.1"), 40, "and one of another, in the same country");
        wait(&desk, 20 * HOUR);
        // 20 for the network, 20 for whose it is, 25 for the country, rounded up.
        assert_eq!(logged_in(&mut desk, "203.0.113.1"), 70);
        wait(&desk, 20 * HOUR);
        assert_eq!(logged_in(&mut desk, "203.0.113.1"), 0, "a passkey was shown there");
        // What the files do not know is not new but for its network, and what no public network has is nothing.
        wait(&desk, 20 * HOUR);
        assert_eq!(logged_in(&mut desk, "192.0.2.200"), 0, "where her link was opened");
        assert_eq!(logged_in(&mut desk, "192.0.3.1"), 20);
        for private in ["10.0.0.1", "192.168.1.1", "127.0.0.1", "fd00::1", "::ffff:172.16.0.1"] {
            assert_eq!(logged_in(&mut desk, private), 0, "{private}");
        }
        // 90 days later all of it is forgotten, and new.
        wait(&desk, 91 * DAY);
        assert_eq!(logged_in(&mut desk, "198.51.100.1"), 0, "whoever was nowhere is new nowhere");
    }

    fn a_session_that_goes_on_elsewhere_is_newer_by_what_is_other_there(place) {
        let mut desk = Desk::with_passkey(place);
        log_in(&mut desk, "198.51.100.1");
        let mut desk = desk.reopened_with(atlas());
        let session = log_in(&mut desk, "198.51.100.1");
        for (from, worth) in [
            ("198.51.100.99", 0),
            ("198.51.101.1", 20),
            ("198.51.102.1", 40),
            ("198.51.101.66", 60),
            ("192.0.2.9", 20),
            ("10.1.2.3", 0),
            // 20, 20, 25 and 40: nobody is there so soon.
            ("203.0.113.1", 100),
        ] {
            assert_eq!(novelty(&desk, &session, from), worth, "{from}");
        }
        let seen: Vec<u8> = (0..12).map(|_| {
            wait(&desk, 14 * 60);
            novelty(&desk, &session, "198.51.100.1")
        }).collect();
        assert_eq!(seen, [0; 12]);
    }

    fn nobody_is_here_and_an_hour_later_on_the_other_side_of_the_earth(place) {
        let desk = Desk::with_passkey(place);
        let mut desk = desk.reopened_with(atlas());
        log_in(&mut desk, "198.51.100.1");
        wait(&desk, 20 * HOUR);
        log_in(&mut desk, "203.0.113.1");
        wait(&desk, 20 * HOUR);
        assert_eq!(logged_in(&mut desk, "198.51.100.1"), 0, "she is back");
        wait(&desk, HOUR);
        assert_eq!(logged_in(&mut desk, "203.0.113.1"), 40, "known, and out of reach");
        wait(&desk, HOUR);
        assert_eq!(logged_in(&mut desk, "198.51.102.1"), 80, "and somebody new is in Porto meanwhile");
        wait(&desk, 60);
        assert_eq!(logged_in(&mut desk, "198.51.100.1"), 0, "Lisbon is near");
    }

    fn an_hour_of_the_night_is_unusual_for_whoever_is_known_to_come_in_the_morning(place) {
        let mut desk = Desk::with_passkey(place);
        // 2026-01-01 is a Thursday, and the clock begins at midnight.
        wait(&desk, 9 * HOUR);
        for day in 0..28 {
            assert_eq!(logged_in(&mut desk, "192.0.2.7") % 40, 0, "day {day}");
            wait(&desk, DAY);
        }
        assert_eq!(logged_in(&mut desk, "192.0.2.7"), 0);
        wait(&desk, 18 * HOUR);
        assert_eq!(logged_in(&mut desk, "192.0.2.7"), 20, "15, rounded up: three in the morning");
        let changed = "update habit set sealed = substr(sealed, 1, 20)";
        desk.house.place.meddle(false, changed, changed);
        assert_eq!(logged_in(&mut desk, "192.0.2.7"), 0, "who changes what is kept shuts nobody out");
    }

    fn a_passkey_that_cannot_leave_its_device_takes_something_off_from_its_second_day_on(place) {
        let mut desk = Desk::new(place);
        desk.device = Device::at(ORIGIN).bound();
        let session = desk.log_in(LogIn::Link(desk.link(false))).expect("in");
        let caller = desk.caller(&session).expect("a session");
        let mut device = desk.device.clone();
        desk.enrol_on(&caller, &mut device).expect("enrolled");
        desk.device = device;
        assert_eq!(logged_in(&mut desk, "198.51.100.1"), 60, "a browser and a network, and it is of today");
        wait(&desk, DAY);
        assert_eq!(logged_in(&mut desk, "198.51.102.1"), 0, "another network");
        desk.device = desk.device.clone();
        let shown = desk.answered();
        let elsewhere = Arrival { from: address("203.0.113.1"), client: String::new(), browser: None, session: None };
        let session = desk.log_in_from(shown, &elsewhere).expect("in");
        assert_eq!(novelty(&desk, &session, "203.0.113.1"), 30, "a browser and a network, less 30");
        assert_eq!(novelty(&desk, &session, "198.51.100.1"), 50, "and another network");
    }
}
