//! `avouch login`, `avouch logout`: a session in the place of an API key, for people. It is kept in a file of theirs until it ends, one for
//! each server, in memory where the system has such a folder (`XDG_RUNTIME_DIR`).

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use avouch_client::Client;
use avouch_wire::{LogInRequest, Secret, Session};
use clap::Args;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::table::facts;
use super::{CliError, Connection, Remote};
use crate::{files, host};

/// The name of the file in its folder.
const FILE: &str = "sessions.json";

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Log in here, by this name with its password and the code of an app; without it, by what “A session for a terminal” on the page “My
    /// access” shows, wherever you have logged in there
    #[arg(long)]
    name: Option<String>,
}

/// What is kept: the token of a session for each server.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Kept(BTreeMap<String, Secret>);

/// A server as its session is kept under, however its address was written.
fn name(server: &str) -> String {
    server.trim_end_matches('/').to_ascii_lowercase()
}

/// `avouch login`.
///
/// # Errors
/// [`CliError`].
pub(crate) fn log_in(args: LoginArgs, nobody: &Connection) -> Result<ExitCode, CliError> {
    let mut typed = Typed::of_process();
    let token = match args.name {
        Some(login) => {
            let password = typed.ask("Password")?;
            let code = typed.ask("Code of your app, if you have one")?;
            let request = LogInRequest {
                login: Some(login),
                password: Some(Secret(password.to_string())),
                code: (!code.is_empty()).then(|| Secret(code.to_string())),
                token: true,
                ..LogInRequest::default()
            };
            let begun = Remote::new(nobody)?.client.log_in(&request)?;
            begun.token.ok_or_else(|| CliError::Input("the server gave no token".to_owned()))?
        }
        None => {
            let page = format!("{}/console/account", nobody.server.trim_end_matches('/'));
            let told = format!(
                "Open {page} in your browser, choose “A session for a terminal”, and paste what it shows"
            );
            Secret(typed.ask(&told)?.to_string())
        }
    };
    // Looked at before it is kept: whatever was pasted is a session, and alive.
    let remote = Remote::new(&Connection { key: Some(token.clone()), ..nobody.clone() })?;
    let session = this(&remote.client)?;
    let (place, mut kept) = kept()?;
    kept.0.insert(name(&nobody.server), token);
    keep(&place, &kept)?;
    remote.output.answer(&session, |session| {
        facts([
            ("logged in", session.client.clone()),
            ("ends", session.until.to_string()),
            ("kept in", place.display().to_string()),
        ])
    })
}

/// `avouch logout`.
///
/// # Errors
/// [`CliError`].
pub(crate) fn log_out(nobody: &Connection) -> Result<ExitCode, CliError> {
    let (place, mut kept) = kept()?;
    let Some(token) = kept.0.remove(&name(&nobody.server)) else {
        return Err(CliError::usage(format!("you are not logged in at {}", nobody.server)));
    };
    let remote = Remote::new(&Connection { key: Some(token), ..nobody.clone() })?;
    let ended = this(&remote.client).and_then(|session| Ok(remote.client.session_end(session.id)?));
    // One that has ended already is none.
    let ended = match ended {
        Err(CliError::Call(avouch_client::Error::Problem(problem)))
            if problem.kind == avouch_wire::ProblemKind::NotAuthenticated =>
        {
            avouch_wire::SessionsEnded { ended: 0 }
        }
        other => other?,
    };
    keep(&place, &kept)?;
    remote.output.answer(&ended, |ended| {
        if ended.ended == 0 { "the session had ended already\n" } else { "logged out\n" }.to_owned()
    })
}

/// The session that is kept for a server.
pub(crate) fn of(server: &str) -> Option<Secret> {
    kept().ok()?.1.0.remove(&name(server))
}

/// The session that the client asks in.
fn this(client: &Client) -> Result<Session, CliError> {
    let this = client.sessions()?.items.into_iter().find(|session| session.this);
    this.ok_or_else(|| CliError::usage("that is no session: it begins with `avs_`"))
}

fn kept() -> Result<(PathBuf, Kept), CliError> {
    let path = folder(host::folder)?.join(FILE);
    let kept = match std::fs::read(&path).map(Zeroizing::new) {
        Ok(text) => serde_json::from_slice(&text).map_err(|_| {
            CliError::Input(format!("`{}` is not a list of sessions: remove it", path.display()))
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
        Err(error) => return Err(CliError::file(&path, &error)),
    };
    Ok((path, kept))
}

/// Where sessions are kept: what belongs to nobody but the user, and at best goes when they leave the machine.
fn folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, CliError> {
    let absolute = |name| variable(name).filter(|path: &PathBuf| path.is_absolute());
    let state = || absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    let folder = absolute("XDG_RUNTIME_DIR").or_else(state).map(|path| path.join("avouch"));
    folder.ok_or_else(|| CliError::usage("there is nowhere to keep a session: HOME is not set"))
}

fn keep(path: &Path, kept: &Kept) -> Result<(), CliError> {
    let text = Zeroizing::new(serde_json::to_string(kept).map_err(io::Error::from)?);
    let write = || {
        files::make_private_dir(path.parent().unwrap_or_else(|| Path::new(".")))?;
        files::replace(path, &text, 0o600)
    };
    write().map_err(|error| CliError::Io(error.to_string()))
}

/// What somebody types that nobody looks at, or a program writes a line at a time.
struct Typed {
    at_terminal: bool,
}

impl Typed {
    fn of_process() -> Self {
        Self { at_terminal: io::stdin().is_terminal() }
    }

    fn ask(&mut self, what: &str) -> Result<Zeroizing<String>, CliError> {
        if self.at_terminal {
            write!(io::stderr(), "{what}: ")?;
            return Ok(Zeroizing::new(rpassword::read_password()?.trim().to_owned()));
        }
        let mut line = Zeroizing::new(String::with_capacity(4096));
        io::stdin().read_line(&mut line)?;
        Ok(Zeroizing::new(line.trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_kept_where_nobody_else_looks_and_at_best_in_memory() {
        let with = |set: &[(&str, &str)]| {
            let set: BTreeMap<_, _> = set.iter().copied().collect();
            folder(|name| set.get(name).map(PathBuf::from)).ok()
        };
        let home = ("HOME", "/home/ida");
        assert_eq!(with(&[home]), Some("/home/ida/.local/state/avouch".into()));
        assert_eq!(with(&[home, ("XDG_STATE_HOME", "/s")]), Some("/s/avouch".into()));
        assert_eq!(with(&[home, ("XDG_RUNTIME_DIR", "/run/user/7")]), Some("/run/user/7/avouch".into()));
        assert_eq!(with(&[home, ("XDG_RUNTIME_DIR", "")]), Some("/home/ida/.local/state/avouch".into()));
        assert_eq!(with(&[("HOME", "relative")]), None);
    }
}
