//! `avouch demo`: a shop with invented customers, served on loopback, and a screenful of things to try.
//!
//! Everything lies in one folder and is made by the same operations as in a vault that matters. Its root key says of
//! itself that it is a demo key, which `avouch serve` refuses; its API keys lie beside it in plain files. No real
//! person's data belongs in here, and the screen says so.
//!
//! Each step finds what was made before, so a start after a crash, or with more customers, goes on where the last ended.

mod people;
mod screen;
mod shop;

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, Engine};
use crate::error::Error;
use crate::memory::Memory;
use crate::vault::Vault;
use crate::{charter, files, init, recovery, root, serve, telemetry};
use screen::Screen;

#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// How many customers the shop has
    #[arg(long, default_value_t = 3000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    customers: u32,
    /// Where everything goes; remove the folder and it is gone
    #[arg(long, default_value = "avouch-demo", value_name = "FOLDER")]
    dir: PathBuf,
    /// Where to listen on this machine; another port is taken when it is in use
    #[arg(long, default_value_t = 8420, value_name = "PORT")]
    port: u16,
}

const CONFIG_FILE: &str = "avouch.toml";

const CONFIG: &str = "\
# The demo's configuration. Demo keys protect nothing: keep no real person's data here.
[vault]
data_dir = \"vault\"
environment = \"demo\"

[root]
path = \"root.key\"

[charter]
dir = \"charter\"

[log]
level = \"warn\"
";

/// `avouch demo`.
///
/// # Errors
/// Whatever keeps it from starting.
pub(crate) fn run(args: &DemoArgs, memory: &Memory) -> Result<ExitCode, Error> {
    let dir = std::path::absolute(&args.dir).map_err(Error::file(&args.dir))?;
    let mut config = prepare(&dir)?;
    telemetry::start(&config.log);
    let vault = Vault::open(&config)?;
    memory.log();
    let staff = shop::hire(&vault.app, &dir.join("keys"))?;
    let customers = usize::try_from(args.customers).unwrap_or(usize::MAX);
    shop::fill(&vault.app, customers)?;
    let sample = shop::sample(&vault.app)?;

    config.http.listen = Some((Ipv4Addr::LOCALHOST, free_port(args.port)).into());
    config.listener.clear();
    let config = config;
    let mut told = Ok(());
    let code = serve::until_stopped(
        &config,
        &dir.join(CONFIG_FILE),
        vault,
        memory.lock,
        |addresses: &[SocketAddr]| {
            // A demo has one.
            let Some(address) = addresses.first() else { return };
            let screen = Screen {
                dir: &dir,
                url: format!("http://{address}"),
                staff: &staff,
                sample: &sample,
                customers,
            };
            let moved = (args.port != 0 && address.port() != args.port).then_some(args.port);
            told = screen.write_scripts().map(|()| {
                let mut out = std::io::stdout().lock();
                // Nobody reads it: the server is worth having all the same.
                let _ = out.write_all(screen.text(moved).as_bytes()).and_then(|()| out.flush());
            });
        },
    )?;
    told.map(|()| code)
}

/// The folder with its configuration and an empty vault, unless they are there.
fn prepare(dir: &Path) -> Result<Config, Error> {
    let config_path = dir.join(CONFIG_FILE);
    if !config_path.exists() {
        if dir.is_dir() && fs::read_dir(dir).map_err(Error::file(dir))?.next().is_some() {
            return Err(Error::Usage(format!("`{}` is not a demo's folder, and not empty", dir.display())));
        }
        files::make_private_dir(dir)?;
        files::write_new(&config_path, CONFIG, 0o600)?;
    }
    let config = Config::load(&config_path, None)?;
    if config.vault.environment != crate::vault::DEMO || config.store.engine != Engine::Sqlite {
        return Err(Error::Usage(format!("`{}` is not a demo's configuration", config_path.display())));
    }
    if !config.charter.dir.exists() {
        charter::write_default(&config.charter.dir)?;
    }
    use avouch_core::app::opening::OpeningError::Exists;
    // An interrupted first start has left a store without a vault, which only the store can tell from one with.
    let recovery = |_: &Config| {
        let path = dir.join("recovery.key");
        if path.exists() {
            fs::remove_file(&path).map_err(Error::file(&path))?;
        }
        recovery::Made::key_file(&path, root::make_key_file(&path, true)?)
    };
    let first = init::First { sources: &charter::default_files(), admin_role: "admin", days: shop::KEY_DAYS };
    match init::make(&config, &config_path, &first, recovery).map(|(made, _)| made) {
        Ok(made) => {
            shop::keep_key(&dir.join("keys"), "admin", &made.key)?;
            made.app.close()?;
        }
        Err(Error::Opening(Exists)) => {}
        Err(error) => return Err(error),
    }
    Ok(config)
}

/// The port asked for, or 0 when somebody has it.
fn free_port(wanted: u16) -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).map_or(0, |_| wanted)
}
