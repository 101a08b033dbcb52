//! Ranges of addresses that do not overlap, sorted by where they begin.

use std::net::IpAddr;

use super::{NETWORKS_MOST, Spot};

/// What a range is of which nothing is known.
const NOTHING: u32 = u32::MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    v4: Sorted<u32>,
    v6: Sorted<u128>,
    spots: Vec<Spot>,
}

#[derive(Debug, Default)]
struct Sorted<N> {
    begins: Vec<N>,
    spots: Vec<u32>,
}

/// Ranges as they are read, in any order.
#[derive(Debug, Default)]
pub(super) struct Building {
    v4: Vec<(u32, u32, u32)>,
    v6: Vec<(u128, u128, u32)>,
    spots: Vec<Spot>,
}

/// The first and the last address of a network, or of a single address.
pub(super) fn network(text: &str) -> Option<(IpAddr, IpAddr)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    match address.parse().ok()? {
        IpAddr::V4(v4) => {
            let length = length.unwrap_or(32);
            let rest = u32::MAX.checked_shr(length.into()).unwrap_or(0);
            let first = u32::from(v4) & !rest;
            (length <= 32).then(|| (IpAddr::V4(first.into()), IpAddr::V4((first | rest).into())))
        }
        IpAddr::V6(v6) => {
            let length = length.unwrap_or(128);
            let rest = u128::MAX.checked_shr(length.into()).unwrap_or(0);
            let first = u128::from(v6) & !rest;
            (length <= 128).then(|| (IpAddr::V6(first.into()), IpAddr::V6((first | rest).into())))
        }
    }
}

/// From one address to another of its family.
pub(super) fn between(first: IpAddr, last: IpAddr) -> Option<(IpAddr, IpAddr)> {
    (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last))
}

impl Building {
    /// What is said of networks: its number.
    pub(super) fn spot(&mut self, spot: Spot) -> u32 {
        self.spots.push(spot);
        u32::try_from(self.spots.len() - 1).unwrap_or(NOTHING)
    }

    pub(super) fn add(&mut self, first: IpAddr, last: IpAddr, spot: u32) -> Result<(), &'static str> {
        if self.v4.len() + self.v6.len() >= NETWORKS_MOST {
            return Err("the file has more than 4,000,000 networks");
        }
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => self.v4.push((first.into(), last.into(), spot)),
            (IpAddr::V6(first), IpAddr::V6(last)) => self.v6.push((first.into(), last.into(), spot)),
            _ => return Err("expected two addresses of one family"),
        }
        Ok(())
    }

    pub(super) fn build(self) -> Result<Ranges, &'static str> {
        let Self { v4, v6, mut spots } = self;
        spots.shrink_to_fit();
        Ok(Ranges { v4: sorted(v4)?, v6: sorted(v6)?, spots })
    }
}

impl Ranges {
    pub(super) fn spot(&self, address: IpAddr) -> Option<Spot> {
        let at = match address {
            IpAddr::V4(v4) => self.v4.at(v4.into()),
            IpAddr::V6(v6) => self.v6.at(v6.into()),
        };
        self.spots.get(usize::try_from(at?).ok()?).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.v4.begins.len() + self.v6.begins.len()
    }
}

impl<N: Ord> Sorted<N> {
    fn at(&self, address: N) -> Option<u32> {
        let after = self.begins.partition_point(|begin| *begin <= address);
        self.spots.get(after.checked_sub(1)?).copied()
    }
}

trait Number: Copy + Ord {
    /// The one after it, if there is one.
    fn after(self) -> Option<Self>;
}

impl Number for u32 {
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Number for u128 {
    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }
}

/// Ranges that lie in each other, as ones that lie beside each other: the smallest says what is so.
fn sorted<N: Number>(mut ranges: Vec<(N, N, u32)>) -> Result<Sorted<N>, &'static str> {
    ranges.sort_unstable_by(|(first, last, _), (other_first, other_last, _)| {
        (first, other_last).cmp(&(other_first, last))
    });
    let mut sorted = Sorted { begins: Vec::with_capacity(ranges.len()), spots: Vec::new() };
    let mut around: Vec<(N, N, u32)> = Vec::new();
    for (first, last, spot) in ranges {
        while let Some((_, end, _)) = around.pop_if(|(_, end, _)| *end < first) {
            sorted.leave(end, &around);
        }
        if let Some((begin, end, outer)) = around.last().copied() {
            if last > end {
                return Err("two networks overlap, and neither lies in the other");
            }
            if (begin, end) == (first, last) {
                // Said twice.
                if outer == spot {
                    continue;
                }
                return Err("a network is there twice, and not the same is said of it");
            }
        }
        sorted.push(first, spot);
        around.push((first, last, spot));
    }
    while let Some((_, end, _)) = around.pop() {
        sorted.leave(end, &around);
    }
    sorted.begins.shrink_to_fit();
    sorted.spots.shrink_to_fit();
    Ok(sorted)
}

impl<N: Number> Sorted<N> {
    /// After the end of a range goes on what is around it.
    fn leave(&mut self, end: N, around: &[(N, N, u32)]) {
        let Some(next) = end.after() else { return };
        let outer = around.last();
        // Where the one around ends as well, it is left by itself.
        if outer.is_none_or(|(_, outer_end, _)| *outer_end > end) {
            self.push(next, outer.map_or(NOTHING, |(.., spot)| *spot));
        }
    }

    fn push(&mut self, begin: N, spot: u32) {
        if self.begins.last() == Some(&begin) {
            if let Some(last) = self.spots.last_mut() {
                *last = spot;
            }
        } else if self.spots.last() != Some(&spot) {
            self.begins.push(begin);
            self.spots.push(spot);
        }
    }
}
