//! Sensors: what they are called, which are kept, what counts as a temperature.

use super::super::Samples;
use super::super::limits::{SENSOR_WORD_BYTES_MAX, SENSORS_MAX};
use super::super::temperature::{Found, choose, number_of, parse, sample};
use super::value;
use systole_common::model::metric::INSTANCE_BYTES_MAX;

fn found(chip: &str, label: &str, place: &str, number: u32) -> Found<u32> {
    Found {
        chip: chip.as_bytes().to_vec(),
        label: label.as_bytes().to_vec(),
        place: place.as_bytes().to_vec(),
        number,
        reading: number,
    }
}

fn names(found: Vec<Found<u32>>) -> Vec<String> {
    choose(found).0.into_iter().map(|(name, _)| name.to_string()).collect()
}

#[test]
fn a_sensor_is_called_by_chip_and_label_in_a_lasting_order() {
    let sensors = vec![
        found("nvme\n", "Composite\n", "nvme1", 1),
        found("nvme\n", "Composite\n", "nvme0", 1),
        found("coretemp\n", "Package id 0\n", "coretemp.0", 1),
        found("coretemp\n", "Core 8\n", "coretemp.0", 10),
        found("coretemp\n", "Core 0\n", "coretemp.0", 2),
    ];
    let expected = [
        "coretemp/Package id 0",
        "coretemp/Core 0",
        "coretemp/Core 8",
        "nvme/Composite",
        "nvme/Composite#2",
    ];
    assert_eq!(names(sensors.clone()), expected);
    assert_eq!(names(sensors.into_iter().rev().collect()), expected, "however they are found");
}

#[test]
fn names_are_unique_whatever_chips_call_themselves() {
    let sensors = vec![
        found("a", "x", "0", 1),
        found("a", "x#2", "0", 2),
        found("a", "x", "1", 3),
        found("a", "x", "2", 4),
        found("a/x", "", "3", 5),
        found("", "", "4", 6),
    ];
    let expected = ["sensor/sensor", "a/x", "a/x#2", "a/x#3", "a/x#4", "a/x/sensor"];
    assert_eq!(names(sensors), expected);
}

#[test]
fn names_are_safe_to_show_and_short_enough() {
    let long = "é".repeat(400);
    let mut sensors = vec![
        found("evil\u{1b}[31m", "two\nlines\u{202e}", "0", 1),
        found(&long, &long, "0", 2),
        found(&long, &long, "1", 3),
    ];
    sensors.push(Found { chip: vec![0xff, 0xfe], ..found("", "raw", "0", 4) });
    let names = names(sensors);
    assert!(names.iter().all(|name| name.len() <= INSTANCE_BYTES_MAX), "{names:?}");
    assert!(names.iter().all(|name| !name.chars().any(char::is_control)), "{names:?}");
    assert!(names.contains(&r"evil\x1b[31m/two\nlines\u{202e}".to_owned()), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("#2")));
    assert!(names.iter().any(|name| name.len() > SENSOR_WORD_BYTES_MAX));
}

#[test]
fn sensors_beyond_the_limit_are_counted() {
    let many = (0..200).map(|number| found("big", &format!("temp{number}"), "0", number));
    let (kept, skipped) = choose(many.collect());
    assert_eq!((kept.len(), skipped), (SENSORS_MAX, 200 - SENSORS_MAX));
    assert_eq!(kept.first().map(|(name, number)| (&**name, *number)), Some(("big/temp0", 0)));
}

#[test]
fn millidegrees_are_read_and_what_no_sensor_means_is_not() {
    for (text, celsius) in [("45000\n", 45.0), ("-12500", -12.5), (" 0 \n", 0.0), ("850", 0.85)] {
        assert_eq!(parse(text.as_bytes()), Some(celsius), "{text}");
    }
    for text in ["", "\n", "hot", "45.5", "4 5", "-273150", "1000001", "9223372036854775808"] {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse(b"\xff\xfe"), None);
    let mut samples = Samples::default();
    let (kept, _) = choose(vec![found("acpitz", "temp1", "", 1)]);
    for (name, _) in &kept {
        sample(name, 45.5, &mut samples);
    }
    assert_eq!(value(&samples, "temperature_celsius", "acpitz/temp1"), Some(45.5));
}

#[test]
fn only_inputs_are_sensors() {
    assert_eq!(number_of(b"temp12_input"), Some(12));
    for file in ["temp_input", "temp1_label", "tempx_input", "in1_input", "temp1_input2", "name"] {
        assert_eq!(number_of(file.as_bytes()), None, "{file}");
    }
}
