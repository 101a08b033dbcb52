//! The synthetic day: eight snoopers, each of another kind, among three hundred who work.
//!
//! A company is invented from a seed: eight weeks of work, so that there is something that is usual, and then
//! the day. Reviewers have time for so many alerts. What counts is how many of the eight are among them; once
//! as the day ends, and once a day later, when the cases that were logged late have been told. Nothing here
//! tells the rules who is planted.
//!
//! Figures of one seed say little. Those of the seeds that were looked at while numbers were chosen (1 to 10)
//! say less than those of seeds that nobody has looked at (101 to 130).

mod company;
mod outcome;
mod planted;
mod random;
mod work;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use avouch_watch::{Action, Budget, Rule, Thresholds, Tie, View, Watch};
use clap::Args;
use serde::Serialize;

use crate::error::{Error, Result};
use company::{Company, TEST_DAY};
use outcome::{Means, Outcome};
use planted::{KINDS, Planted};
use random::Random;
use work::{Look, Why, day_of_work};

/// How it is asked for.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Seeds, from-to; 1-10 are those that were looked at
    #[arg(long, default_value = "101-130")]
    seeds: String,
    /// Alerts that reviewers have time for
    #[arg(long, default_value_t = 8)]
    budget: u32,
    /// JSON instead of the table
    #[arg(long)]
    json: bool,
    /// What each alert was about, and for whoever was missed what the rules said
    #[arg(long)]
    explain: bool,
}

/// All seeds.
#[derive(Debug, Serialize)]
struct Report {
    budget: u32,
    seeds: Vec<Seed>,
    at_once: Means,
    again: Means,
}

/// One company.
#[derive(Debug, Serialize)]
struct Seed {
    seed: u64,
    /// Looks of the day.
    looks: usize,
    /// Looks of people who work, of the day, that got a prompt or more as they happened, by the rule with the
    /// highest value.
    prompts: BTreeMap<&'static str, usize>,
    /// Kinds of which a look got a prompt or more as it happened.
    prompted: Vec<&'static str>,
    at_once: Outcome,
    again: Outcome,
    #[serde(skip)]
    explained: String,
}

/// Runs all seeds, and says what was found.
pub(crate) fn run(options: &Options) -> Result<String> {
    let seeds = parse(&options.seeds).ok_or_else(|| {
        Error::Usage(format!("`{}` is no range of seeds: give one like 101-130", options.seeds))
    })?;
    let seeds: Vec<Seed> = seeds.map(|seed| one(seed, options.budget)).collect();
    let at_once = Means::of(seeds.iter().map(|seed| &seed.at_once));
    let again = Means::of(seeds.iter().map(|seed| &seed.again));
    let report = Report { budget: options.budget, seeds, at_once, again };
    Ok(if options.json {
        format!("{:#}\n", serde_json::to_value(&report).unwrap_or_default())
    } else {
        report.table(options.explain)
    })
}

fn parse(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let seeds = first.trim().parse().ok()?..=last.trim().parse().ok()?;
    (!seeds.is_empty()).then_some(seeds)
}

/// A company's eight weeks, and the one that counts.
fn one(seed: u64, budget: u32) -> Seed {
    let mut random = Random::new(seed);
    let company = Company::invent(&mut random);
    let planted = Planted::choose(&company, &mut random);
    let new = || Watch::new(Thresholds::default()).expect("the defaults are fit for use");
    // Two watches see the same; only one is told what comes late.
    let (mut at_once, mut again) = (new(), new());
    let mut late: Vec<Look> = Vec::new();
    let (mut looks, mut prompts, mut prompted) = (0, BTreeMap::new(), Vec::new());
    for day in 0..=TEST_DAY {
        let mut work = day_of_work(&company, day, &mut random);
        work.extend(planted.looks(&company, day, &mut random));
        work.sort_by_key(|look| (look.access.at, look.access.actor, look.access.subject));
        let mut told = late.iter().peekable();
        for look in &work {
            while let Some(earlier) =
                told.next_if(|earlier| company::a_day_after(&earlier.access) <= look.access.at)
            {
                again.rejudge(&earlier.access, Tie::Contact);
            }
            let judged = at_once.judge(&look.access);
            again.judge(&look.access);
            if day == TEST_DAY && judged.action >= Action::Prompt {
                match look.why {
                    Why::Planted(kind) if !prompted.contains(&kind) => prompted.push(kind),
                    Why::Planted(_) => {}
                    _ => {
                        let highest = judged.values.iter().max_by(|one, other| one.1.total_cmp(&other.1));
                        *prompts.entry(highest.map_or("", |(rule, _)| rule.code())).or_default() += 1;
                    }
                }
            }
        }
        for earlier in told {
            again.rejudge(&earlier.access, Tie::Contact);
        }
        looks = work.len();
        late = work.into_iter().filter(|look| look.why == Why::LoggedLate).collect();
    }
    let day = company.day(TEST_DAY);
    let budget = Budget::evenly(budget);
    let once = Outcome::of(&at_once.cases(day, View::AtOnce), budget, &planted);
    for look in &late {
        again.rejudge(&look.access, Tie::Contact);
    }
    let cases = again.cases(day, View::Again);
    let second = Outcome::of(&cases, budget, &planted);
    let explained = outcome::explain(&cases, budget, &planted, &again, day);
    Seed { seed, looks, prompts, prompted, at_once: once, again: second, explained }
}

impl Report {
    fn table(&self, explain: bool) -> String {
        let mut out = format!(
            "{} alerts a day; {} companies; found of 8, at once and judged again a day later\n\n\
             seed     looks  prompts   at once   again   missed, judged again\n",
            self.budget,
            self.seeds.len()
        );
        for seed in &self.seeds {
            let missed: Vec<_> = KINDS.into_iter().filter(|kind| !seed.again.found.contains(kind)).collect();
            let _ = writeln!(
                out,
                "{:>4}  {:>8}  {:>7}  {:>8}  {:>6}   {}",
                seed.seed,
                seed.looks,
                seed.prompts.values().sum::<usize>(),
                seed.at_once.found.len(),
                seed.again.found.len(),
                missed.join(", ")
            );
            if explain {
                out += &seed.explained;
            }
        }
        out += "\n                     at once    again\n";
        let mut row = |name: &str, one: f64, other: f64| {
            let _ = writeln!(out, "{name:<18}  {one:>8.2}  {other:>7.2}");
        };
        row("recall", self.at_once.recall, self.again.recall);
        row("precision", self.at_once.precision, self.again.precision);
        row("  of one list", self.at_once.one_list_recall, self.again.one_list_recall);
        row("people waiting", self.at_once.waiting, self.again.waiting);
        for (place, kind) in KINDS.into_iter().enumerate() {
            let of = |means: &Means| means.found.get(place).map_or(0.0, |(_, share)| *share);
            row(kind, of(&self.at_once), of(&self.again));
        }
        let mean = |of: &dyn Fn(&Seed) -> usize| {
            self.seeds.iter().map(of).sum::<usize>() as f64 / self.seeds.len() as f64
        };
        let (looks, prompts) = (mean(&|seed| seed.looks), mean(&|seed| seed.prompts.values().sum()));
        let by_rule = Rule::ALL.into_iter().map(|rule| {
            (rule.code(), mean(&|seed| seed.prompts.get(rule.code()).copied().unwrap_or_default()))
        });
        let by_rule: Vec<_> = by_rule
            .filter(|(_, count)| *count >= 0.5)
            .map(|(code, count)| format!("{code} {count:.0}"))
            .collect();
        let _ = writeln!(
            out,
            "\n{prompts:.0} of {looks:.0} looks of people who work got a prompt or more \
             ({:.1} in 1,000: {}); of the eight, {:.1} got one",
            1_000.0 * prompts / looks,
            by_rule.join(", "),
            mean(&|seed| seed.prompted.len())
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The looks of the day that counts.
    fn looks(seed: u64) -> (Planted, Vec<Look>) {
        let mut random = Random::new(seed);
        let company = Company::invent(&mut random);
        let planted = Planted::choose(&company, &mut random);
        let mut looks = day_of_work(&company, TEST_DAY, &mut random);
        looks.extend(planted.looks(&company, TEST_DAY, &mut random));
        (planted, looks)
    }

    #[test]
    fn the_same_seed_invents_the_same() {
        let all = |seed| looks(seed).1.iter().map(|look| look.access).collect::<Vec<_>>();
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }

    #[test]
    fn a_day_has_eight_who_are_planted_and_many_who_look_alike() {
        let (planted, looks) = looks(3);
        for kind in KINDS {
            let actor = planted.actor(kind).unwrap();
            assert_eq!(planted.kind(actor), Some(kind));
            let own = |look: &&Look| look.access.actor == actor;
            assert!(looks.iter().filter(own).any(|look| look.why == Why::Planted(kind)), "{kind}");
        }
        let share = |of: &dyn Fn(&Look) -> bool| {
            looks.iter().filter(|look| of(look)).count() as f64 / looks.len() as f64
        };
        assert!((80_000..160_000).contains(&looks.len()));
        assert!((0.15..0.25).contains(&share(&|look| look.why == Why::LoggedLate)));
        assert!(share(&|look| look.access.tie == Tie::None && look.why == Why::Work) > 0.03);
        assert!(share(&|look| look.access.facts.staff && look.why != Why::Planted("colleague")) > 0.001);
    }

    #[test]
    fn seeds_are_a_range_or_one() {
        assert_eq!(parse("3-5"), Some(3..=5));
        assert_eq!(parse("7"), Some(7..=7));
        assert_eq!(parse("5-3"), None);
        assert_eq!(parse("a-3"), None);
    }
}
