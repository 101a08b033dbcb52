//! The use of standalone keys. What is worked on comes from a file or from stdin and never from an argument, which others on this
//! machine can read; what comes of it goes to stdout.

use std::path::PathBuf;
use std::process::ExitCode;

use avouch_client::Error as Call;
use avouch_wire::{
    Secret, TransitCiphertext, TransitClaim, TransitDecode, TransitDecrypt, TransitEncode, TransitEncrypt,
    TransitHash, TransitHmac, TransitInput, TransitMac, TransitMarshaling, TransitPlaintext, TransitRandom,
    TransitResponse, TransitResult, TransitRewrap, TransitSign, TransitToken, TransitValue, TransitVerify,
    TransitVerifyHmac,
};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use data_encoding::BASE64;

use crate::remote::input::Sources;
use crate::remote::table::clean;
use crate::remote::{CliError, Remote};

#[derive(Debug, Subcommand)]
pub(crate) enum WorkCommand {
    /// Encrypt what a file holds, byte for byte
    Encrypt(EncryptArgs),
    /// Decrypt, and write what was encrypted byte for byte
    Decrypt(DecryptArgs),
    /// Encrypt anew with a newer version; nothing is shown
    Rewrap(RewrapArgs),
    /// Make a MAC
    Hmac(HmacArgs),
    /// Sign
    Sign(SignArgs),
    /// Whether a signature or a MAC is of this key; exit code 1 if it is not
    Verify(VerifyArgs),
    /// Put a token of the same form in the place of a value
    Encode(OfArgs),
    /// Put the value back in the place of such a token
    Decode(OfArgs),
    /// Random bytes, in base64
    Random {
        /// How many, at most 131072
        #[arg(long, default_value_t = 32, value_name = "N")]
        bytes: u32,
    },
}

/// With which key, and on what.
#[derive(Debug, Args)]
pub(crate) struct OfArgs {
    /// The key
    name: String,
    /// What it is done to; stdin when absent
    #[arg(default_value = "-", value_name = "FILE", hide_default_value = true)]
    file: PathBuf,
}

/// What a ciphertext is bound to.
#[derive(Debug, Args)]
struct BoundArgs {
    /// For a derived key: which of its keys
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// What has to be said again when it is decrypted
    #[arg(long, value_name = "FILE")]
    associated_data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct EncryptArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    bound: BoundArgs,
    /// With this version; the latest when absent
    #[arg(long, value_name = "N")]
    key_version: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    bound: BoundArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RewrapArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    bound: BoundArgs,
    /// With this version; the latest when absent
    #[arg(long, value_name = "N")]
    key_version: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct HmacArgs {
    #[command(flatten)]
    of: OfArgs,
    /// With this hash; sha2-256 when absent
    #[arg(long)]
    hash: Option<Hash>,
    /// By this version; the latest when absent
    #[arg(long, value_name = "N")]
    key_version: Option<u32>,
}

/// The form of a signature.
#[derive(Debug, Args)]
struct FormArgs {
    /// ECDSA: with this hash; sha2-256 when absent
    #[arg(long)]
    hash: Option<Hash>,
    /// How it is written; asn1 when absent
    #[arg(long)]
    marshaling: Option<Marshaling>,
    /// ECDSA: the file holds the digest and not the message
    #[arg(long)]
    prehashed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    form: FormArgs,
    /// With this version; the latest when absent
    #[arg(long, value_name = "N")]
    key_version: Option<u32>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("claim").args(["signature", "hmac"]).required(true)))]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    of: OfArgs,
    #[command(flatten)]
    form: FormArgs,
    /// A file with the signature
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// A file with the MAC, instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["marshaling", "prehashed"])]
    hmac: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Hash {
    #[value(name = "sha2-256")]
    Sha256,
    #[value(name = "sha2-384")]
    Sha384,
    #[value(name = "sha2-512")]
    Sha512,
}

impl From<Hash> for TransitHash {
    fn from(hash: Hash) -> Self {
        match hash {
            Hash::Sha256 => Self::Sha256,
            Hash::Sha384 => Self::Sha384,
            Hash::Sha512 => Self::Sha512,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Marshaling {
    /// As in certificates
    Asn1,
    /// As in JSON Web Signatures
    Jws,
}

impl From<Marshaling> for TransitMarshaling {
    fn from(marshaling: Marshaling) -> Self {
        match marshaling {
            Marshaling::Asn1 => Self::Asn1,
            Marshaling::Jws => Self::Jws,
        }
    }
}

pub(super) fn run(command: WorkCommand, remote: &Remote) -> Result<ExitCode, CliError> {
    let sources = &mut Sources::of_process();
    match command {
        WorkCommand::Encrypt(args) => encrypt(args, sources, remote),
        WorkCommand::Decrypt(args) => decrypt(args, sources, remote),
        WorkCommand::Rewrap(args) => rewrap(args, sources, remote),
        WorkCommand::Hmac(args) => hmac(args, sources, remote),
        WorkCommand::Sign(args) => sign(args, sources, remote),
        WorkCommand::Verify(args) => verify(args, sources, remote),
        WorkCommand::Encode(of) => encode(of, sources, remote),
        WorkCommand::Decode(of) => decode(of, sources, remote),
        WorkCommand::Random { bytes } => {
            let drawn = remote.client.random(TransitRandom { bytes })?;
            remote.output.answer(&drawn, |drawn| line(&drawn.bytes))
        }
    }
}

type Stdin = Sources<std::io::Stdin>;

fn encrypt(args: EncryptArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let EncryptArgs { of, bound, key_version: version } = args;
    let plaintext = sources.base64(&of.file)?;
    let (context, associated_data) = bound.read(sources)?;
    let items = vec![TransitPlaintext { reference: None, plaintext, context, associated_data }];
    let made = remote.client.transit_encrypt(&of.name, &TransitEncrypt { items, version })?;
    answer(remote, &made, |made| made.ciphertext.as_ref())
}

fn decrypt(args: DecryptArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let DecryptArgs { of, bound } = args;
    let items = vec![bound.ciphertext(&of, sources)?];
    let opened = remote.client.transit_decrypt(&of.name, &TransitDecrypt { items })?;
    let item = only(&opened)?;
    if remote.output.json {
        remote.output.json(&opened)?;
    } else if let Some(plaintext) = &item.plaintext {
        let unread = || CliError::Call(Call::Protocol("the plaintext is not base64".to_owned()));
        remote.output.bytes(&BASE64.decode(plaintext.0.as_bytes()).map_err(|_| unread())?)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rewrap(args: RewrapArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let RewrapArgs { of, bound, key_version: version } = args;
    let items = vec![bound.ciphertext(&of, sources)?];
    let made = remote.client.transit_rewrap(&of.name, &TransitRewrap { items, version })?;
    answer(remote, &made, |made| made.ciphertext.as_ref())
}

fn hmac(args: HmacArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let HmacArgs { of, hash, key_version: version } = args;
    let items = vec![TransitInput { reference: None, input: sources.base64(&of.file)? }];
    let request = TransitHmac { items, hash: hash.map(Into::into), version };
    let made = remote.client.transit_hmac(&of.name, &request)?;
    answer(remote, &made, |made| made.hmac.as_ref())
}

fn sign(args: SignArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let SignArgs { of, form, key_version: version } = args;
    let items = vec![TransitInput { reference: None, input: sources.base64(&of.file)? }];
    let request = TransitSign {
        items,
        hash: form.hash.map(Into::into),
        marshaling: form.marshaling.map(Into::into),
        prehashed: form.prehashed.then_some(true),
        version,
    };
    let made = remote.client.transit_sign(&of.name, &request)?;
    answer(remote, &made, |made| made.signature.as_ref())
}

fn verify(args: VerifyArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let VerifyArgs { of, form, signature, hmac } = args;
    let input = sources.base64(&of.file)?;
    let hash = form.hash.map(Into::into);
    let verified = if let Some(mac) = hmac {
        let items = vec![TransitMac { reference: None, input, hmac: sources.secret(&mac)? }];
        remote.client.transit_verify_hmac(&of.name, &TransitVerifyHmac { items, hash })?
    } else {
        let signature = sources.secret(&signature.unwrap_or_default())?;
        let request = TransitVerify {
            items: vec![TransitClaim { reference: None, input, signature }],
            hash,
            marshaling: form.marshaling.map(Into::into),
            prehashed: form.prehashed.then_some(true),
        };
        remote.client.transit_verify(&of.name, &request)?
    };
    let valid = only(&verified)?.valid == Some(true);
    remote.output.answer(&verified, |_| if valid { "valid\n" } else { "not valid\n" }.to_owned())?;
    Ok(if valid { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn encode(of: OfArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let items = vec![TransitValue { reference: None, value: sources.secret(&of.file)? }];
    let made = remote.client.transit_encode(&of.name, &TransitEncode { items })?;
    answer(remote, &made, |made| made.token.as_ref())
}

fn decode(of: OfArgs, sources: &mut Stdin, remote: &Remote) -> Result<ExitCode, CliError> {
    let items = vec![TransitToken { reference: None, token: sources.secret(&of.file)? }];
    let made = remote.client.transit_decode(&of.name, &TransitDecode { items })?;
    answer(remote, &made, |made| made.value.as_ref())
}

impl BoundArgs {
    fn read(&self, sources: &mut Stdin) -> Result<(Option<Secret>, Option<Secret>), CliError> {
        let mut part = |path: &Option<PathBuf>| path.as_ref().map(|path| sources.base64(path)).transpose();
        Ok((part(&self.context)?, part(&self.associated_data)?))
    }

    fn ciphertext(&self, of: &OfArgs, sources: &mut Stdin) -> Result<TransitCiphertext, CliError> {
        let ciphertext = sources.secret(&of.file)?;
        let (context, associated_data) = self.read(sources)?;
        Ok(TransitCiphertext { reference: None, ciphertext, context, associated_data })
    }
}

/// What came of the one item that was sent.
fn only(response: &TransitResponse) -> Result<&TransitResult, CliError> {
    let none = || CliError::Call(Call::Protocol("nothing came of what was sent".to_owned()));
    let item = response.items.first().ok_or_else(none)?;
    match &item.problem {
        Some(problem) => Err(Call::Problem(Box::new(problem.clone())).into()),
        None => Ok(item),
    }
}

fn answer(
    remote: &Remote,
    response: &TransitResponse,
    text: impl FnOnce(&TransitResult) -> Option<&Secret>,
) -> Result<ExitCode, CliError> {
    let item = only(response)?;
    remote.output.answer(response, |_| text(item).map(line).unwrap_or_default())
}

fn line(text: &Secret) -> String {
    format!("{}\n", clean(&text.0))
}
