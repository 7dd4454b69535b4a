//! Sensors of `/sys/class/hwmon` and `/sys/class/thermal`: their names, and degrees of millidegrees.
//!
//! Owns the names: `CHIP/LABEL`, the same after each boot, which the kernel's numbers are not, and
//! which sensors are kept of many. Opens nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use systole_common::text::scrub;

use super::Samples;
use super::limits::{SENSOR_WORD_BYTES_MAX, SENSORS_MAX};
use super::metrics::TEMPERATURE;

const MILLIDEGREES: f64 = 1000.0;
/// What a sensor can mean; beyond are the codes of broken or absent ones, which no alert should get.
const PLAUSIBLE_CELSIUS: std::ops::RangeInclusive<f64> = -100.0..=1000.0;
/// What stands for a name that is empty.
const NAMELESS: &str = "sensor";

/// A sensor as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What its chip calls itself, any bytes.
    pub chip: Vec<u8>,
    /// What it measures, any bytes; `temp1` and the like if nobody says.
    pub label: Vec<u8>,
    /// The chip's place in the machine: tells two chips of one name apart.
    pub place: Vec<u8>,
    /// Its number within the chip.
    pub number: u32,
    /// How it is read.
    pub reading: T,
}

/// The sensors that get series, each with its unique name, and how many more there are. Of several
/// with one name, the first by place keeps it and the others are `NAME#2`, `NAME#3`.
pub fn choose<T>(mut found: Vec<Found<T>>) -> (Vec<(Arc<str>, T)>, usize) {
    let order = |one: &Found<T>, other: &Found<T>| {
        let key = |sensor: &Found<T>| (sensor.chip.clone(), sensor.place.clone(), sensor.number);
        key(one).cmp(&key(other))
    };
    found.sort_by(order);
    let skipped = found.len().saturating_sub(SENSORS_MAX);
    found.truncate(SENSORS_MAX);
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut named = Vec::with_capacity(found.len());
    for sensor in found {
        let name = format!("{}/{}", word(&sensor.chip), word(&sensor.label));
        let name = unique(name, &mut taken);
        named.push((Arc::from(name), sensor.reading));
    }
    (named, skipped)
}

/// Degrees Celsius of a file's text, which holds millidegrees; `None` for anything else, and for what
/// no sensor can mean.
pub fn parse(text: &[u8]) -> Option<f64> {
    let millidegrees: i64 = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    let celsius = millidegrees as f64 / MILLIDEGREES;
    PLAUSIBLE_CELSIUS.contains(&celsius).then_some(celsius)
}

/// The number of a sensor's file: 3 of `temp3_input`.
pub fn number_of(file: &[u8]) -> Option<u32> {
    let digits = file.strip_prefix(b"temp")?.strip_suffix(b"_input")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Adds the temperature of the sensor `name`.
pub fn sample(name: &Arc<str>, celsius: f64, samples: &mut Samples) {
    samples.put_of(TEMPERATURE, name, celsius);
}

/// `name`, or the first of `name#2`, `name#3` … that nobody has.
fn unique(name: String, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{name}#{number}"));
    let free = [name.clone()].into_iter().chain(numbered).find(|name| !taken.contains(name));
    let free = free.unwrap_or(name);
    taken.insert(free.clone());
    free
}

/// One line of safe text, cut to its limit.
fn word(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.trim_ascii());
    let mut word = scrub(text.trim()).into_owned();
    let end = (0..=SENSOR_WORD_BYTES_MAX).rev().find(|end| word.is_char_boundary(*end));
    word.truncate(end.unwrap_or(0));
    if word.is_empty() { NAMELESS.to_owned() } else { word }
}
