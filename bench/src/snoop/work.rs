//! A day's work of all: whom they open, when, and with which case.
//!
//! One case in five is logged hours after the look, some never. Colleagues call as customers do, neighbours
//! too; laptops are exchanged, somebody is on call in the evening, and before a season some teams have much
//! more to do than usual.

use avouch_watch::{Access, Session, SubjectFacts, Tie};

use super::company::{Company, Role, SEGMENTS, Staff, TEST_DAY, actor_id, moment, subject_id, team_id};
use super::random::Random;

/// Why somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Work,
    /// It is work, and the case will be told a day later.
    LoggedLate,
    Planted(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) access: Access,
    pub(crate) why: Why,
}

/// Everybody's.
pub(crate) fn day_of_work(company: &Company, day: i64, random: &mut Random) -> Vec<Look> {
    let mut looks = Vec::new();
    let on_call: Vec<usize> = (0..3).filter_map(|_| usize::try_from(random.below(210)).ok()).collect();
    for (number, staff) in company.staff.iter().enumerate() {
        let free = if Company::is_weekend(day) {
            !(staff.role == Role::Night || staff.role == Role::Service && random.chance(0.25))
        } else {
            random.chance(0.08)
        };
        if free || day < staff.joined {
            continue;
        }
        let session =
            Session { new_device: random.chance(0.02), novelty: if random.chance(0.01) { 65 } else { 10 } };
        let mean = staff.volume * season(staff, day) * (0.15 * random.normal()).exp();
        let people = random.poisson(mean);
        let late_start = 20.0 * random.normal();
        for _ in 0..people {
            let minute = minute_of(staff, late_start, random);
            visit(
                company,
                number,
                customer(company, staff, random),
                moment(day, minute),
                session,
                random,
                &mut looks,
            );
        }
        if on_call.contains(&number) {
            for _ in 0..8 {
                let at = moment(day, random.between(20.0 * 60.0, 23.5 * 60.0));
                visit(company, number, customer(company, staff, random), at, session, random, &mut looks);
            }
        }
    }
    if day == TEST_DAY {
        news(company, day, random, &mut looks);
    }
    looks
}

/// How many times its usual work a team has.
fn season(staff: &Staff, day: i64) -> f64 {
    match staff.team {
        0..=4 if day == TEST_DAY => 1.7,
        5..=7 if day == TEST_DAY - 9 => 1.7,
        _ => 1.0,
    }
}

fn minute_of(staff: &Staff, late_start: f64, random: &mut Random) -> f64 {
    if staff.role == Role::Night {
        let within = random.between(0.0, 8.0 * 60.0);
        return if within < 120.0 { 22.0 * 60.0 + within } else { within - 120.0 };
    }
    staff.begins + late_start + random.between(0.0, 8.5 * 60.0)
}

/// Whom the work leads to.
fn customer(company: &Company, staff: &Staff, random: &mut Random) -> u64 {
    let vips = if staff.role == Role::VipDesk { 0.8 } else { 0.001 };
    let lists: [(f64, &[u64]); 5] = [
        (vips, &company.vips),
        (0.001_5, &company.colleagues),
        // A large building is near, and its people are customers.
        (if staff.household.len() > 10 { 0.001 } else { 0.0 }, &staff.household),
        (0.000_5, &staff.surname),
        (0.04, &staff.open),
    ];
    for (share, list) in lists {
        if random.chance(share)
            && let Some(customer) = random.pick(list)
        {
            return *customer;
        }
    }
    let foreign = if staff.role == Role::Lead { 0.9 } else { 0.07 };
    let segment = if random.chance(foreign) { random.below(SEGMENTS) } else { staff.segment };
    Company::customer_of(segment, random)
}

/// A VIP is in the news, and calls: the desk is busy with it, and two of service too, who will log it later.
fn news(company: &Company, day: i64, random: &mut Random, looks: &mut Vec<Look>) {
    let Some(vip) = company.vips.first() else { return };
    let desk: Vec<usize> = of_role(company, Role::VipDesk);
    let service: Vec<usize> = of_role(company, Role::Service);
    for (people, why) in
        [(&desk, Why::Work), (&desk, Why::Work), (&service, Why::LoggedLate), (&service, Why::LoggedLate)]
    {
        if let Some(by) = random.pick(people) {
            let at = moment(day, random.between(11.0 * 60.0, 15.0 * 60.0));
            let tie = if why == Why::Work { Tie::Contact } else { Tie::None };
            looks.extend(looks_of(company, *by, *vip, at, tie, Session::default(), why, 3));
        }
    }
}

fn of_role(company: &Company, role: Role) -> Vec<usize> {
    company
        .staff
        .iter()
        .enumerate()
        .filter(|(_, staff)| staff.role == role)
        .map(|(number, _)| number)
        .collect()
}

/// One visit: a masked view, and some fields that are shown.
fn visit(
    company: &Company,
    by: usize,
    customer: u64,
    at: i64,
    session: Session,
    random: &mut Random,
    looks: &mut Vec<Look>,
) {
    let Some(staff) = company.staff.get(by) else { return };
    // Nobody works on the own record or the own family's; whoever is in the same building is another matter.
    if staff.record == Some(customer) || staff.household.len() < 10 && staff.household.contains(&customer) {
        return;
    }
    let chance = random.unit();
    let (tie, why) = if chance < staff.never {
        (Tie::None, Why::Work)
    } else if chance < staff.never + staff.late {
        (Tie::None, Why::LoggedLate)
    } else if chance < staff.never + staff.late + staff.own_making {
        (Tie::OwnMaking, Why::Work)
    } else {
        (Tie::Contact, Why::Work)
    };
    let more = random.poisson(4.8);
    looks.extend(looks_of(company, by, customer, at, tie, session, why, more));
}

/// The first is masked, the others show a field each.
#[expect(
    clippy::too_many_arguments,
    reason = "who, whom, when, with which case, from where, why and how often"
)]
pub(crate) fn looks_of(
    company: &Company,
    by: usize,
    customer: u64,
    at: i64,
    tie: Tie,
    session: Session,
    why: Why,
    more: u64,
) -> impl Iterator<Item = Look> + use<> {
    let access = company.staff.get(by).map(|staff| Access {
        actor: actor_id(by),
        team: team_id(staff.team),
        leaving: staff.leaving,
        vip_desk: staff.role == Role::VipDesk,
        subject: subject_id(customer),
        facts: SubjectFacts {
            staff: company.colleagues.contains(&customer),
            own_record: staff.record == Some(customer),
            vip: company.vips.contains(&customer),
            same_household: staff.household.contains(&customer),
            same_rare_surname: staff.surname.contains(&customer),
            honey: false,
        },
        segment: u8::try_from(Company::segment_of(customer)).unwrap_or_default(),
        place: Some(customer),
        at,
        clear: 0,
        masked: 6,
        tie,
        session,
    });
    (0..=more).filter_map(move |number| {
        let seconds = i64::try_from(number).ok()?.checked_mul(20_000_000)?;
        let access = access.as_ref()?;
        let clear = u16::from(number > 0);
        Some(Look { access: Access { at: access.at + seconds, clear, ..*access }, why })
    })
}
