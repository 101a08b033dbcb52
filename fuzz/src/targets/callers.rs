//! Nobody is taken for a caller but whom a trusted proxy has named. Of a chain, what stands left of the first address that is not
//! trusted changes nothing, whatever it is; and an address that is found stands there, in its element. A header of the PROXY protocol is
//! read whole or not at all, and is one line or one frame in its one spelling.

use std::net::IpAddr;

use arbitrary::{Result, Unstructured};

use forwarded::{Chain, Told};
use proxy::Sender;

/// The crate around them is heavy to build, and these are the parts of it that strangers write to.
#[path = "../../../crates/http/src/client_address/forwarded.rs"]
#[expect(unreachable_pub, reason = "settings of the crate around it name the kinds of chains")]
mod forwarded;
#[path = "../../../crates/http/src/client_address/proxy.rs"]
mod proxy;

const HOPS: usize = 4;

pub(super) fn check(mut input: Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=3)? {
        0 => chain(Chain::XForwardedFor, input),
        1 => chain(Chain::Forwarded, input),
        2 => line(input.take_rest()),
        _ => frame(input),
    }
}

/// 10.0.0.0/8 and fd00::/8.
fn is_ours(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets().first() == Some(&10),
        IpAddr::V6(address) => address.octets().first() == Some(&0xfd),
    }
}

fn told(chain: Chain, lines: &[&[u8]]) -> Told {
    forwarded::told(chain, lines.iter().copied(), HOPS, is_ours)
}

fn chain(chain: Chain, mut input: Unstructured<'_>) -> Result<()> {
    let cut: usize = input.arbitrary()?;
    let bytes = input.take_rest();
    let (left, right) = bytes.split_at(cut % (bytes.len() + 1));
    let alone = told(chain, &[right]);
    if let Told::Client(address) = alone {
        assert!(!is_ours(address) && address == address.to_canonical());
        // Two lines are one list, and strangers are to the left of it.
        assert_eq!(told(chain, &[left, right]), alone);
        assert_eq!(told(chain, &[&[left, b",", right].concat()]), alone);
        // Our own proxies stand to the right of it.
        let ours: &[u8] = if chain == Chain::Forwarded { b"for=10.0.0.1" } else { b"10.0.0.1" };
        let behind = told(chain, &[right, ours]);
        assert!(behind == alone || behind == Told::TooLong);
    }
    // Whatever it is, what a proxy of ours writes behind it is found.
    let written: &[u8] =
        if chain == Chain::Forwarded { b"for=\"192.0.2.1:80\";by=\"a,b\"" } else { b"192.0.2.1" };
    let found = Told::Client([192, 0, 2, 1].into());
    assert_eq!(told(chain, &[bytes, written]), found);
    assert_eq!(told(chain, &[&[bytes, b", ", written].concat()]), found);
    Ok(())
}

fn line(bytes: &[u8]) -> Result<()> {
    let Ok(sender) = proxy::line(bytes) else { return Ok(()) };
    assert!(bytes.len() <= proxy::LINE_BYTES && bytes.ends_with(b"\r\n") && bytes.starts_with(proxy::WORD));
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
    if let Sender::Client(address) = sender {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let words: Vec<_> = text.trim_end().split(' ').collect();
        assert_eq!(words.len(), 6);
        assert_eq!(words.get(2).and_then(|word| word.parse().ok()), Some(address));
    }
    Ok(())
}

fn frame(mut input: Unstructured<'_>) -> Result<()> {
    let (command, family, announced): (u8, u8, u16) =
        (input.arbitrary()?, input.arbitrary()?, input.arbitrary()?);
    let body = input.take_rest();
    // Half of them announce what there is.
    let bytes = if announced % 2 == 0 { u16::try_from(body.len()).unwrap_or(u16::MAX) } else { announced };
    let [high, low] = bytes.to_be_bytes();
    let mut head = [0; 16];
    let whole = proxy::SIGNATURE.into_iter().chain([command, family, high, low]);
    head.iter_mut().zip(whole).for_each(|(place, byte)| *place = byte);
    let Ok(frame) = proxy::announced(head) else {
        assert!(usize::from(bytes) > proxy::BODY_BYTES || !matches!(command, 0x20 | 0x21));
        return Ok(());
    };
    let Ok(sender) = proxy::body(frame, body) else { return Ok(()) };
    assert_eq!(body.len(), usize::from(bytes));
    if let Sender::Client(address) = sender {
        assert_eq!(command, 0x21);
        let stands = match address {
            IpAddr::V4(address) => body.starts_with(&address.octets()) && family == 0x11,
            IpAddr::V6(address) => body.starts_with(&address.octets()) && family == 0x21,
        };
        assert!(stands);
    }
    Ok(())
}
