//! What a judgement costs, in time and memory: `cargo run --release -p avouch-watch --example cost -- [staff]
//! [customers] [days]`.
//!
//! Everybody opens about forty people a day, three looks each; one in five is without a case when it is
//! opened. That is more of what has to be kept than most have.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use avouch_watch::{
    Access, ActorId, Owner, Session, SubjectFacts, SubjectId, TeamId, Thresholds, Tie, View, Watch,
};

const DAY: i64 = 86_400_000_000;
const PEOPLE: u64 = 40;
const LOOKS: u64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let staff = arguments.next().transpose()?.unwrap_or(10_000);
    let customers = arguments.next().transpose()?.unwrap_or(10_000_000);
    let days = arguments.next().transpose()?.unwrap_or(31);

    let mut watch = Watch::new(Thresholds::default())?;
    let mut random = Random(7);
    let before = resident()?;
    let (mut first, mut other) = (Timed::default(), Timed::default());
    let mut late: Vec<Access> = Vec::new();
    for day in 0..days {
        let looks = looks(day, staff, customers, &mut random);
        let mut seen = HashSet::new();
        for access in &looks {
            let timed = if seen.insert(access.actor) { &mut first } else { &mut other };
            let start = Instant::now();
            std::hint::black_box(watch.judge(access));
            timed.add(start.elapsed());
        }
        late = looks.iter().filter(|access| access.tie == Tie::None).step_by(7).copied().collect();
    }
    println!("{staff} staff, {customers} customers, {days} days; with two readings of the clock each:");
    println!("judge       {other}");
    println!("  of a day the first: {first}");
    println!(
        "memory      {:.0} MiB, {:.1} KiB for each of staff",
        mib(resident()? - before),
        (resident()? - before) as f64 / 1024.0 / staff as f64
    );

    let start = Instant::now();
    let told = late.iter().filter(|access| watch.rejudge(access, Tie::Contact).is_some()).count();
    println!(
        "rejudge     {:.2} µs each ({told} of {} were kept)",
        micros(start.elapsed(), late.len() as u64),
        late.len()
    );

    let start = Instant::now();
    let cases = watch.cases(watch.day((days as i64 - 1) * DAY), View::AtOnce);
    println!(
        "cases       {:.0} ms for a day of all ({} cases)",
        start.elapsed().as_secs_f64() * 1e3,
        cases.len()
    );

    let start = Instant::now();
    let pieces = watch.changed(usize::MAX);
    let bytes: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    println!(
        "snapshot    {:.1} µs and {:.1} KiB each, {:.0} MiB in all",
        micros(start.elapsed(), pieces.len() as u64),
        bytes as f64 / 1024.0 / pieces.len() as f64,
        mib(bytes as u64)
    );
    let actors = pieces.iter().filter(|piece| matches!(piece.owner, Owner::Actor(_)));
    println!(
        "            the longest has {} bytes",
        actors.map(|piece| piece.bytes.len()).max().unwrap_or_default()
    );
    let start = Instant::now();
    let mut back = Watch::new(Thresholds::default())?;
    for piece in &pieces {
        back.restore(piece.owner, &piece.bytes)?;
    }
    println!("restore     {:.1} µs each", micros(start.elapsed(), pieces.len() as u64));
    Ok(())
}

#[derive(Default)]
struct Timed {
    count: u64,
    spent: Duration,
    slowest: Duration,
    slow: u64,
}

impl Timed {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.spent += took;
        self.slowest = self.slowest.max(took);
        self.slow += u64::from(took > Duration::from_micros(5));
    }
}

impl fmt::Display for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slow = 100.0 * self.slow as f64 / self.count as f64;
        let (mean, slowest) = (micros(self.spent, self.count), self.slowest.as_secs_f64() * 1e6);
        write!(f, "{:.2} µs each of {}, {slow:.3} % over 5 µs, the slowest {slowest:.0} µs", mean, self.count)
    }
}

/// A day's looks, in the order in which they happen: everybody's n-th person about when everybody else's is.
fn looks(day: u64, staff: u64, customers: u64, random: &mut Random) -> Vec<Access> {
    let mut looks = Vec::new();
    for number in 0..PEOPLE {
        for by in 0..staff {
            if random.below(100) < 10 {
                continue;
            }
            let subject = random.below(customers);
            let tie = if random.below(100) < 20 { Tie::None } else { Tie::Contact };
            let start = day as i64 * DAY + 8 * 3_600_000_000 + number as i64 * 12 * 60_000_000;
            for look in 0..LOOKS {
                looks.push(Access {
                    actor: ActorId((u128::from(by) * 0x9e37_79b9_7f4a_7c15).to_be_bytes()),
                    team: TeamId(u128::from(by / 12).to_be_bytes()),
                    leaving: false,
                    vip_desk: false,
                    subject: SubjectId::of_number(subject),
                    facts: SubjectFacts {
                        vip: subject % 10_000 == 2,
                        staff: subject % 1_000 == 1,
                        ..SubjectFacts::default()
                    },
                    segment: (by / 100 % 20) as u8,
                    place: Some(subject),
                    at: start + look as i64 * 60_000_000,
                    clear: u16::from(look > 0),
                    masked: 6,
                    tie,
                    session: Session::default(),
                });
            }
        }
    }
    looks
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// Bytes of this process in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).ok_or("no second number")?;
    Ok(pages.parse::<u64>()? * 4096)
}

fn micros(spent: Duration, count: u64) -> f64 {
    spent.as_secs_f64() * 1e6 / count.max(1) as f64
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
