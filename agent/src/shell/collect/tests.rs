//! The collectors on this machine's own `/proc`, on folders that stand for odd ones, and against a
//! file system that never answers.

mod sensors;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::time::{ClockId, clock_gettime};

use super::note::CollectNote;
use super::proc_file::read_all;
use super::remote::RemoteDisks;
use super::{Collector, Sample, Tick};
use crate::engine::collect::disk::Usage;
use crate::engine::collect::mounts::Chosen;
use crate::engine::collect::{Samples, metrics};

const SECOND_NS: u64 = 1_000_000_000;

fn clock_ns(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    u64::try_from(now.tv_sec).unwrap() * SECOND_NS + u64::try_from(now.tv_nsec).unwrap()
}

fn value(samples: &[Sample], metric: &str, instance: &str) -> Option<f64> {
    let found = samples.iter().find(|s| s.metric == metric && *s.instance == *instance);
    found.map(|sample| sample.value)
}

/// Keeps a core busy until this thread has had `nanos` of processor time.
fn burn(nanos: u64) {
    let end = clock_ns(ClockId::ThreadCPUTime) + nanos;
    while clock_ns(ClockId::ThreadCPUTime) < end {
        std::hint::spin_loop();
    }
}

#[test]
fn memory_is_what_this_kernel_says() {
    let tick = Collector::new().unwrap().tick(clock_ns(ClockId::Boottime));
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
    let total: f64 = kib.trim().trim_end_matches(" kB").parse().unwrap();
    assert_eq!(value(&tick.samples, "memory_total_bytes", ""), Some(total * 1024.0));
    let used = value(&tick.samples, "memory_used_bytes", "").unwrap();
    assert!(used > 0.0 && used < total * 1024.0);
    for metric in ["swap_total_bytes", "load1", "load15", "cores", "uptime_s"] {
        assert!(value(&tick.samples, metric, "").is_some(), "{metric}");
    }
    assert_eq!(value(&tick.samples, "cpu_percent", ""), None, "a first tick has no rates");
    assert_eq!(tick.dropped, 0);
}

#[test]
fn a_busy_core_is_seen_in_the_total_and_in_the_process_list() {
    const BURNT_NS: u64 = 400_000_000;
    let mut collector = Collector::new().unwrap();
    let started_ns = clock_ns(ClockId::Boottime);
    collector.tick(started_ns);
    collector.processes(started_ns).unwrap();
    burn(BURNT_NS);
    let ended_ns = clock_ns(ClockId::Boottime);
    let tick = collector.tick(ended_ns);
    let cores = value(&tick.samples, "cores", "").unwrap();
    // The machine was at least as busy as this thread; a tenth is left for the kernel's rounding.
    let share = 100.0 * BURNT_NS as f64 / ((ended_ns - started_ns) as f64 * cores);
    let cpu = value(&tick.samples, "cpu_percent", "").unwrap();
    assert!(cpu >= 0.9 * share && cpu <= 100.0, "{cpu} of at least {share}");
    let of_cores = tick.samples.iter().filter(|sample| sample.metric == metrics::CPU_CORE.name);
    assert!(of_cores.map(|sample| sample.value).fold(0.0, f64::max) >= cpu * 0.9);
    let processes = collector.processes(clock_ns(ClockId::Boottime)).unwrap().processes;
    assert!(!processes.is_empty() && processes.len() <= 20);
    assert!(processes.iter().any(|process| process.cpu_percent > 0.0));
    assert!(processes.iter().any(|process| process.memory_bytes > 0));
}

#[test]
fn the_root_file_system_is_as_df_prints_it() {
    let tick = Collector::new().unwrap().tick(0);
    let output = Command::new("df")
        .args(["-B1", "--output=size,used,pcent,itotal", "/"])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().nth(1).unwrap().replace(['%', '-'], "");
    let df: Vec<f64> = line.split_whitespace().map(|field| field.parse().unwrap()).collect();
    let of_root = |metric| value(&tick.samples, metric, "/");
    assert_eq!(of_root("disk_total_bytes"), df.first().copied());
    let used = of_root("disk_used_bytes").unwrap();
    assert!((used - df[1]).abs() <= 0.01 * df[0], "{used} and {}", df[1]);
    let percent = of_root("disk_used_percent").unwrap();
    assert!((df[2] - percent).abs() <= 1.5, "df rounds {percent} up to {}", df[2]);
    assert_eq!(of_root("disk_inodes_total"), df.get(3).copied());
}

#[test]
fn what_cannot_be_read_loses_its_own_series_and_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put("meminfo", "MemTotal: 100 kB\nMemAvailable: 40 kB\n");
    put("stat", "cpu  10 0 10 80\ncpu0 10 0 10 80\n");
    let mut collector = Collector::at(folder.path(), &folder.path().join("sys")).unwrap();
    let unreadable = |tick: &Tick| {
        let is = |note: &&CollectNote| matches!(note, CollectNote::Unreadable { .. });
        tick.notes.iter().filter(is).count()
    };
    let first = collector.tick(0);
    assert_eq!(unreadable(&first), 5, "{:?}", first.notes);
    assert_eq!(value(&first.samples, "memory_total_bytes", ""), Some(102_400.0));
    put("stat", "cpu  40 0 10 150\ncpu0 40 0 10 150\n");
    put("loadavg", "0.5 0.6 0.7 1/9 99\n");
    let second = collector.tick(SECOND_NS);
    assert!(second.notes.is_empty(), "{:?}", second.notes);
    assert_eq!(value(&second.samples, "cpu_percent", ""), Some(30.0), "read again from its start");
    assert_eq!(value(&second.samples, "load1", ""), None);
    let later = collector.tick(61 * SECOND_NS);
    assert!(
        matches!(later.notes.as_slice(), [CollectNote::ReadableAgain { .. }]),
        "{:?}",
        later.notes
    );
    assert_eq!(value(&later.samples, "load1", ""), Some(0.5));
}

#[test]
fn the_mount_list_is_read_again_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("self")).unwrap();
    let root = "1 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    let list = folder.path().join("self/mountinfo");
    fs::write(&list, root).unwrap();
    let mut collector = Collector::at(folder.path(), &folder.path().join("sys")).unwrap();
    let mounts = |tick: &Tick| {
        let is_disk = |sample: &&Sample| sample.metric == metrics::DISK_TOTAL.name;
        tick.samples
            .iter()
            .filter(is_disk)
            .map(|sample| sample.instance.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(mounts(&collector.tick(0)), ["/"]);
    fs::write(&list, format!("{root}2 1 8:2 / /tmp rw - ext4 /dev/sdb1 rw\n")).unwrap();
    assert_eq!(mounts(&collector.tick(60 * SECOND_NS)), ["/", "/tmp"]);
}

#[test]
fn in_a_sandbox_the_first_process_says_what_is_mounted_where() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        fs::create_dir_all(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("mountinfo"), text).unwrap();
    };
    let root = "27 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
    let beneath = "28 27 8:2 / /usr rw - ext4 /dev/sda2 rw\n";
    let sandbox =
        "29 27 0:70 / /usr ro - tmpfs tmpfs ro\n30 27 8:1 /var/lib/x /opt rw - ext4 /dev/sda1 rw\n";
    put("self", &format!("{root}{sandbox}"));
    put("1", &format!("{root}{beneath}"));
    let mounts = |tick: &Tick| -> Vec<String> {
        let disks = tick.samples.iter().filter(|s| s.metric == metrics::DISK_TOTAL.name);
        disks.map(|sample| sample.instance.to_string()).collect()
    };
    let mut collector = Collector::at(folder.path(), &folder.path().join("sys")).unwrap();
    let tick = collector.tick(0);
    assert_eq!(mounts(&tick), ["/"]);
    assert_eq!(tick.skipped, 1, "what the sandbox hides is said, not measured in its place");
    fs::remove_dir_all(folder.path().join("1")).unwrap();
    let mut alone = Collector::at(folder.path(), &folder.path().join("sys")).unwrap();
    let tick = alone.tick(0);
    assert_eq!((mounts(&tick), tick.skipped), (vec!["/".to_owned()], 0), "its own list is enough");
}

#[test]
fn a_kernel_without_pressure_is_no_trouble_and_one_with_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut collector = Collector::at(folder.path(), &folder.path().join("sys")).unwrap();
    let first = collector.tick(0);
    let said = |tick: &Tick| tick.notes.iter().any(|note| note.to_string().contains("pressure"));
    assert!(!said(&first), "{:?}", first.notes);
    fs::create_dir(folder.path().join("pressure")).unwrap();
    let put = |total: u64| {
        let text = format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
        fs::write(folder.path().join("pressure/memory"), text).unwrap();
    };
    put(1_000_000);
    collector.tick(60 * SECOND_NS);
    put(1_500_000);
    let tick = collector.tick(61 * SECOND_NS);
    assert!(!said(&tick), "{:?}", tick.notes);
    assert_eq!(value(&tick.samples, "pressure_memory_some_percent", ""), Some(50.0));
    fs::remove_file(folder.path().join("pressure/memory")).unwrap();
    fs::create_dir(folder.path().join("pressure/io")).unwrap();
    let tick = collector.tick(121 * SECOND_NS);
    assert!(said(&tick), "what is there and cannot be read is said: {:?}", tick.notes);
}

#[test]
fn without_proc_there_is_no_collector() {
    assert!(Collector::at(Path::new("/nowhere/proc"), Path::new("/nowhere/sys")).is_err());
}

#[test]
fn a_text_beyond_the_limit_is_cut_at_the_end_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long");
    fs::write(&path, "0123456789\n".repeat(3000)).unwrap();
    let file = fs::File::open(&path).unwrap();
    let mut buffer = Vec::new();
    assert_eq!(read_all(&file, 100, &mut buffer).unwrap(), 99);
    assert_eq!(read_all(&file, 1_000_000, &mut buffer).unwrap(), 33_000);
}

/// Held while the file system below hangs.
static HANGS: Mutex<()> = Mutex::new(());

fn ask_hung(_: &[u8]) -> std::io::Result<Usage> {
    drop(HANGS.lock().map_err(|_| std::io::Error::other("the test failed"))?);
    Ok(Usage { total_bytes: 1000, free_bytes: 500, available_bytes: 500, ..Usage::default() })
}

#[test]
fn a_network_file_system_that_hangs_stops_no_tick_and_is_said_once() {
    let mount = Chosen { name: Arc::from("/mnt/far"), point: b"/mnt/far".to_vec(), remote: true };
    let mut disks = RemoteDisks::new(ask_hung);
    let tick = |disks: &mut RemoteDisks, at_s: u64| {
        let (mut samples, mut notes) = (Samples::default(), Vec::new());
        let mounts = std::slice::from_ref(&mount);
        let absent = disks.tick(at_s * SECOND_NS, mounts, &mut samples, &mut notes);
        (absent, samples.list().len(), notes)
    };
    let hanging = HANGS.lock().unwrap();
    for at_s in 0..5 {
        assert!(matches!(tick(&mut disks, at_s), (1, 0, notes) if notes.is_empty()));
    }
    let (_, _, notes) = tick(&mut disks, 5);
    assert!(matches!(notes.as_slice(), [CollectNote::FileSystemSilent { waited_s: 5, .. }]));
    assert!(tick(&mut disks, 3600).2.is_empty(), "said once, and not asked a second time");
    drop(hanging);
    let mut notes = Vec::new();
    disks.wait_for_answer(3601 * SECOND_NS, &mut notes);
    assert!(matches!(notes.as_slice(), [CollectNote::FileSystemAnswers { .. }]));
    assert!(matches!(tick(&mut disks, 3601), (0, 3, _)));
    assert!(matches!(tick(&mut disks, 3640), (1, 0, _)), "an old answer is not sent as a new one");
}

fn ask_forbidden(_: &[u8]) -> std::io::Result<Usage> {
    Err(rustix::io::Errno::ACCESS.into())
}

#[test]
fn a_network_file_system_that_refuses_is_said_once() {
    let mount = Chosen { name: Arc::from("/mnt/far"), point: b"/mnt/far".to_vec(), remote: true };
    let mut disks = RemoteDisks::new(ask_forbidden);
    let mut notes = Vec::new();
    for at_s in [0, 20, 40] {
        disks.tick(
            at_s * SECOND_NS,
            std::slice::from_ref(&mount),
            &mut Samples::default(),
            &mut notes,
        );
        disks.wait_for_answer(at_s * SECOND_NS, &mut notes);
    }
    assert!(matches!(notes.as_slice(), [CollectNote::FileSystemFailed { .. }]), "{notes:?}");
    assert!(notes[0].to_string().starts_with("file system /mnt/far: Permission denied"));
}
