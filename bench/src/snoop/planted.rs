//! Eight who look without need, each in another way. All of them work as well, and like everybody.

use avouch_watch::{ActorId, Session, Tie};

use super::company::{CUSTOMERS, Company, Role, SEGMENTS, TEST_DAY, actor_id, moment};
use super::random::Random;
use super::work::{Look, Why, looks_of};

/// What they are called.
pub(crate) const KINDS: [&str; 8] =
    ["colleague", "vip", "household", "bulk", "slow", "night", "foreign", "stalker"];

/// Who they are, in the order of [`KINDS`], and whom they have in mind.
#[derive(Debug)]
pub(crate) struct Planted {
    staff: Vec<usize>,
    partner: u64,
    obsession: u64,
    /// Days on which the stalker has looked already.
    days: Vec<i64>,
}

impl Planted {
    /// Eight of service who have been there for long, each of another team.
    pub(crate) fn choose(company: &Company, random: &mut Random) -> Self {
        let mut staff: Vec<usize> = Vec::new();
        while staff.len() < KINDS.len() {
            let number = usize::try_from(random.below(company.staff.len() as u64)).unwrap_or_default();
            let Some(one) = company.staff.get(number) else { continue };
            let alone = staff
                .iter()
                .filter_map(|other| company.staff.get(*other))
                .all(|other| other.team != one.team);
            let ordinary = one.role == Role::Service && one.joined == 0 && !one.leaving;
            // The third has a household that is nobody else's.
            let household = staff.len() != 2 || (1..10).contains(&one.household.len());
            if alone && ordinary && household {
                staff.push(number);
            }
        }
        let at_home = staff.get(2).and_then(|number| company.staff.get(*number));
        let partner = at_home.and_then(|staff| staff.household.first()).copied().unwrap_or_default();
        let mut days: Vec<i64> = Vec::new();
        while days.len() < 6 {
            let day = TEST_DAY - 1 - i64::try_from(random.below(20)).unwrap_or_default();
            if !Company::is_weekend(day) && !days.contains(&day) {
                days.push(day);
            }
        }
        Self { staff, partner, obsession: random.below(CUSTOMERS), days }
    }

    /// The kind of somebody who is planted.
    pub(crate) fn kind(&self, actor: ActorId) -> Option<&'static str> {
        let place = self.staff.iter().position(|number| actor_id(*number) == actor)?;
        KINDS.get(place).copied()
    }

    /// Who is of a kind.
    pub(crate) fn actor(&self, kind: &str) -> Option<ActorId> {
        let place = KINDS.iter().position(|other| *other == kind)?;
        self.staff.get(place).map(|number| actor_id(*number))
    }

    /// What they do on a day besides their work.
    pub(crate) fn looks(&self, company: &Company, day: i64, random: &mut Random) -> Vec<Look> {
        let mut looks = Vec::new();
        for (number, kind) in self.staff.iter().zip(KINDS) {
            let mut open = |customer: u64, minute: f64, session: Session, more: u64| {
                let (at, why) = (moment(day, minute), Why::Planted(kind));
                looks.extend(looks_of(company, *number, customer, at, Tie::None, session, why, more));
            };
            let Some(staff) = company.staff.get(*number) else { continue };
            let usual = Session { new_device: false, novelty: 10 };
            let noon = staff.begins + 200.0;
            let today = day == TEST_DAY;
            match kind {
                // Two colleagues, one of them twice.
                "colleague" if today => {
                    let of =
                        |random: &mut Random| random.pick(&company.colleagues).copied().unwrap_or_default();
                    let (one, other) = (of(random), of(random));
                    open(one, noon, usual, 3);
                    open(other, noon + 5.0, usual, 3);
                    open(one, noon + 120.0, usual, 1);
                }
                "vip" if today => open(company.vips.first().copied().unwrap_or_default(), noon, usual, 3),
                "household" if today => open(self.partner, noon, usual, 2),
                // Sixty of the own portfolio within ten minutes, for a list.
                "bulk" if today => {
                    for step in 0..60 {
                        let customer = Company::customer_of(staff.segment, random);
                        open(customer, noon + f64::from(step) / 6.0, usual, 1);
                    }
                }
                // For four weeks, two more a day at first and seven at last, spread over the day.
                "slow" if day > TEST_DAY - 28 && !Company::is_weekend(day) => {
                    let step = (day - TEST_DAY + 28) as f64 / 28.0;
                    for _ in 0..random.poisson(2.0 + 5.0 * step) {
                        let minute = staff.begins + random.between(0.0, 500.0);
                        open(Company::customer_of(staff.segment, random), minute, usual, 2);
                    }
                }
                "night" if today => {
                    for step in 0..5 {
                        let customer = Company::customer_of(staff.segment, random);
                        open(customer, 90.0 + f64::from(step) * 12.0, usual, 2);
                    }
                }
                // A dozen of other portfolios, from a device that is new.
                "foreign" if today => {
                    let new = Session { new_device: true, novelty: 40 };
                    for step in 0..12 {
                        let segment = (staff.segment + 1 + random.below(SEGMENTS - 1)) % SEGMENTS;
                        open(Company::customer_of(segment, random), noon + f64::from(step) * 8.0, new, 2);
                    }
                }
                "stalker" if today || self.days.contains(&day) => open(self.obsession, noon, usual, 2),
                _ => {}
            }
        }
        looks
    }
}
