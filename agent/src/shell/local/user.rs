//! Who a client of the local socket is: the name of its user, by the credentials of its connection.

use std::path::Path;

use systole_common::text::is_hidden;

use crate::limits::USER_BYTES_MAX;
use crate::shell::host::text_of;

/// The name of a user in `/etc/passwd`, else `uid-1234`.
pub(super) fn user_name(uid: u32) -> String {
    let text = text_of(Path::new("/etc/passwd")).unwrap_or_default();
    name_in(&text, uid).unwrap_or_else(|| format!("uid-{uid}"))
}

/// A name that could be taken for something else is as good as none.
fn name_in(text: &str, uid: u32) -> Option<String> {
    let name = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    })?;
    let is_strange = |c: char| is_hidden(c) || c.is_whitespace() || "/@#{}".contains(c);
    let is_usable = !name.is_empty() && name.len() <= USER_BYTES_MAX && !name.contains(is_strange);
    is_usable.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_number() {
        let text =
            "root:x:0:0::/root:/bin/sh\nalex:x:1000:1000::/:\nbo\u{202e}:x:7:7::/:\na/b:x:8:8\n";
        assert_eq!(name_in(text, 0).as_deref(), Some("root"));
        assert_eq!(name_in(text, 1000).as_deref(), Some("alex"));
        assert_eq!(name_in(text, 100), None);
        assert_eq!(name_in(text, 7), None, "a name that shows as another");
        assert_eq!(name_in(text, 8), None);
        assert_eq!(user_name(4_000_000_001), "uid-4000000001");
    }
}
