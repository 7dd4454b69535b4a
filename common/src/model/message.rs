//! Who speaks to whom: the places that a message can be written to, and how a text must be.

use std::fmt;

use crate::filter::Filter;
use crate::ids::HostId;

/// Longest text of a message, in bytes.
pub const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Longest place that a message is written to, in bytes: a filter in braces.
pub const PLACE_BYTES_MAX: usize = 512;

/// Where a message is written to.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// `#all`: every host and every operator.
    All,
    /// `#ops`: operators. A host may write to it and does not read it.
    Ops,
    /// `@host`: one host and the operators.
    Host(HostId),
    /// `{filter}`: the hosts that a filter finds, and the operators.
    Filter(Box<Filter>),
}

/// Why a place or a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The place is none of the four forms.
    #[error("{given:?} is no place to write to: use #all, #ops, @HOST or {{FILTER}}")]
    Place {
        /// As given, shortened.
        given: String,
    },
    /// The filter in braces does not read.
    #[error("the filter in {given:?} does not read: {reason}")]
    Filter {
        /// As given, shortened.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing to say.
    #[error("the message is empty; nothing was sent")]
    Empty,
    /// Too much to say.
    #[error(
        "the message has {bytes} bytes, at most {TEXT_BYTES_MAX} are allowed; nothing was sent: shorten it, or send it as a file"
    )]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
}

impl Place {
    /// Reads `#all`, `#ops`, `@HOST` or `{FILTER}`.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let given = || text.chars().take(80).collect::<String>();
        let strange = || MessageError::Place { given: given() };
        if text.len() > PLACE_BYTES_MAX {
            return Err(strange());
        }
        if text == "#all" {
            return Ok(Self::All);
        }
        if text == "#ops" {
            return Ok(Self::Ops);
        }
        if let Some(host) = text.strip_prefix('@') {
            return host.parse().map(Self::Host).map_err(|_| strange());
        }
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.ok_or_else(strange)?;
        let filter: Filter = inner.parse().map_err(|error: crate::filter::FilterError| {
            MessageError::Filter { given: given(), reason: error.to_string() }
        })?;
        Ok(Self::Filter(Box::new(filter)))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("#all"),
            Self::Ops => f.write_str("#ops"),
            Self::Host(host) => write!(f, "@{host}"),
            Self::Filter(filter) => write!(f, "{{{filter}}}"),
        }
    }
}

/// The text that is sent: without the blanks around it, neither empty nor too long.
pub fn text(text: &str) -> Result<&str, MessageError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(MessageError::Empty);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(MessageError::TooLong { bytes: text.len() });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_and_print_the_same() {
        for place in ["#all", "#ops", "@web-1", "{state=down}", "{label.rack=7}"] {
            assert_eq!(Place::parse(place).unwrap().to_string(), place);
        }
        for bad in ["", "web-1", "#web", "@", "@Web", "{rack=7", "{cpu>}", "@../x"] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(text("  hello \n"), Ok("hello"));
        assert_eq!(text(" \n"), Err(MessageError::Empty));
        assert!(text(&"x".repeat(TEXT_BYTES_MAX)).is_ok());
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(text(&long), Err(MessageError::TooLong { bytes: 4097 }));
    }
}
