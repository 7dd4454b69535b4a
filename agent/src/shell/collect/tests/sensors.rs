//! Sensors in folders that stand for `/sys`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::SECOND_NS;
use crate::engine::collect::Samples;
use crate::shell::collect::sensors::Sensors;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn tick(sensors: &mut Sensors, at_s: u64) -> Vec<(String, f64)> {
    let mut samples = Samples::default();
    sensors.tick(at_s * SECOND_NS, &mut samples);
    samples.list().iter().map(|sample| (sample.instance.to_string(), sample.value)).collect()
}

/// The values of a reading that `at_s` asks for.
fn read(sensors: &mut Sensors, at_s: u64) -> Vec<(String, f64)> {
    tick(sensors, at_s);
    sensors.wait_for_answer();
    tick(sensors, at_s)
}

fn named(name: &str, celsius: f64) -> (String, f64) {
    (name.to_owned(), celsius)
}

#[test]
fn every_sensor_of_every_chip_is_read_beside_the_ticks() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for (folder, chip, device) in [("hwmon0", "nvme", "nvme1"), ("hwmon3", "nvme", "nvme0")] {
        put(root, &format!("class/hwmon/{folder}/name"), &format!("{chip}\n"));
        symlink(format!("../../{device}"), root.join(format!("class/hwmon/{folder}/device")))
            .unwrap();
    }
    put(root, "class/hwmon/hwmon0/temp1_input", "51850\n");
    put(root, "class/hwmon/hwmon0/temp1_label", "Composite\n");
    put(root, "class/hwmon/hwmon3/temp1_input", "40000\n");
    put(root, "class/hwmon/hwmon3/temp1_label", "Composite\n");
    put(root, "class/hwmon/hwmon3/temp2_input", "garbage\n");
    put(root, "class/hwmon/hwmon4/temp1_input", "-5000\n");
    put(root, "class/thermal/thermal_zone0/type", "acpitz\n");
    put(root, "class/thermal/thermal_zone0/temp", "16800\n");
    let mut sensors = Sensors::new(root);
    assert!(tick(&mut sensors, 0).is_empty(), "a tick waits for no sensor");
    sensors.wait_for_answer();
    let expected = [
        named("nvme/Composite", 40.0),
        named("nvme/Composite#2", 51.85),
        named("sensor/temp1", -5.0),
    ];
    let mut values = tick(&mut sensors, 1);
    values.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(values, expected, "by device, whatever their numbers are");
    put(root, "class/hwmon/hwmon0/temp1_input", "60000\n");
    assert!(tick(&mut sensors, 3).contains(&named("nvme/Composite#2", 51.85)), "not yet due");
    assert!(read(&mut sensors, 4).contains(&named("nvme/Composite#2", 60.0)));
}

#[test]
fn zones_are_read_only_where_no_chip_has_a_sensor() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "class/hwmon/hwmon0/name", "AC\n");
    put(root.path(), "class/hwmon/hwmon0/in1_input", "12000\n");
    put(root.path(), "class/thermal/thermal_zone0/type", "x86_pkg_temp\n");
    put(root.path(), "class/thermal/thermal_zone0/temp", "48000\n");
    put(root.path(), "class/thermal/cooling_device0/type", "Processor\n");
    let mut sensors = Sensors::new(root.path());
    assert_eq!(read(&mut sensors, 0), [named("thermal/x86_pkg_temp", 48.0)]);
}

#[test]
fn a_host_without_sensors_has_none_and_is_looked_at_again_each_minute() {
    let root = tempfile::tempdir().unwrap();
    let mut sensors = Sensors::new(root.path());
    assert!(read(&mut sensors, 0).is_empty());
    put(root.path(), "class/hwmon/hwmon0/name", "drivetemp\n");
    put(root.path(), "class/hwmon/hwmon0/temp1_input", "33000\n");
    assert!(tick(&mut sensors, 59).is_empty());
    assert_eq!(read(&mut sensors, 60), [named("drivetemp/temp1", 33.0)]);
    fs::remove_dir_all(root.path().join("class")).unwrap();
    assert!(read(&mut sensors, 120).is_empty(), "and what is gone is gone");
}

#[test]
fn a_reading_that_does_not_end_leaves_its_series_out() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "class/hwmon/hwmon0/name", "drivetemp\n");
    put(root.path(), "class/hwmon/hwmon0/temp1_input", "33000\n");
    let mut sensors = Sensors::new(root.path());
    assert_eq!(read(&mut sensors, 0).len(), 1);
    sensors.hang();
    assert_eq!(tick(&mut sensors, 30).len(), 1);
    assert!(tick(&mut sensors, 31).is_empty(), "an old value is not sent as a new one");
}
