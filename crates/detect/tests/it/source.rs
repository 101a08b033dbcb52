//! The input itself: slow, huge, or broken half-way.

use std::io::{self, Cursor, Read};
use std::time::{Duration, Instant};

use avouch_detect::table::{self, Fault, Options};

use crate::{open, show};

/// Gives the bytes of `inner` a few at a time, interrupts now and then, and fails at the end if told so.
struct Trickle {
    inner: Cursor<Vec<u8>>,
    turn: usize,
    fails: bool,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = buffer.len().min(1 + self.turn % 7000);
        match self.inner.read(buffer.get_mut(..size).unwrap_or_default())? {
            0 if self.fails => Err(io::Error::other("the line went dead")),
            taken => Ok(taken),
        }
    }
}

fn rows(count: usize) -> String {
    let row = |n: usize| format!("{n};\"Größe \"\"{n}\"\"\r\nzwei\";Łódź {}\r\n", "x".repeat(n % 50));
    "id;note;city\r\n".to_owned() + &(0..count).map(row).collect::<String>()
}

#[test]
fn chunks_do_not_show() {
    let text = rows(8_000);
    let whole = show(open(text.clone()));
    let sixteen = crate::utf_16(&text);
    for bytes in [text.clone().into_bytes(), sixteen] {
        let trickle = Trickle { inner: Cursor::new(bytes), turn: 0, fails: false };
        let table = table::open(trickle, &Options::default()).expect("a table");
        assert!(show(table) == whole);
    }
    assert_eq!(whole.matches("line ").count(), 8_000);
    assert!(whole.contains("line 16000 (row 8000): 7999|"));
}

/// Four MiB of lone surrogates: less than a second, where the square of their number took minutes.
#[test]
fn what_is_no_text_takes_no_longer_than_text() {
    let broken = [0xfeff, 0x0061, 0x000a].into_iter().chain(std::iter::repeat_n(0xdc00_u16, 2 << 20));
    let bytes: Vec<u8> = broken.flat_map(u16::to_le_bytes).collect();
    let options = Options { max_record_bytes: 4 << 20, ..Options::default() };
    let start = Instant::now();
    let mut table = table::open(Cursor::new(bytes), &options).expect("a table");
    let Some(Err(Fault::Row(bad))) = table.next() else { panic!("a bad row") };
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(bad.raw.len() == 2 << 20 && bad.raw.iter().all(|byte| *byte == 0xff));
    assert!(table.next().is_none());
}

#[test]
fn a_source_that_breaks_ends_the_table_and_is_told() {
    let bytes = rows(8_000).into_bytes();
    let length = bytes.len() as u64;
    let trickle = Trickle { inner: Cursor::new(bytes), turn: 0, fails: true };
    let mut table = table::open(trickle, &Options::default()).expect("a table");
    let last = table.by_ref().last().expect("an item");
    assert!(matches!(last, Err(Fault::Input(_))));
    assert!(table.next().is_none());
    assert_eq!(table.position(), length);
}

#[test]
fn position_runs_ahead_of_the_rows() {
    let text = rows(10_000);
    let length = text.len() as u64;
    let mut table = open(text);
    assert!(table.next().is_some());
    assert!(table.position() > 0 && table.position() < length);
    assert_eq!(table.by_ref().count(), 9_999);
    assert_eq!(table.position(), length);
}
