//! What is hostile to a terminal or to whoever reads it, each with a marker of its own. Knows how such a
//! text begins once it is made visible, written down here a second time and not asked of the product.

use std::collections::BTreeSet;

/// Most bytes of a text that is cut to no field's limit: a message.
pub(super) const TEXT_BYTES: usize = 4_000;
/// Most bytes of a text among others.
const GROUPED_BYTES: usize = 40;

/// One text that is to reach no terminal as it is.
pub(super) struct Hostile {
    number: usize,
    payload: String,
}

impl Hostile {
    /// `n017`, what is hostile, and an `x`; cut to `bytes_max`. The letter says in which field it is.
    pub(super) fn raw(&self, field: char, bytes_max: usize) -> String {
        let mut raw = format!("{}{}x", self.marker(field), self.payload);
        raw.truncate(raw.floor_char_boundary(bytes_max));
        raw
    }

    /// The marker and the beginning of the escape behind it, as they stand on a line: `n017\u`.
    pub(super) fn key(&self, field: char) -> String {
        let first = self.payload.chars().next().unwrap_or('x');
        let escape: String = escaped(first).chars().take(2).collect();
        let is_mark = !is_foreign(first);
        self.marker(field) + if is_mark { "" } else { &escape }
    }

    /// The same where line ends and tabs stay what they are.
    pub(super) fn key_of_lines(&self, field: char) -> String {
        let stays = ["\n", "\t", "\r\n"].iter().any(|end| self.payload.starts_with(end));
        if stays { self.marker(field) } else { self.key(field) }
    }

    /// The same in a log, which doubles the backslashes of what it quotes.
    pub(super) fn key_in_log(&self, field: char) -> String {
        let mut key = self.key(field);
        key.truncate("n000\\".len());
        key
    }

    fn marker(&self, field: char) -> String {
        format!("{field}{:03}", self.number)
    }

    fn cells(&self) -> usize {
        let cells: usize = self.payload.chars().map(|c| escaped(c).chars().count()).sum();
        cells.min(GROUPED_BYTES) + 6
    }
}

/// All of them, those that take the fewest cells first: from 200 to 240.
pub(super) fn corpus() -> Vec<Hostile> {
    let mut payloads: Vec<String> = signs().map(String::from).collect();
    payloads.extend(('@'..='_').map(|second| format!("\x1b{second}")));
    payloads.extend(SEQUENCES.map(str::to_owned));
    payloads.push("\u{301}\u{302}".repeat(5_000));
    payloads.sort_by_key(|payload| payload.chars().map(|c| escaped(c).len()).sum::<usize>());
    let distinct: BTreeSet<&String> = payloads.iter().collect();
    assert_eq!(distinct.len(), payloads.len(), "one of them is there twice");
    let numbered = payloads.into_iter().enumerate();
    let corpus: Vec<_> = numbered.map(|(number, payload)| Hostile { number, payload }).collect();
    assert!((200..=240).contains(&corpus.len()), "{} hostile texts", corpus.len());
    corpus
}

/// As many of them together as `cells` can show, each text with the keys of those in it.
pub(super) fn groups(corpus: &[Hostile], field: char, cells: usize) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let mut room = 0;
    for one in corpus {
        if one.cells() > room {
            groups.push(Default::default());
            room = cells;
        }
        room = room.saturating_sub(one.cells());
        if let Some((text, keys)) = groups.last_mut() {
            let gap = if text.is_empty() { "" } else { " " };
            *text = format!("{text}{gap}{}", one.raw(field, GROUPED_BYTES));
            keys.push(one.key_of_lines(field));
        }
    }
    groups
}

/// Keys of one field.
pub(super) fn keys(corpus: &[Hostile], field: char) -> Vec<String> {
    corpus.iter().map(|one| one.key(field)).collect()
}

/// Whether nothing that is shown may hold `c`: controls, bidi and zero-width signs, variation selectors,
/// tags, and what else is there and cannot be seen.
pub(super) fn is_foreign(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'
        | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn escaped(c: char) -> String {
    match c {
        '\n' | '\r' | '\t' => c.escape_default().to_string(),
        '\0'..='\u{ff}' if is_foreign(c) => format!("\\x{:02x}", u32::from(c)),
        _ if is_foreign(c) => c.escape_unicode().to_string(),
        _ => c.to_string(),
    }
}

/// Single signs: C0 and DEL, C1, bidi, zero width, variation selectors, tags.
fn signs() -> impl Iterator<Item = char> {
    let controls = (0x00..0x20).chain(0x7f..0xa0);
    let bidi = (0x202a..=0x202e).chain(0x2066..=0x2069).chain([0x200e, 0x200f, 0x61c]);
    let zero_width = (0x200b..=0x200d).chain(0x2060..=0x2064).chain([0xfeff, 0xad, 0x34f]);
    let others = [0x2028, 0x2029, 0x180e, 0x115f, 0x3164, 0xffa0, 0xfffb];
    let selectors = (0xfe00..=0xfe0f).chain([0x180b, 0xe0100, 0xe01ef]);
    let tags = [0xe0001, 0xe007f].into_iter().chain((0xe0020..0xe0060).step_by(4));
    let all = controls.chain(bidi).chain(zero_width).chain(others).chain(selectors).chain(tags);
    all.filter_map(char::from_u32)
}

/// What terminals take for orders. None of them is one that the console gives itself.
const SEQUENCES: [&str; 46] = [
    "\x1bc",
    "\x1b7",
    "\x1b=",
    "\x1b(0",
    "\x1b#8",
    "\x1b[2J\x1b[H",
    "\x1b[8m",
    "\x1b[5;53m",
    "\x1b[199;199H",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[20t",
    "\x1b[4h",
    "\x1b[1;3r",
    "\x1b[9A",
    "\x1b[?1049l",
    "\x1b[?2004l",
    "\x1b[?7h",
    "\x1b[?1000h",
    "\x1b[>4;2m",
    "\x1b[999b",
    "\u{9b}2J",
    "\u{9b}31m",
    "\u{9b}?1049l",
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]4;1;?\x07",
    "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\",
    "\x1b]50;font\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x1b\\",
    "\x1b]1337;File=:AA==\x07",
    "\u{9d}0;title\u{9c}",
    "\x1bP$qm\x1b\\",
    "\u{90}+q544e\u{9c}",
    "\x1b_Ga=q;AA\x1b\\",
    "\x1b^pm\x1b\\",
    "\x1bXsos\x1b\\",
    "\x07\x07\x07",
    "\r\nLIVE mon-9",
    "\r                    LIVE",
    "\x08\x08\x08\x08root",
    "\u{202e}evil\u{202c}",
    "\u{2066}x\u{2069}\u{200b}",
    "\u{200d}\u{fe0f}\u{1f308}",
    "\x0e\x0fshift",
    "\x18\x1a\x1b[31",
];
