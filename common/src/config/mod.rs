//! Settings in layers: a flag beats `SYSTOLE_SECTION_KEY` beats the file beats the default.
//!
//! A program declares its keys once ([`Schema`]); [`resolve`] turns file text, variables and flags
//! into [`Settings`] whose values remember where they came from, or into every error at once, each
//! with file, line, key and what was expected. Refuses to know what any key means.
//!
//! ```
//! use std::time::Duration;
//! use systole_common::config::{Inputs, Key, Kind, Schema, resolve};
//!
//! static SCHEMA: Schema = Schema::new(
//!     "daemon",
//!     &[Key::new(
//!         "liveness.timeout",
//!         Kind::duration(Duration::from_millis(500), Duration::from_secs(3600)),
//!         "how long a host may be silent before it is down",
//!     )
//!     .preset("5s")],
//! );
//!
//! let settings = resolve(&SCHEMA, &Inputs::default()).unwrap();
//! assert_eq!(settings.get::<Duration>("liveness.timeout").unwrap(), Duration::from_secs(5));
//! ```

mod error;
mod file;
#[cfg(feature = "net")]
mod load;
mod nearest;
mod read;
mod resolve;
mod schema;
mod settings;
mod value;

pub use error::{ConfigError, ConfigErrors, Near};
#[cfg(feature = "net")]
pub use load::{World, load, load_in};
pub use nearest::{nearest, nearest_by_one};
pub use resolve::{FileText, Inputs, Override, resolve};
pub use schema::{Check, Key, Kind, Preset, Schema};
pub use settings::{Layer, Setting, Settings, Source};
pub use value::{ByteSize, Decimal, FromValue, Value, duration_text, parse_duration};

/// Longest configuration file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Longest text of one setting, list item or map value, in bytes.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Longest name in a map, and longest free name of a table, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Most known names that an error lists.
const NAMES_LISTED_MAX: usize = 24;
/// Most errors that are told at once; further ones are counted.
pub const ERRORS_MAX: usize = 20;
/// Most cells of a wrong value that an error repeats.
const FOUND_CELLS_MAX: usize = 60;

#[cfg(test)]
mod tests;
