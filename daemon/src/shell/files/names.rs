//! Which name a received file gets: the offered one, or the next that no file has in any disguise.

use std::collections::BTreeSet;

use systole_common::model::file::FILE_NAME_BYTES_MAX;
use unicode_normalization::UnicodeNormalization;

use crate::limits::NAME_TRIES_MAX;

/// The first of `name`, `name (2)`, … that is not among `taken`; the number goes before the extension.
/// Names that differ only in case or Unicode form are one name.
pub(super) fn free_name(taken: &[String], name: &str) -> Option<String> {
    let taken: BTreeSet<String> = taken.iter().map(|name| folded(name)).collect();
    let tries = (1..=NAME_TRIES_MAX).map(|number| numbered(name, number));
    tries.into_iter().find(|name| !taken.contains(&folded(name)))
}

/// What a careless reader or another system sees in a name.
fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn numbered(name: &str, number: usize) -> String {
    if number == 1 {
        return name.to_owned();
    }
    let (stem, extension) = match name.rfind('.').filter(|at| *at > 0) {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let mark = format!(" ({number})");
    let room = FILE_NAME_BYTES_MAX.saturating_sub(mark.len() + extension.len());
    let stem = stem.get(..stem.floor_char_boundary(room)).unwrap_or(stem);
    format!("{stem}{mark}{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(taken: &[&str], name: &str) -> String {
        let taken: Vec<String> = taken.iter().map(|name| (*name).to_owned()).collect();
        free_name(&taken, name).unwrap()
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        assert_eq!(free(&[], "core.zst"), "core.zst");
        assert_eq!(free(&["core.zst"], "core.zst"), "core (2).zst");
        assert_eq!(free(&["core.zst", "core (2).zst"], "core.zst"), "core (3).zst");
        assert_eq!(free(&["README"], "README"), "README (2)");
        assert_eq!(free(&[".bashrc"], ".bashrc"), ".bashrc (2)");
    }

    #[test]
    fn twins_by_case_and_form_are_taken() {
        assert_eq!(free(&["core.zst"], "CORE.zst"), "CORE (2).zst");
        assert_eq!(free(&["caf\u{e9}"], "cafe\u{301}"), "cafe\u{301} (2)");
        assert_eq!(free(&["\u{fb01}le"], "file"), "file (2)");
    }

    #[test]
    fn long_names_stay_within_what_file_systems_take() {
        let long = format!("{}.zst", "é".repeat(125));
        let second = free(&[&long], &long);
        assert!(second.len() <= FILE_NAME_BYTES_MAX && second.ends_with(" (2).zst"), "{second}");
    }
}
