//! What is known of an address by files that the operator brings: whose network it is in (ASN), in which country, where, and whether
//! people are there who hide where they come from. Nothing is asked of anybody, and no data come with this program.
//!
//! Files are CSV with a header, or MaxMind databases (MMDB); of several, the first that knows something says it. Networks of a CSV may
//! lie in each other: the smallest says it. What a file says is bounded in lines and bytes, and held as sorted ranges: 8 bytes for
//! one of IPv4, 20 of IPv6. Whoever can change a file can make a place look known or new, and nothing else.

mod ranges;

use core::fmt;
use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::net::IpAddr;

use maxminddb::Reader;
use serde::{Deserialize, Serialize};

use crate::Error;
use ranges::Ranges;

/// The networks of one file at most.
pub const NETWORKS_MOST: usize = 4_000_000;
/// The bytes of one file at most.
pub const FILE_BYTES: u64 = 1 << 30;
/// The longest line.
const LINE_BYTES: u64 = 4 << 10;
/// A point is not nearer to the truth than this, whatever the file says.
const BLUR_KILOMETRES: f64 = 500.0;
/// Faster than this nobody travels.
const KILOMETRES_AN_HOUR: f64 = 1_000.0;
const EARTH_KILOMETRES: f64 = 6_371.0;

/// See the module.
#[derive(Default)]
pub struct Atlas {
    layers: Vec<Layer>,
}

enum Layer {
    Ranges(Ranges),
    Database(Box<Reader<Vec<u8>>>),
}

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Spot {
    /// The number of the network that announces it.
    pub asn: Option<u32>,
    /// The country, as ISO 3166 has it.
    pub country: Option<[u8; 2]>,
    /// Where it is about.
    pub point: Option<Point>,
    /// Whether whoever comes from there hides where they are: a proxy, an exit of Tor.
    pub anonymous: bool,
}

/// A point on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    latitude: f64,
    longitude: f64,
}

impl Atlas {
    /// Adds what a CSV says.
    ///
    /// The first line names the columns: `network` (a prefix or an address), or `first` and `last`; and of `asn`, `country`,
    /// `latitude` with `longitude`, and `anonymous` (`1`, `true`) at least one. Others are passed over. An empty cell says nothing.
    ///
    /// # Errors
    /// [`Refused`], with the line.
    pub fn add_csv(&mut self, source: impl BufRead) -> Result<usize, Refused> {
        let mut lines = Lines::new(source);
        let header = lines.next()?.ok_or(Refused { line: 1, why: "the file is empty" })?;
        let columns = Columns::read(&header).map_err(|why| lines.refused(why))?;
        let mut building = ranges::Building::default();
        let mut known: HashMap<String, u32> = HashMap::new();
        while let Some(line) = lines.next()? {
            let cells: Vec<&str> = cells(&line);
            let (first, last) = columns.range(&cells).ok_or_else(|| lines.refused("expected a network"))?;
            let text = columns.text(&cells);
            let place = match known.get(&text) {
                Some(place) => *place,
                None => {
                    let spot = columns.spot(&cells).map_err(|why| lines.refused(why))?;
                    let place = building.spot(spot);
                    known.insert(text, place);
                    place
                }
            };
            building.add(first, last, place).map_err(|why| lines.refused(why))?;
        }
        self.add(building)
    }

    /// Adds a list of networks of which nobody knows who comes from there: an address or a prefix a line, `#` before remarks.
    ///
    /// # Errors
    /// [`Refused`], with the line.
    pub fn add_anonymous(&mut self, source: impl BufRead) -> Result<usize, Refused> {
        let mut lines = Lines::new(source);
        let mut building = ranges::Building::default();
        let place = building.spot(Spot { anonymous: true, ..Spot::default() });
        while let Some(line) = lines.next()? {
            let (first, last) = ranges::network(&line)
                .ok_or_else(|| lines.refused("expected an address or a network, such as 192.0.2.0/24"))?;
            building.add(first, last, place).map_err(|why| lines.refused(why))?;
        }
        self.add(building)
    }

    /// Adds what a MaxMind database says: `country.iso_code`, `autonomous_system_number`, `location`, and whether it is one of an
    /// anonymous proxy. Read whole.
    ///
    /// # Errors
    /// [`Refused`] for one that is none, or too large.
    pub fn add_database(&mut self, source: impl Read) -> Result<(), Refused> {
        let refused = |why| Refused { line: 0, why };
        let mut bytes = Vec::new();
        let read = source.take(FILE_BYTES + 1).read_to_end(&mut bytes);
        let read = read.map_err(|_| refused("it cannot be read"))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > FILE_BYTES {
            return Err(refused("it is larger than 1 GiB"));
        }
        let reader = Reader::from_source(bytes).map_err(|_| refused("this is no MaxMind database (MMDB)"))?;
        self.layers.push(Layer::Database(Box::new(reader)));
        Ok(())
    }

    fn add(&mut self, building: ranges::Building) -> Result<usize, Refused> {
        let ranges = building.build().map_err(|why| Refused { line: 0, why })?;
        let networks = ranges.len();
        self.layers.push(Layer::Ranges(ranges));
        Ok(networks)
    }

    /// What is known of an address; of one that is nobody's in public, nothing.
    #[must_use]
    pub fn spot(&self, address: IpAddr) -> Spot {
        let address = address.to_canonical();
        let mut known = Spot::default();
        if is_private(address) {
            return known;
        }
        for layer in &self.layers {
            let Some(spot) = layer.spot(address) else { continue };
            known.asn = known.asn.or(spot.asn);
            known.country = known.country.or(spot.country);
            known.point = known.point.or(spot.point);
            known.anonymous |= spot.anonymous;
        }
        known
    }
}

impl fmt::Debug for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atlas").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}{why}", if *.line == 0 { String::new() } else { format!("line {}: ", .line) })]
pub struct Refused {
    /// The line, from 1 on; 0: the file as a whole.
    pub line: usize,
    why: &'static str,
}

/// Whether an address is one that no public network has: of an office, a home, this machine, or a provider's own.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || shared
        }
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

impl Point {
    /// A point, if it is one.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let fits = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        fits.then_some(Self { latitude, longitude })
    }

    /// Whether nobody comes from here to there in so many seconds. The points of such files are in the middle of a town or of a country:
    /// what lies within 500 km is the same place.
    #[must_use]
    pub fn is_out_of_reach(self, other: Self, seconds: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "so many seconds are an age of the earth")]
        let hours = seconds as f64 / 3_600.0;
        self.kilometres(other) > BLUR_KILOMETRES + hours * KILOMETRES_AN_HOUR
    }

    /// How far it is, on a sphere (haversine).
    fn kilometres(self, other: Self) -> f64 {
        let (from, to) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians() / 2.0;
        let half = ((to - from) / 2.0).sin().powi(2) + from.cos() * to.cos() * across.sin().powi(2);
        2.0 * EARTH_KILOMETRES * half.sqrt().clamp(0.0, 1.0).asin()
    }
}

impl Layer {
    fn spot(&self, address: IpAddr) -> Option<Spot> {
        match self {
            Self::Ranges(ranges) => ranges.spot(address),
            Self::Database(reader) => {
                let found: Option<Row> = reader.lookup(address).ok()?.decode().ok()?;
                found.map(Row::spot)
            }
        }
    }
}

/// What is read of a database's entry, in the words of its makers.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Row {
    country: Option<Named>,
    country_code: Option<String>,
    autonomous_system_number: Option<u32>,
    asn: Option<String>,
    location: Option<Location>,
    is_anonymous: bool,
    is_anonymous_vpn: bool,
    is_public_proxy: bool,
    is_tor_exit_node: bool,
}

/// A country: by its code, or with much else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Code(String),
    Whole { iso_code: Option<String> },
}

#[derive(Deserialize)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
}

impl Row {
    fn spot(self) -> Spot {
        let country = match self.country {
            Some(Named::Code(code)) => Some(code),
            Some(Named::Whole { iso_code }) => iso_code,
            None => None,
        };
        let country = country.or(self.country_code);
        let point = self.location.and_then(|at| Point::new(at.latitude?, at.longitude?));
        Spot {
            asn: self.autonomous_system_number.or_else(|| asn(&self.asn?).ok()?),
            country: country.and_then(|code| country_code(&code).ok()?),
            point,
            anonymous: self.is_anonymous
                || self.is_anonymous_vpn
                || self.is_public_proxy
                || self.is_tor_exit_node,
        }
    }
}

/// `AS64500`, or the number; nothing for none.
fn asn(text: &str) -> Result<Option<u32>, &'static str> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    if digits.is_empty() {
        return Ok(None);
    }
    let number: u32 = digits.parse().map_err(|_| "expected a number for `asn`, with or without `AS`")?;
    Ok((number != 0).then_some(number))
}

fn country_code(text: &str) -> Result<Option<[u8; 2]>, &'static str> {
    // What the makers of such files write for "none".
    if matches!(text, "" | "-" | "--" | "ZZ" | "XX" | "None") {
        return Ok(None);
    }
    let code: [u8; 2] = text.as_bytes().try_into().map_err(|_| "expected two letters for `country`")?;
    let fits = code.iter().all(u8::is_ascii_alphanumeric);
    if fits {
        Ok(Some(code.map(|letter| letter.to_ascii_uppercase())))
    } else {
        Err("expected two letters for `country`")
    }
}

/// Lines that say something, each within its bounds.
struct Lines<R> {
    source: R,
    read: u64,
    line: usize,
}

impl<R: BufRead> Lines<R> {
    fn new(source: R) -> Self {
        Self { source, read: 0, line: 0 }
    }

    fn refused(&self, why: &'static str) -> Refused {
        Refused { line: self.line, why }
    }

    fn next(&mut self) -> Result<Option<String>, Refused> {
        loop {
            let mut line = Vec::new();
            self.line += 1;
            let read = self.source.by_ref().take(LINE_BYTES + 1).read_until(b'\n', &mut line);
            let read =
                u64::try_from(read.map_err(|_| self.refused("it cannot be read"))?).unwrap_or(u64::MAX);
            self.read = self.read.saturating_add(read);
            if read == 0 {
                return Ok(None);
            }
            if read > LINE_BYTES {
                return Err(self.refused("the line is longer than 4096 bytes"));
            }
            if self.read > FILE_BYTES {
                return Err(self.refused("the file is larger than 1 GiB"));
            }
            let text = String::from_utf8(line).map_err(|_| self.refused("the line is no UTF-8"))?;
            let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let text = if text.starts_with('#') { "" } else { text };
            if !text.is_empty() {
                return Ok(Some(text.to_owned()));
            }
        }
    }
}

/// The cells of a line; a comma within quotes parts nothing.
fn cells(line: &str) -> Vec<&str> {
    let mut quoted = false;
    let parted = line.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parted.map(|cell| cell.trim().trim_matches('"').trim()).collect()
}

/// Where in a line stands what.
#[derive(Default)]
struct Columns {
    network: Option<usize>,
    first: Option<usize>,
    last: Option<usize>,
    asn: Option<usize>,
    country: Option<usize>,
    latitude: Option<usize>,
    longitude: Option<usize>,
    anonymous: Option<usize>,
}

impl Columns {
    fn read(header: &str) -> Result<Self, &'static str> {
        let mut columns = Self::default();
        for (at, name) in cells(header).into_iter().enumerate() {
            let column = match name.to_ascii_lowercase().as_str() {
                "network" => &mut columns.network,
                "first" => &mut columns.first,
                "last" => &mut columns.last,
                "asn" => &mut columns.asn,
                "country" => &mut columns.country,
                "latitude" => &mut columns.latitude,
                "longitude" => &mut columns.longitude,
                "anonymous" => &mut columns.anonymous,
                _ => continue,
            };
            if column.replace(at).is_some() {
                return Err("the header names a column twice");
            }
        }
        let placed = columns.network.is_some() ^ (columns.first.is_some() && columns.last.is_some());
        if !placed {
            return Err("expected a header with `network`, or with `first` and `last`");
        }
        if columns.latitude.is_some() != columns.longitude.is_some() {
            return Err("expected `latitude` and `longitude`, or neither");
        }
        let says = [columns.asn, columns.country, columns.latitude, columns.anonymous];
        if says.iter().all(Option::is_none) {
            return Err("expected a column `asn`, `country`, `latitude` and `longitude`, or `anonymous`");
        }
        Ok(columns)
    }

    fn range(&self, cells: &[&str]) -> Option<(IpAddr, IpAddr)> {
        if let Some(at) = self.network {
            return ranges::network(cells.get(at)?);
        }
        let (first, last) = (cells.get(self.first?)?.parse().ok()?, cells.get(self.last?)?.parse().ok()?);
        ranges::between(first, last)
    }

    /// What a line says of its network, to be known again.
    fn text(&self, cells: &[&str]) -> String {
        let said = [self.asn, self.country, self.latitude, self.longitude, self.anonymous];
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
        said.map(cell).join(",")
    }

    fn spot(&self, cells: &[&str]) -> Result<Spot, &'static str> {
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
        let (latitude, longitude) = (cell(self.latitude), cell(self.longitude));
        let point = if latitude.is_empty() && longitude.is_empty() {
            None
        } else {
            let degrees = latitude.parse().ok().zip(longitude.parse().ok());
            let point = degrees.and_then(|(latitude, longitude)| Point::new(latitude, longitude));
            Some(point.ok_or("expected degrees for `latitude` and `longitude`")?)
        };
        let anonymous = match cell(self.anonymous) {
            "" | "0" | "false" => false,
            "1" | "true" => true,
            _ => return Err("expected `1`, `0`, `true` or `false` for `anonymous`"),
        };
        Ok(Spot { asn: asn(cell(self.asn))?, country: country_code(cell(self.country))?, point, anonymous })
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Configuration(refused.why)
    }
}

#[cfg(test)]
mod tests;
