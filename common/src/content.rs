//! What a file is by its first bytes, as a media type for people. Never a reason to trust it.

/// First bytes of a file that are looked at.
pub const HEAD_BYTES: usize = 8 * 1024;
/// Of a file without a byte.
const EMPTY: &str = "inode/x-empty";
/// Of text that has no form of its own.
const TEXT: &str = "text/plain";
/// Of everything else.
const BYTES: &str = "application/octet-stream";

/// The media type of a file that begins with `head`, at most [`HEAD_BYTES`] of it.
pub fn media_type(head: &[u8]) -> &'static str {
    if head.is_empty() {
        return EMPTY;
    }
    if let Some(kind) = infer::get(head) {
        return kind.mime_type();
    }
    if is_text(head) { TEXT } else { BYTES }
}

/// UTF-8 without control characters; a character that the end cuts in two is forgiven.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let valid = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.contains(|c: char| c.is_control() && !"\t\n\r\u{c}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_bytes() {
        assert_eq!(media_type(b""), "inode/x-empty");
        assert_eq!(media_type(b"a line\n\tand another"), "text/plain");
        assert_eq!(media_type("gr\u{fc}n".as_bytes()), "text/plain");
        assert_eq!(media_type(&[b'a', 0xc3]), "text/plain");
        assert_eq!(media_type(b"\x28\xb5\x2f\xfd\x00\x00\x00\x00\x00"), "application/zstd");
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n0000"), "image/png");
        let program = [b"\x7fELF\x02\x01\x01\x00".as_slice(), &[0; 60]].concat();
        assert_eq!(media_type(&program), "application/x-executable");
        assert_eq!(media_type(&[1, 2, 3]), "application/octet-stream");
        assert_eq!(media_type(b"text\0"), "application/octet-stream");
    }
}
