//! Keys as a test writes them: `/cpu>80<Enter>`, `<C-u>`, `<A-x>`, `<lt>`.

use super::{KeyCode, KeyPress};

/// The keys of `script`. A name that is none fails the test.
pub(crate) fn keys(script: &str) -> Vec<KeyPress> {
    let mut presses = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let named = after.split_once('>').filter(|(name, _)| c == '<' && is_name(name));
        if let Some((name, after)) = named {
            presses.push(named_key(name));
            rest = after;
        } else {
            presses.push(KeyPress::plain(KeyCode::Char(c)));
            rest = after;
        }
    }
    presses
}

fn is_name(name: &str) -> bool {
    name.starts_with("C-")
        || name.starts_with("A-")
        || NAMES.iter().any(|(known, _)| *known == name)
}

const NAMES: &[(&str, KeyCode)] = &[
    ("lt", KeyCode::Char('<')),
    ("Space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("S-Tab", KeyCode::BackTab),
    ("BS", KeyCode::Backspace),
    ("Del", KeyCode::Delete),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("F1", KeyCode::F(1)),
];

fn named_key(name: &str) -> KeyPress {
    let (held, name) = match name.split_at_checked(2) {
        Some((held @ ("C-" | "A-"), name)) => (held, name),
        Some(_) | None => ("", name),
    };
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
    let code = known.unwrap_or_else(|| KeyCode::Char(name.chars().next().unwrap()));
    KeyPress { code, ctrl: held == "C-", alt: held == "A-" }
}

#[test]
fn scripts_are_read() {
    let plain = |c| KeyPress::plain(KeyCode::Char(c));
    let enter = KeyPress::plain(KeyCode::Enter);
    assert_eq!(keys("/a>1<Enter>"), [plain('/'), plain('a'), plain('>'), plain('1'), enter]);
    assert_eq!(keys("<C-u>ü<lt>"), [KeyPress::ctrl('u'), plain('ü'), plain('<')]);
    assert_eq!(keys("a<b>"), [plain('a'), plain('<'), plain('b'), plain('>')]);
    assert_eq!(keys("<A-x>"), [KeyPress { code: KeyCode::Char('x'), ctrl: false, alt: true }]);
}
