//! How fast `avouch ledger verify` goes through a copy of a long log, as an auditor has it who exported one:
//!
//! ```text
//! cargo build --release -p avouch && cargo run --release -p avouch --example verify_speed -- [leaves]
//! ```
//! Its leaves are looks at customers; it is signed each 100,000 leaves. What is timed is the program from its start to its end, on one
//! core. The copy is in the folder for temporary files, some 200 bytes for each leaf.

#[path = "../tests/it/made_copy.rs"]
mod made_copy;

use std::error::Error;
use std::process::Command;
use std::time::Instant;

use made_copy::{Made, look};

fn main() -> Result<(), Box<dyn Error>> {
    let leaves = std::env::args().nth(1).map(|text| text.parse::<u64>()).transpose()?.unwrap_or(1_000_000);
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let made = Made { number: 1, leaves, minimum: 0, signed_each: 100_000 };
    let (key, _) = made.write(folder.path(), |index, _| look(index))?;
    println!("{leaves} leaves written in {:.1?}", start.elapsed());
    let beside = std::env::current_exe()?;
    let program = beside.ancestors().nth(2).ok_or("this program is nowhere")?.join("avouch");
    let start = Instant::now();
    let mut verify = Command::new(program);
    verify.args(["ledger", "verify", "--copy"]).arg(folder.path()).args(["--verifier-key", &key]);
    let verified = verify.status()?;
    let took = start.elapsed();
    println!("{verified}, in {took:.1?}: {:.0} leaves a second", leaves as f64 / took.as_secs_f64());
    Ok(())
}
