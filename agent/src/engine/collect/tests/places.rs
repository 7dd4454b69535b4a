//! File systems and processes: which are shown, and where.

use super::super::disk::Usage;
use super::super::limits::MOUNTS_MAX;
use super::super::mounts::{Chosen, Mount, choose, parse};
use super::super::process::{self, ProcessSample, ProcessTracker};
use super::super::{Samples, stat::CpuTimes};
use super::{near, value};
use std::sync::Arc;

const HOST: &[u8] = br"22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334492k
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard
28 27 254:16 / /var rw,relatime shared:2 master:1 - xfs /dev/vdb rw
29 27 254:16 /lib/docker /mnt/short rw,relatime - xfs /dev/vdb rw
30 28 0:50 / /var/lib/docker/overlay2/aa/merged rw - overlay overlay rw,lowerdir=/l
31 27 0:51 / /mnt/share\040of\134us rw - nfs4 10.0.0.9:/export rw
32 27 0:52 /@home /home rw - btrfs /dev/vdc rw
33 27 0:52 / /mnt/pool rw - btrfs /dev/vdc rw
34 27 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
35 32 0:53 / /home/shared/remote rw - fuse.sshfs far: rw
36 27 0:54 / /run/user/1000/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw
37 27 0:55 / /net rw - autofs systemd-1 rw
38 27 0:56 / /tank rw - zfs tank rw
39 27 0:57 / /run rw - tmpfs tmpfs rw
broken line
40 27
";

fn names(chosen: &[Chosen]) -> Vec<&str> {
    chosen.iter().map(|mount| &*mount.name).collect()
}

fn any_directory(_: &Mount) -> bool {
    true
}

#[test]
fn each_real_file_system_is_shown_once_at_its_whole_and_shortest_place() {
    let host = parse(HOST);
    let (chosen, skipped) = choose(&host, &host, any_directory);
    let expected = ["/", "/mnt/pool", "/tank", "/var", "/home/shared/remote", r"/mnt/share of\us"];
    assert_eq!(names(&chosen), expected);
    assert_eq!(skipped, 0);
    let remote: Vec<_> = chosen.iter().filter(|mount| mount.remote).map(|m| &*m.name).collect();
    assert_eq!(remote, ["/home/shared/remote", r"/mnt/share of\us"]);
}

#[test]
fn what_a_sandbox_hides_is_left_out_and_counted_and_not_measured_in_its_place() {
    let host =
        parse(b"27 1 8:1 / / rw - ext4 /dev/sda1 rw\n28 27 8:2 / /home rw - ext4 /dev/sda2 rw\n");
    let own = parse(
        b"90 80 8:1 / / ro - ext4 /dev/sda1 rw
91 90 8:2 / /home rw - ext4 /dev/sda2 rw
92 91 0:70 / /home ro - tmpfs tmpfs ro
93 90 8:1 /var/lib/systole /var/lib/systole rw - ext4 /dev/sda1 rw
",
    );
    let (chosen, skipped) = choose(&host, &own, any_directory);
    assert_eq!(names(&chosen), ["/"]);
    assert_eq!(skipped, 1);
}

#[test]
fn a_mount_below_one_that_lies_over_it_is_not_reached() {
    let mounts = parse(
        b"1 1 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:2 / /srv/data rw - ext4 /dev/sdb1 rw
3 1 8:3 / /srv rw - ext4 /dev/sdc1 rw
",
    );
    let (chosen, skipped) = choose(&mounts, &mounts, any_directory);
    assert_eq!(names(&chosen), ["/", "/srv"]);
    assert_eq!(skipped, 1);
}

#[test]
fn in_a_container_its_root_is_shown_and_mounted_files_are_not() {
    let mounts = parse(
        b"900 800 0:99 / / rw - overlay overlay rw
901 900 8:1 /docker/hosts /etc/hosts rw - ext4 /dev/sda1 rw
902 900 8:1 /docker/volumes/data /data rw - ext4 /dev/sda1 rw
",
    );
    let (chosen, _) = choose(&mounts, &mounts, |mount| mount.point != b"/etc/hosts");
    assert_eq!(names(&chosen), ["/", "/data"]);
}

#[test]
fn a_list_without_a_root_still_shows_what_both_lists_have() {
    let mounts = parse(b"5 4 8:1 / /srv rw - ext4 /dev/sda1 rw\n");
    let (chosen, _) = choose(&mounts, &mounts, any_directory);
    assert_eq!(names(&chosen), ["/srv"]);
}

#[test]
fn file_systems_beyond_the_limit_are_counted_and_local_ones_kept_first() {
    let pair = |n: u32| {
        let (far, near, minor) = (n + 10, n + 300, n + 10);
        format!(
            "{far} 1 9:{n} / /n/{n:03} rw - nfs a:/{n} rw
{near} 1 8:{minor} / /z/{n:03} rw - ext4 /dev/sd{n} rw\n"
        )
    };
    let pairs: Vec<String> = (0..200).map(pair).collect();
    let text = format!("1 1 8:1 / / rw - ext4 /dev/sda1 rw\n{}", pairs.concat());
    let mounts = parse(text.as_bytes());
    let (chosen, skipped) = choose(&mounts, &mounts, any_directory);
    assert_eq!((chosen.len(), skipped), (MOUNTS_MAX, 401 - MOUNTS_MAX));
    assert!(chosen.iter().all(|mount| !mount.remote));
}

#[test]
fn the_used_share_of_a_disk_is_what_df_prints() {
    // As df has it, what is kept for root is neither used nor available.
    let usage = Usage {
        total_bytes: 1000,
        free_bytes: 150,
        available_bytes: 100,
        inodes_total: 0,
        inodes_free: 0,
    };
    let mut samples = Samples::default();
    let mount: Arc<str> = Arc::from("/var");
    usage.sample(&mount, &mut samples);
    assert!(near(value(&samples, "disk_used_percent", "/var"), 100.0 * 850.0 / 950.0));
    assert_eq!(value(&samples, "disk_used_bytes", "/var"), Some(850.0));
    assert_eq!(value(&samples, "disk_inodes_total", "/var"), None, "inodes made as needed");
    assert_eq!(value(&samples, "disk_inodes_used_percent", "/var"), None);
    let inodes = Usage { inodes_total: 100, inodes_free: 40, ..usage };
    inodes.sample(&mount, &mut samples);
    assert_eq!(value(&samples, "disk_inodes_used", "/var"), Some(60.0));
    assert_eq!(value(&samples, "disk_inodes_total", "/var"), Some(100.0));
    assert_eq!(value(&samples, "disk_inodes_used_percent", "/var"), Some(60.0));
    let mut samples = Samples::default();
    Usage::default().sample(&mount, &mut samples);
    assert!(samples.list().is_empty());
}

fn line(pid: u32, name: &str, ticks: u64, started: u64, pages: u64) -> String {
    format!(
        "{pid} ({name}) S 1 {pid} {pid} 0 -1 4194560 9 9 9 9 {ticks} 0 5 5 20 -4 1 0 {started} 9000 {pages} 18446744073709551615 1 1\n"
    )
}

fn scan(tracker: &mut ProcessTracker, lines: &[String], machine_ticks: u64) -> Vec<ProcessSample> {
    for line in lines {
        tracker.take(&process::parse(line.as_bytes()).unwrap());
    }
    let machine = CpuTimes { idle: machine_ticks, ..CpuTimes::default() };
    tracker.finish(Some(machine), 4096)
}

#[test]
fn a_process_share_is_of_the_whole_machine() {
    let mut tracker = ProcessTracker::default();
    let first = scan(&mut tracker, &[line(7, "build) S 1", 1000, 5, 10)], 10_000);
    assert!(near(first.first().map(|p| p.cpu_percent), 0.0));
    assert_eq!(first.first().map(|p| p.name.as_str()), Some("build) S 1"));
    assert_eq!(first.first().map(|p| p.memory_bytes), Some(40_960));
    let second = scan(&mut tracker, &[line(7, "build) S 1", 1250, 5, 10)], 11_000);
    assert!(near(second.first().map(|p| p.cpu_percent), 25.0));
}

#[test]
fn a_number_used_again_is_another_process() {
    let mut tracker = ProcessTracker::default();
    scan(&mut tracker, &[line(7, "old", 1000, 5, 10)], 10_000);
    let second = scan(&mut tracker, &[line(7, "new", 100, 900, 10)], 11_000);
    assert!(near(second.first().map(|p| p.cpu_percent), 10.0), "all its time is new");
}

#[test]
fn those_that_use_most_of_either_are_listed_busiest_first() {
    let of = |busy: u64| -> Vec<String> {
        let idle = (1..=400).map(|n| line(n, "idle", 0, 5, 100 + u64::from(n)));
        let worker = (1001..=1100).map(|n| line(n, "worker", busy * u64::from(n), 5, 1));
        idle.chain(worker).collect()
    };
    let mut tracker = ProcessTracker::default();
    scan(&mut tracker, &of(1), 0);
    let listed = scan(&mut tracker, &of(2), 1_000_000);
    let pids: Vec<u32> = listed.iter().map(|process| process.pid).collect();
    let expected: Vec<u32> = (1091..=1100).rev().chain((391..=400).rev()).collect();
    assert_eq!(pids, expected);
}

#[test]
fn a_name_is_at_most_64_bytes_and_still_text() {
    let mut tracker = ProcessTracker::default();
    let long = "é".repeat(40);
    let listed = scan(&mut tracker, &[line(7, &format!("x{long}"), 0, 5, 10)], 1);
    let name = listed.first().map(|process| process.name.clone()).unwrap();
    assert_eq!(name.len(), 63);
}
