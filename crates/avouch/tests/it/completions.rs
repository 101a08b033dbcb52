//! Help and completions.

use crate::program::Place;

#[test]
fn help_says_where_to_begin() {
    let ended = Place::new().run(&["--help"]).success();
    insta::assert_snapshot!(ended.out, @r"
    Keeps customers' data and keeps its word about it

    Usage: avouch [OPTIONS] <COMMAND>

    Start here:
      avouch demo            a shop with invented customers, to try everything below
      avouch init            make a vault; then `avouch serve`

    Commands:
      demo         Start a shop with invented customers, and show what to try
      init         Make a vault: its keys, its first charter and its first administrator
      serve        Serve the vault until told to stop
      recover      Open a vault whose root is lost, by its recovery shares, passphrase or key
      admin        Let an administrator in again, at the host of the server
      backup       Backups of both stores: make, list, verify
      restore      Bring a vault, or one of its stores, back from backups
      config       The configuration: check, show
      charter      What is kept, what for and who sees it: check, show, plan, draft, apply, roll-back
      erasures     What was erased, and the proof of it: list, show, verify
      ledger       The log that nobody can rewrite: status, export, verify, proofs of single events
      witness      Cosign the checkpoints of others' logs, on a host of its own: init, keys, serve
      network      What a firewall in front of the server can know: rules, callers
      passwords    A list of stolen passwords that nobody may take: build
      login        Log in at a server, for whoever has no API key
      logout       End the session that `login` began
      doctor       Look for what is wrong with the server on this machine
      completions  Write a shell's completions for this program
      subject      Work with one customer: create, show, list, update, delete, history, accesses
      search       Find customers by indexed fields
      reveal       Show fields of a customer in clear, for a purpose and with a reason
      token        Make tokens of single values
      tokenize     Put tokens in place of the personal values of a JSON document
      detokenize   Put the values back in place of the tokens of a JSON document
      explain      Ask what the policy would decide, without acting
      principal    The people and programs that may call: list, create, show, update, suspend, activate
      apikey       The keys they call with: create, list, revoke
      hold         What keeps a customer from being erased: place, list, lift
      approval     What others have to agree to: ask, list, work, agree, refuse, cancel
      break-glass  An emergency, and its review: open, list, show, end, review
      mark         Say that it matters who looks at a customer: well known, or a colleague
      alarm        What happened that somebody has to look at: list, close
      tie          What somebody has to do with a customer: add, list, end, import
      watch        Looks without need, for whoever reviews them: cases, show, close
      account      Your own looks at customers, and that they are watched: accesses, acknowledge
      events       Who did what: the record, newest first
      disclosures  What recipients were given, of how many customers and when
      import       Store the customers of a CSV or JSON Lines file
      export       Write many customers to a file, sealed to its receiver
      keys         The server's own keys: their state, and their rotation
      transit      Keys for data that applications keep elsewhere: create, rotate, encrypt, sign, …
      status       The state of the server

    Options:
          --config <FILE>  The configuration of the server on this machine [env: AVOUCH_CONFIG=]
                           [default: avouch.toml]
          --json           Answer in JSON
      -h, --help           Print help
      -V, --version        Print version

    Talking to a server:
          --server <URL>     Its address, https://host:port [env: AVOUCH_SERVER=] [default:
                             http://127.0.0.1:8420]
          --key <KEY>        The API key; better in the environment or a file, as others on this machine
                             can read arguments [env: AVOUCH_KEY]
          --key-file <FILE>  The API key in a file, before any other [env: AVOUCH_KEY_FILE=]
          --ca <FILE>        The only certificate authorities to trust, a PEM file [env: AVOUCH_CA=]

    Exit codes:
      0  done
      1  failed
      2  wrong usage
      3  refused: no usable key, or the policy does not allow it
      4  there is no such customer, token, principal or key
      5  the request does not fit: validation, conflict, or rows that were rejected
      6  the server cannot be reached, cannot serve now, or does not say whether it was done
    ");
}

#[test]
fn help_of_host_commands() {
    let place = Place::new();
    // The options that all commands share stand in the help of the whole.
    let own = |command: &str| {
        let text = place.run(&[command, "--help"]).success().out;
        text.split("\nTalking to a server:").next().unwrap().to_owned()
    };
    insta::assert_snapshot!(["demo", "init", "serve", "doctor"].map(own).join("\n――――\n"), @"
    Start a shop with invented customers, and show what to try

    Usage: avouch demo [OPTIONS]

    Options:
          --customers <N>  How many customers the shop has [default: 3000]
          --dir <FOLDER>   Where everything goes; remove the folder and it is gone [default:
                           avouch-demo]
          --port <PORT>    Where to listen on this machine; another port is taken when it is in use
                           [default: 8420]
          --config <FILE>  The configuration of the server on this machine [env: AVOUCH_CONFIG=]
                           [default: avouch.toml]
          --json           Answer in JSON
      -h, --help           Print help

    ――――
    Make a vault: its keys, its first charter and its first administrator

    Usage: avouch init [OPTIONS]

    Options:
          --data-dir <FOLDER>       Where the vault's files go, when there is no configuration yet
          --root-key <FILE>         Where the root key goes, when there is no configuration yet; a key
                                    that is there is used
          --passphrase-file <FILE>  Open the vault by the passphrase in this file instead of a root key
          --charter <FOLDER>        The folder of the first charter; without it the configuration's,
                                    made with the example shop's if it is missing
          --admin-role <ROLE>       The charter's role for the first administrator [default: admin]
          --days <DAYS>             For how many days the administrator's first key works [default: 90]
          --config <FILE>           The configuration of the server on this machine [env:
                                    AVOUCH_CONFIG=] [default: avouch.toml]
          --json                    Answer in JSON
      -h, --help                    Print help

    When the root key is lost:
          --recovery-shares <N>
              How many recovery shares are made [default: 3]
          --recovery-threshold <N>
              How many of them open the vault together [default: 2]
          --recovery-dir <FOLDER>
              Where the shares are written, for you to hand out [default: beside the data]
          --custodian <AGE>
              A custodian's age recipient, once for each share: the share is sealed to it
          --recovery-passphrase-file <FILE>
              A second passphrase, in a file, instead of shares
          --recovery-key-file <FILE>
              A second key file, made here, instead of shares

    ――――
    Serve the vault until told to stop

    Usage: avouch serve [OPTIONS]

    Options:
          --config <FILE>  The configuration of the server on this machine [env: AVOUCH_CONFIG=]
                           [default: avouch.toml]
          --json           Answer in JSON
      -h, --help           Print help

    ――――
    Look for what is wrong with the server on this machine

    Usage: avouch doctor [OPTIONS]

    Options:
          --config <FILE>  The configuration of the server on this machine [env: AVOUCH_CONFIG=]
                           [default: avouch.toml]
          --json           Answer in JSON
      -h, --help           Print help
    ");
}

#[test]
fn every_shell_gets_completions() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = place.run(&["completions", shell]).success();
        assert!(ended.out.contains("detokenize") && ended.out.contains("doctor"), "{shell}");
    }
}

#[test]
fn a_command_without_a_key_says_how_to_give_one() {
    insta::assert_snapshot!(Place::new().run(&["status"]).refusal(), @r"
    exit code 2
    error: as whom? Log in by `avouch login`, set AVOUCH_KEY, or say --key-file
    ");
}
