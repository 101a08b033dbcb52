//! The commands as a user meets them: what they accept, what help says, and imports against a server that keeps what it is sent.

mod server;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use avouch_wire::Secret;
use clap::{CommandFactory, Parser};

use super::*;
use server::Vault;

#[derive(Debug, Parser)]
#[command(name = "avouch")]
struct Cli {
    #[command(subcommand)]
    command: RemoteCommand,
}

fn parse(line: &str) -> Result<RemoteCommand, String> {
    let words = std::iter::once("avouch").chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.to_string())
}

/// Runs a command and gives its exit code.
fn command<'a>(vault: &Vault, words: impl IntoIterator<Item = &'a str>) -> Result<u8, CliError> {
    let command = Cli::try_parse_from(std::iter::once("avouch").chain(words)).unwrap().command;
    let connection =
        Connection { server: vault.url(), key: Some(Secret("avk_test".into())), ca: None, json: false };
    // `ExitCode` can be compared by its debug form only.
    let code = format!("{:?}", run(command, &connection)?);
    Ok((0..=6).find(|&known| format!("{:?}", ExitCode::from(known)) == code).unwrap())
}

fn import(vault: &Vault, file: &Path, rest: &[&str]) -> Result<u8, CliError> {
    command(vault, ["import", file.to_str().unwrap()].into_iter().chain(rest.iter().copied()))
}

fn export(vault: &Vault, file: &Path, reason: &str, rest: &[&str]) -> Result<u8, CliError> {
    let words =
        ["export", "--fields", "name", "--purpose", "accounting", "--plain", "--reason", reason, "-o"];
    command(vault, words.into_iter().chain([file.to_str().unwrap()]).chain(rest.iter().copied()))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn commands_that_say_too_little_or_too_much_are_refused() {
    for line in [
        "subject update 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874 name=Ada",
        "subject update 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874 --version 3",
        "search --by email=-",
        "reveal 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874 --purpose support",
        "principal update 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874",
        "apikey create 5f0c2a9e-7b1d-4c53-9a86-3e1f60d2b874 --label shop --days 366",
        "export --fields name --purpose accounting --reason year -o out",
        "export --fields name --purpose accounting --reason year --to age1x --plain -o out",
        "export --fields name --purpose accounting --to age1x -o out",
        "import c.csv --chunk 1001",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn help_says_where_values_may_come_from() {
    let help = parse("search --help").unwrap_err();
    assert!(help.contains("prefer stdin or a file") && help.contains("email=-"), "{help}");
    let help = parse("import --help").unwrap_err();
    assert!(help.contains("FirstName+LastName=name") && help.contains("goes on where it was"), "{help}");
}

#[test]
fn an_import_stores_each_row_once_and_its_error_file_can_be_fed_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.csv");
    let mut text = "First;Last;Mail\r\n".to_owned();
    for number in 1..=50 {
        let mail = if number == 7 { "broken".to_owned() } else { format!("{number}@example.org") };
        text.push_str(&format!("Zoë;{number};{mail}\r\n"));
    }
    text.push_str("Too;Many;Cells;Here\r\n");
    fs::write(&file, text).unwrap();
    let vault = Vault::start();
    let maps = ["--map", "First+Last=name", "--map", "Mail=email", "--chunk", "10"];

    assert_eq!(import(&vault, &file, &maps).unwrap(), 5);
    assert_eq!(vault.stored().len(), 49);
    assert!(vault.stored().contains(&r#"{"name":"Zoë 50","email":"50@example.org"}"#.to_owned()));

    let errors = folder.path().join("customers.errors.csv");
    let text = fs::read_to_string(&errors).unwrap();
    insta::assert_snapshot!(text.trim_start_matches('\u{feff}'), @r#"
    avouch_row;avouch_error;First;Last;Mail
    7;"email: expected an e-mail address";Zoë;7;broken
    51;"1 column too many (4 instead of 3)";Too;Many;Cells;Here
    "#);

    fs::write(&errors, text.replace("broken", "7@example.org").replace(";Here", "@example.org")).unwrap();
    assert_eq!(import(&vault, &errors, &maps).unwrap(), 0);
    assert_eq!(vault.stored().len(), 51);
}

#[test]
fn the_same_command_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.csv");
    let rows: String = (1..=95).map(|number| format!("Ada {number},{number}@example.org\n")).collect();
    fs::write(&file, format!("Name,Mail\n{rows}")).unwrap();
    let vault = Vault::start();
    vault.lose_answers(3);
    let maps = ["--map", "Name=name", "--map", "Mail=email", "--chunk", "10"];

    assert_eq!(import(&vault, &file, &maps).unwrap(), 0);
    assert_eq!(vault.stored().len(), 95, "a chunk whose answer was lost is not stored twice");
    let puts = vault.puts();

    assert_eq!(import(&vault, &file, &maps).unwrap(), 0);
    assert_eq!((vault.stored().len(), vault.puts()), (95, puts), "nothing is sent that is there");

    assert_eq!(import(&vault, &file, &["--map", "Name=name", "--chunk", "10"]).unwrap(), 0);
    assert_eq!(vault.stored().len(), 190, "another mapping is another import");
}

#[test]
fn an_import_that_is_refused_half_way_ends_and_keeps_its_error_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.csv");
    let rows: String = (1..=5000).map(|number| format!("Ada {number},x\n")).collect();
    fs::write(&file, format!("Name,Mail\n{rows}")).unwrap();
    let vault = Vault::start();
    vault.refuse_from(3);

    let error =
        import(&vault, &file, &["--map", "Name=name", "--map", "Mail=email", "--chunk", "10"]).unwrap_err();

    assert!(error.to_string().contains("denied-by-policy"), "{error}");
    let errors = fs::read_to_string(folder.path().join("customers.errors.csv")).unwrap();
    assert_eq!(errors.lines().count(), 1 + 30, "a heading, and the rows of the chunks before");
}

#[test]
fn without_a_terminal_a_proposal_needs_a_yes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("customers.csv");
    fs::write(&file, "Mail,Other\na@example.org,x\n").unwrap();
    let vault = Vault::start();

    let error = import(&vault, &file, &[]).unwrap_err();
    insta::assert_snapshot!(error, @"
    nobody is there to confirm a mapping: --yes takes this one, --map says another
    column  field  sure  because
    Mail    email  99 %  the header means e-mail
    left out: Other
    ");
    assert!(vault.stored().is_empty());

    assert_eq!(import(&vault, &file, &["--yes", "--map", "Other=name"]).unwrap(), 0);
    assert_eq!(vault.stored(), [r#"{"email":"a@example.org","name":"x"}"#]);
}

#[test]
fn an_export_is_whole_private_and_never_in_the_way_of_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv");
    let vault = Vault::start();

    assert_eq!(export(&vault, &file, "yearly statement", &[]).unwrap(), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "name\nAda\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    assert!(matches!(export(&vault, &file, "yearly statement", &[]), Err(CliError::Usage(_))));
    assert_eq!(export(&vault, &file, "yearly statement", &["--force"]).unwrap(), 0);
}

#[test]
fn an_export_that_breaks_off_leaves_nothing_and_spoils_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv");
    fs::write(&file, "earlier").unwrap();
    let vault = Vault::start();

    let error = export(&vault, &file, "will break off", &["--force"]).unwrap_err();

    insta::assert_snapshot!(error, @"the server cannot be reached: the export broke off; nothing was kept");
    assert_eq!(fs::read_to_string(&file).unwrap(), "earlier");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
