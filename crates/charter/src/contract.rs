//! How long a recipient's contract runs, and from where it comes.
//!
//! Days are those of UTC, and the last one is part of it. Nothing here knows today.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// From when to when somebody is a recipient at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The first day.
    pub from: Date,
    /// The last day; none while nobody has ended it.
    pub until: Option<Date>,
}

impl Contract {
    /// Whether it runs at a moment, in microseconds UTC.
    #[must_use]
    pub fn runs(&self, micros: i64) -> bool {
        let Ok(moment) = Timestamp::from_microsecond(micros) else { return false };
        let day = TimeZone::UTC.to_datetime(moment).date();
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    /// Reads `2027-12-31`. The error says what to write instead.
    pub(crate) fn day(text: &str) -> Result<Date, &'static str> {
        let years = 1850..=2200;
        let whole = text.len() == "2027-12-31".len();
        let day = text.parse::<Date>().ok().filter(|day| whole && years.contains(&day.year()));
        day.ok_or("write a day such as `2027-12-31`")
    }
}

/// The shortest prefixes that still say where somebody is: a whole provider is no place.
const WIDEST: (u8, u8) = (20, 40);

/// Reads `203.0.113.0/24`, or one address. The error says what to write instead.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().map_err(|_| "write a network such as `203.0.113.0/24`".to_owned())?,
    };
    match network.trunc() {
        whole if whole == network => Ok(network),
        whole => Err(format!("an address in a network is no network; write `{whole}`")),
    }
}

/// Whether it is wider than a company's own networks are.
pub(crate) fn is_wide(network: &IpNet) -> bool {
    match network {
        IpNet::V4(v4) => v4.prefix_len() < WIDEST.0,
        IpNet::V6(v6) => v6.prefix_len() < WIDEST.1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(moment: &str) -> i64 {
        moment.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn the_first_day_and_the_last_are_part_of_it() {
        let day = |text| Contract::day(text).unwrap();
        let contract = Contract { from: day("2026-02-01"), until: Some(day("2028-02-29")) };
        for (moment, runs) in [
            ("2026-01-31T23:59:59.999999Z", false),
            ("2026-02-01T00:00:00Z", true),
            ("2028-02-29T23:59:59.999999Z", true),
            ("2028-03-01T00:00:00Z", false),
        ] {
            assert_eq!(contract.runs(at(moment)), runs, "{moment}");
        }
        let open = Contract { until: None, ..contract };
        assert!(open.runs(at("2199-12-31T00:00:00Z")));
        assert!(!open.runs(i64::MAX), "a moment that no calendar has");
    }

    #[test]
    fn a_day_is_written_in_one_way() {
        for wrong in ["2026-02-30", "2026-2-1", "20260201", "2026-02-01T00:00", "1026-02-01", "tomorrow", ""]
        {
            assert!(Contract::day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_network_is_written_as_one() {
        assert_eq!(network("203.0.113.7").unwrap().to_string(), "203.0.113.7/32");
        assert_eq!(network("2001:db8:40::/48").unwrap().to_string(), "2001:db8:40::/48");
        assert_eq!(
            network("203.0.113.7/24").unwrap_err(),
            "an address in a network is no network; write `203.0.113.0/24`"
        );
        assert!(network("the office").is_err());
        assert!(is_wide(&network("203.0.0.0/16").unwrap()) && !is_wide(&network("203.0.112.0/20").unwrap()));
        assert!(is_wide(&network("2001:db8::/32").unwrap()) && !is_wide(&network("2001:db8::/48").unwrap()));
    }
}
