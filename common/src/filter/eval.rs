//! A tree against a subject. Allocates nothing.

use super::ast::{Compare, Expr, Operand, Operator, Pattern};

/// What a field of a subject is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// In the unit of the field's kind: pure, percent, milliseconds, bytes.
    Number(f64),
    /// A text or a word.
    Text(&'a str),
    /// Several words; equal if one of them is.
    Texts(&'a [&'a str]),
}

/// Something that a subject says about itself, for bare words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word<'a> {
    /// A name: a word may be any part of it. Host names, label values.
    Part(&'a str),
    /// A term: a word must be all of it. States, severities.
    Whole(&'a str),
}

/// What can be filtered: a host, an alert.
pub trait Subject {
    /// The value of a field by its canonical name: `cpu`, `disk[/var]`, `label.role`. `None` if the
    /// subject has no such field or does not know its value: then only `!=` holds.
    fn field(&self, name: &str) -> Option<Value<'_>>;

    /// Whether `found` holds for one of the words of this subject. Calls it for each until it does.
    fn words(&self, found: &mut dyn FnMut(Word<'_>) -> bool) -> bool;
}

/// Whether `subject` is meant by `expr`.
pub(super) fn matches(expr: &Expr, subject: &(impl Subject + ?Sized)) -> bool {
    match expr {
        Expr::And(members) => members.iter().all(|member| matches(member, subject)),
        Expr::Or(members) => members.iter().any(|member| matches(member, subject)),
        Expr::Not(inner) => !matches(inner, subject),
        Expr::Word(pattern) => subject.words(&mut |word| word_matches(pattern, word)),
        Expr::Compare(compare) => compare_matches(compare, subject.field(&compare.field)),
    }
}

fn word_matches(pattern: &Pattern, word: Word<'_>) -> bool {
    match (pattern, word) {
        (Pattern::Exact(part), Word::Part(text)) => contains(text, part),
        (_, Word::Part(text) | Word::Whole(text)) => is_match(pattern, text),
    }
}

fn compare_matches(compare: &Compare, value: Option<Value<'_>>) -> bool {
    let is_equal = || match (&compare.operand, value) {
        (_, None) => false,
        (Operand::Text(pattern), Some(Value::Text(text))) => is_match(pattern, text),
        (Operand::Text(pattern), Some(Value::Texts(texts))) => {
            texts.iter().any(|text| is_match(pattern, text))
        }
        (operand, Some(value)) => {
            numbers(operand, value).is_some_and(|(have, want)| have.total_cmp(&want).is_eq())
        }
    };
    let ordered = |holds: fn(f64, f64) -> bool| {
        let pair = value.and_then(|value| numbers(&compare.operand, value));
        pair.is_some_and(|(have, want)| holds(have, want))
    };
    match compare.operator {
        Operator::Equal => is_equal(),
        Operator::NotEqual => !is_equal(),
        Operator::Over => ordered(|have, want| have > want),
        Operator::AtLeast => ordered(|have, want| have >= want),
        Operator::Under => ordered(|have, want| have < want),
        Operator::AtMost => ordered(|have, want| have <= want),
    }
}

/// What the subject has and what is wanted. A label's text counts if it is a number.
fn numbers(operand: &Operand, value: Value<'_>) -> Option<(f64, f64)> {
    let want = match operand {
        Operand::Number(want) | Operand::Milliseconds(want) | Operand::Bytes(want) => *want,
        Operand::Text(_) => return None,
    };
    let have = match value {
        Value::Number(have) => have,
        Value::Text(text) => text.parse().ok()?,
        Value::Texts(_) => return None,
    };
    // Adding zero makes minus zero the same as zero.
    Some((have + 0.0, want + 0.0))
}

fn is_match(pattern: &Pattern, text: &str) -> bool {
    match pattern {
        Pattern::Exact(wanted) => text.eq_ignore_ascii_case(wanted),
        Pattern::Glob(glob) => glob_matches(glob, text),
    }
}

fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// `*` is any text, `?` one character. Goes back to the last star only, so that the time is at most
/// the product of the lengths.
fn glob_matches(glob: &str, text: &str) -> bool {
    let (mut glob, mut text) = (glob.chars(), text.chars());
    let mut last_star = None;
    loop {
        let here = (glob.clone(), text.clone());
        match (glob.next(), text.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                text = here.1;
                last_star = Some((glob.clone(), text.clone()));
                continue;
            }
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(c)) if wanted.eq_ignore_ascii_case(&c) => continue,
            (Some(_) | None, Some(_)) => {}
            (Some(_), None) => return false,
        }
        let Some((after_star, mut rest)) = last_star.take() else {
            return false;
        };
        if rest.next().is_none() {
            return false;
        }
        last_star = Some((after_star.clone(), rest.clone()));
        (glob, text) = (after_star, rest);
    }
}
