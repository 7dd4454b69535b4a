//! Disks and interfaces: which are kept, and bytes per second between two readings.

use super::super::limits::{BLOCK_DEVICES_MAX, GUEST_INTERFACES_MAX, INTERFACES_MAX};
use super::super::rates::Tracker;
use super::super::{Samples, block, network};
use super::{near, value};

const SECOND_NS: u64 = 1_000_000_000;

const DISKS_THEN: &[u8] = b"   7       0 loop0 55 0 2000 10 0 0 0 0 0 30 10 0 0 0 0 0 0
   1       0 ram0 0 0 0 0 0 0 0 0 0 0 0
 253       0 zram0 9 0 90 1 9 0 90 1 0 2 2 0 0 0 0 0 0
   8       0 sda 1000 20 40000 500 2000 30 80000 900 0 1000 1400 4 0 21 5 59 3
   8       1 sda1 900 20 39000 500 2000 30 80000 900 0 1000 1400 4 0 21 5 0 0
 259       0 nvme0n1 10 0 1000 5 10 0 1000 5 0 100 10 0 0 0 0
 259       1 nvme0n1p1 10 0 1000 5 10 0 1000 5 0 100 10 0 0 0 0
 254       0 dm-0 10 0 1000 5 10 0 1000 5 0 100 10
   9       0 md127 10 0 1000 5 10 0 1000 5 0 100 10
 202       1 xvda1 10 0 1000 5 10 0 1000 5 0 100 10
 179       0 mmcblk0 10 0 1000 5 10 0 1000 5 0 100 10
 179       8 mmcblk0boot0 10 0 1000 5 0 0 0 0 0 100 10
 179       1 mmcblk0p1 10 0 1000 5 10 0 1000 5 0 100 10
  11       0 sr0 1 0 8 0 0 0 0 0 0 0 0
  43       0 nbd0 0 0 0 0 0 0 0 0 0 0 0
   3       1 hda1 10 1000 20 2000
";
const DISKS_NOW: &[u8] =
    b"   8       0 sda 1010 20 41000 510 2010 30 84000 950 0 2500 1500 4 0 21 5 59 3
 259       0 nvme0n1 9 0 900 5 20 0 3000 5 0 9000 10 0 0 0 0
";

fn block_samples(tracker: &mut Tracker<block::BlockCounters>, text: &[u8], at_ns: u64) -> Samples {
    let mut samples = Samples::default();
    block::sample(text, at_ns, tracker, &mut samples);
    samples
}

#[test]
fn only_whole_disks_that_ever_worked_are_kept() {
    let (kept, skipped) = block::choose(block::parse(DISKS_THEN));
    let names: Vec<_> = kept.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["mmcblk0", "nvme0n1", "sda", "xvda1"]);
    assert_eq!(skipped, 0);
}

#[test]
fn disk_rates_are_means_over_the_time_between() {
    let mut tracker = Tracker::default();
    assert!(block_samples(&mut tracker, DISKS_THEN, SECOND_NS).list().is_empty());
    let samples = block_samples(&mut tracker, DISKS_NOW, 3 * SECOND_NS);
    assert!(near(value(&samples, "block_read_bytes_per_s", "sda"), 256_000.0));
    assert!(near(value(&samples, "block_write_bytes_per_s", "sda"), 1_024_000.0));
    assert!(near(value(&samples, "block_busy_percent", "sda"), 75.0));
}

#[test]
fn a_counter_that_runs_back_gives_no_sample_and_its_neighbours_do() {
    let mut tracker = Tracker::default();
    block_samples(&mut tracker, DISKS_THEN, 0);
    let samples = block_samples(&mut tracker, DISKS_NOW, SECOND_NS);
    assert_eq!(value(&samples, "block_read_bytes_per_s", "nvme0n1"), None);
    assert!(near(value(&samples, "block_write_bytes_per_s", "nvme0n1"), 1_024_000.0));
    assert_eq!(value(&samples, "block_busy_percent", "nvme0n1"), Some(100.0), "never above all");
}

#[test]
fn a_clock_that_stands_still_or_runs_back_gives_no_rate() {
    let mut tracker = Tracker::default();
    block_samples(&mut tracker, DISKS_THEN, 9 * SECOND_NS);
    assert!(block_samples(&mut tracker, DISKS_NOW, 9 * SECOND_NS).list().is_empty());
    assert!(block_samples(&mut tracker, DISKS_NOW, 8 * SECOND_NS).list().is_empty());
    assert!(!block_samples(&mut tracker, DISKS_NOW, 9 * SECOND_NS).list().is_empty());
}

#[test]
fn disks_beyond_the_limit_are_counted() {
    let line = |n: u32| format!("8 {n} nvme{n}n1 1 0 8 0 1 0 8 0 0 1 1\n");
    let text: Vec<String> = (0..100).map(line).collect();
    let text = text.concat();
    let (kept, skipped) = block::choose(block::parse(text.as_bytes()));
    assert_eq!((kept.len(), skipped), (BLOCK_DEVICES_MAX, 100 - BLOCK_DEVICES_MAX));
}

const NETWORK_THEN: &[u8] = b"Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  ifb0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0: 91958182    4529    0    0    0     0          0         0   326201    3009    0    0    0     0       0          0
  eth1:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
veth1a2b3c4:    100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
";
/// Old kernels leave no space after the colon.
const NETWORK_NOW: &[u8] =
    b"  eth0:91968182 4529 0 0 0 0 0 0 326201 3009 0 0 0 0 0 0\n  eth1:7 1 0 0 0 0 0 0 4294967295 1 0 0 0 0 0 0\n";
const NETWORK_WRAPPED: &[u8] =
    b"  eth0:91968182 4529 0 0 0 0 0 0 326201 3009 0 0 0 0 0 0\n  eth1:8 1 0 0 0 0 0 0 90 1 0 0 0 0 0 0\n";

#[test]
fn interfaces_have_rates_and_the_loopback_has_none() {
    let mut tracker = Tracker::default();
    let mut samples = Samples::default();
    assert_eq!(network::sample(NETWORK_THEN, SECOND_NS, &mut tracker, &mut samples), 0);
    assert!(samples.list().is_empty());
    network::sample(NETWORK_NOW, 2 * SECOND_NS, &mut tracker, &mut samples);
    assert!(near(value(&samples, "network_rx_bytes_per_s", "eth0"), 10_000.0));
    assert_eq!(value(&samples, "network_tx_bytes_per_s", "eth0"), Some(0.0));
    assert_eq!(value(&samples, "network_rx_bytes_per_s", "lo"), None);
    let mut samples = Samples::default();
    network::sample(NETWORK_WRAPPED, 3 * SECOND_NS, &mut tracker, &mut samples);
    assert_eq!(value(&samples, "network_tx_bytes_per_s", "eth1"), None, "wrapped at 32 bits");
    assert!(near(value(&samples, "network_rx_bytes_per_s", "eth1"), 1.0));
}

#[test]
fn the_hosts_own_interfaces_come_before_the_ends_of_containers() {
    let (kept, _) = network::choose(network::parse(NETWORK_THEN));
    let names: Vec<_> = kept.iter().map(|(name, _)| name.as_ref()).collect();
    assert_eq!(names, ["eth0", "eth1", "veth1a2b3c4"]);

    let line = |name: String| format!("{name}: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n");
    let guests: String = (0..500).map(|n| line(format!("veth{n:03}"))).collect();
    let text = format!("{guests}{}", line("wlan0".to_owned()));
    let (kept, skipped) = network::choose(network::parse(text.as_bytes()));
    assert_eq!(kept.first().map(|(name, _)| name.as_ref()), Some("wlan0"));
    assert_eq!((kept.len(), skipped), (1 + GUEST_INTERFACES_MAX, 500 - GUEST_INTERFACES_MAX));

    let own: String = (0..500).map(|n| line(format!("eth{n:03}"))).collect();
    let (kept, skipped) = network::choose(network::parse(own.as_bytes()));
    assert_eq!((kept.len(), skipped), (INTERFACES_MAX, 500 - INTERFACES_MAX));
}
