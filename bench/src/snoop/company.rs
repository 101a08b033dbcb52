//! The company: who works there, in which teams, what their days are like, and who is a customer as well.

use avouch_watch::{Access, ActorId, SubjectId, TeamId};

use super::random::Random;

/// The day that counts, after eight weeks: a Wednesday.
pub(crate) const TEST_DAY: i64 = 58;
/// Monday, 2026-09-07.
const FIRST: i64 = 20_703;
pub(crate) const CUSTOMERS: u64 = 200_000;
pub(crate) const SEGMENTS: u64 = 12;
pub(crate) const MINUTE: i64 = 60_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Answers calls and chats.
    Service,
    /// VIPs are their work.
    VipDesk,
    /// From ten in the evening to six.
    Night,
    /// Works on cases, and makes more of them.
    BackOffice,
    /// Leads and quality: looks at many, in all portfolios, and often without a case.
    Lead,
}

/// Somebody who works there.
#[derive(Debug)]
pub(crate) struct Staff {
    pub(crate) team: u8,
    pub(crate) role: Role,
    /// People a day.
    pub(crate) volume: f64,
    /// Which share of cases is never logged.
    pub(crate) never: f64,
    /// Which share of cases is logged hours later.
    pub(crate) late: f64,
    /// Which share of looks has a case that this person has made.
    pub(crate) own_making: f64,
    /// When the shift begins, in minutes.
    pub(crate) begins: f64,
    pub(crate) segment: u64,
    /// Their own number as a customer.
    pub(crate) record: Option<u64>,
    /// Customers with the same address: the household, and in a large building everybody there.
    pub(crate) household: Vec<u64>,
    pub(crate) surname: Vec<u64>,
    /// Customers whose matter takes weeks.
    pub(crate) open: Vec<u64>,
    /// The first day.
    pub(crate) joined: i64,
    pub(crate) leaving: bool,
}

#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) staff: Vec<Staff>,
    /// Numbers of customers who work there, with whom.
    pub(crate) colleagues: Vec<u64>,
    pub(crate) vips: Vec<u64>,
}

impl Company {
    pub(crate) fn invent(random: &mut Random) -> Self {
        let mut staff = Vec::new();
        let roles = [(Role::Service, 14, 15), (Role::VipDesk, 1, 8), (Role::Night, 1, 10)];
        let roles = roles.into_iter().chain([(Role::BackOffice, 4, 12), (Role::Lead, 2, 12)]);
        let mut team = 0;
        for (role, teams, people) in roles {
            for _ in 0..teams {
                for _ in 0..people {
                    staff.push((role, team));
                }
                team += 1;
            }
        }
        let staff: Vec<Staff> = staff.into_iter().map(|(role, team)| hire(role, team, random)).collect();
        let colleagues = staff.iter().filter_map(|staff| staff.record).collect();
        let vips = (0..100).map(|_| random.below(CUSTOMERS)).collect();
        let mut company = Self { staff, colleagues, vips };
        company.vary(random);
        company
    }

    /// What makes some of them unlike the others, and is no reason for an alarm.
    fn vary(&mut self, random: &mut Random) {
        let service: Vec<usize> = (0..210).collect();
        let mut some = |count: usize| {
            let mut chosen: Vec<usize> = Vec::new();
            while chosen.len() < count {
                chosen.extend(random.pick(&service));
            }
            chosen
        };
        let (new, sloppy, leaving) = (some(4), some(5), some(3));
        for (number, staff) in self.staff.iter_mut().enumerate() {
            if new.contains(&number) {
                staff.joined = TEST_DAY - 3;
                staff.volume *= 0.6;
                // They read around.
                staff.never += 0.25;
            }
            if sloppy.contains(&number) {
                staff.never += 0.12;
            }
            staff.leaving = leaving.contains(&number);
        }
    }

    /// Days since 1970.
    pub(crate) fn day(&self, day: i64) -> i32 {
        i32::try_from(FIRST + day).unwrap_or_default()
    }

    pub(crate) fn is_weekend(day: i64) -> bool {
        day.rem_euclid(7) >= 5
    }

    pub(crate) fn segment_of(customer: u64) -> u64 {
        customer % SEGMENTS
    }

    /// Somebody in a portfolio.
    pub(crate) fn customer_of(segment: u64, random: &mut Random) -> u64 {
        random.below(CUSTOMERS / SEGMENTS) * SEGMENTS + segment
    }
}

/// Microseconds of a minute of a day.
pub(crate) fn moment(day: i64, minute: f64) -> i64 {
    let within = (minute * MINUTE as f64).clamp(0.0, 86_399_999_999.0);
    #[expect(clippy::cast_possible_truncation, reason = "less than a day")]
    let within = within as i64;
    (FIRST + day) * 24 * 60 * MINUTE + within
}

/// When a case that was logged late is told.
pub(crate) const fn a_day_after(access: &Access) -> i64 {
    access.at + 24 * 60 * MINUTE
}

pub(crate) fn actor_id(staff: usize) -> ActorId {
    ActorId((staff as u128 + 1).to_be_bytes())
}

pub(crate) fn team_id(team: u8) -> TeamId {
    TeamId([team; 16])
}

pub(crate) fn subject_id(customer: u64) -> SubjectId {
    SubjectId::of_number(customer)
}

fn hire(role: Role, team: u8, random: &mut Random) -> Staff {
    // People differ: about a quarter around what is usual for the role.
    let usual = match role {
        Role::Service => 66.0,
        Role::VipDesk => 30.0,
        Role::Night => 45.0,
        Role::BackOffice => 40.0,
        Role::Lead => 50.0,
    };
    let some =
        |count: u64, random: &mut Random| (0..count).map(|_| random.below(CUSTOMERS)).collect::<Vec<u64>>();
    let household = if random.chance(0.1) { 30 } else { random.below(4) };
    Staff {
        team,
        role,
        volume: usual * (0.25 * random.normal()).exp(),
        never: if role == Role::Lead { 0.3 } else { random.between(0.01, 0.05) },
        late: random.between(0.12, 0.28),
        own_making: if role == Role::BackOffice { 0.25 } else { 0.08 },
        begins: random.between(7.0 * 60.0, 10.0 * 60.0),
        segment: u64::from(team) % SEGMENTS,
        record: random.chance(0.45).then(|| random.below(CUSTOMERS)),
        household: some(household, random),
        surname: some(3, random),
        open: some(5, random),
        joined: 0,
        leaving: false,
    }
}
