//! The folder and partial files on a real disk: nothing outside, nothing half, room that is really taken.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use systole_common::ids::{HostId, SpoolEpoch};
use systole_common::model::file::FileState;
use systole_common::time::UnixMs;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::folder::{Folder, FolderError};
use super::partial::{Found, Partial, PartialError, content, resume};
use super::{Depot, DepotSettings};
use crate::engine::state::FileRow;

fn host(name: &str) -> HostId {
    name.parse().unwrap()
}

fn row(bytes: &[u8]) -> FileRow {
    FileRow {
        id: 7,
        host: host("web-1"),
        epoch: SpoolEpoch(1),
        sequence: 1,
        name: "a.txt".into(),
        size_bytes: u64::try_from(bytes.len()).unwrap(),
        blake3: *blake3::hash(bytes).as_bytes(),
        content: String::new(),
        note: String::new(),
        sender: "web-1/bo".into(),
        certificate: String::new(),
        state: FileState::Receiving,
        reason: String::new(),
        decided_by: None,
        synced_bytes: 0,
        placed: None,
        free_bytes: 0,
        offered_at: UnixMs(0),
        expires_at: UnixMs(0),
        finished_at: None,
    }
}

fn folder() -> (TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path().join("received_files"));
    (place, folder)
}

fn part(folder: &Folder, row: &FileRow) -> Partial {
    match resume(folder, row).unwrap() {
        Found::Part(partial) => *partial,
        Found::Placed => panic!("placed"),
    }
}

fn receive(folder: &Folder, row: &FileRow, bytes: &[u8]) {
    let mut partial = part(folder, row);
    partial.write(bytes, *blake3::hash(bytes).as_bytes()).unwrap();
    assert_eq!(partial.finish().unwrap(), row.blake3);
    folder.place(row.id, &row.host, &row.name).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_received_file_is_private_and_whole_and_the_partial_is_gone() {
    let (place, folder) = folder();
    let row = row(b"hello");
    receive(&folder, &row, b"hello");
    let root = place.path().join("received_files");
    let path = root.join("web-1/a.txt");
    assert_eq!(fs::read(&path).unwrap(), b"hello");
    assert_eq!((mode(&path), mode(&root.join("web-1"))), (0o600, 0o700));
    assert_eq!(fs::read_dir(root.join(".partial")).unwrap().count(), 0);
    assert_eq!(content(&folder, &row.host, "a.txt").unwrap(), "text/plain");
}

#[test]
fn symbolic_links_are_refused_wherever_they_are_planted() {
    let (place, folder) = folder();
    let outside = place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let root = place.path().join("received_files");
    symlink(&outside, &root).unwrap();
    let refused = folder.partial(7, 5).unwrap_err();
    assert!(matches!(refused, FolderError::NotAFolder { .. }), "{refused}");
    fs::remove_file(&root).unwrap();

    let row = row(b"hello");
    let mut partial = part(&folder, &row);
    partial.write(b"hello", row.blake3).unwrap();
    // While it comes, the host's folder is replaced by a link.
    symlink(&outside, root.join("web-1")).unwrap();
    let refused = folder.place(7, &row.host, "a.txt").unwrap_err();
    assert!(matches!(refused, FolderError::NotAFolder { .. }), "{refused}");
    fs::remove_file(root.join("web-1")).unwrap();

    // The last component is a link: it is not followed and not replaced.
    fs::create_dir(root.join("web-1")).unwrap();
    symlink(outside.join("x"), root.join("web-1/a.txt")).unwrap();
    let refused = folder.place(7, &row.host, "a.txt").unwrap_err();
    assert!(matches!(refused, FolderError::Taken), "{refused}");
    assert_eq!(folder.free_name(&row.host, "a.txt").unwrap(), "a (2).txt");

    // The partial itself is a link, or has a second name outside.
    fs::remove_file(root.join(".partial/7")).unwrap();
    symlink(outside.join("x"), root.join(".partial/7")).unwrap();
    assert!(matches!(resume(&folder, &row), Err(PartialError::Folder(_))));
    fs::remove_file(root.join(".partial/7")).unwrap();
    fs::write(outside.join("y"), b"keep").unwrap();
    fs::hard_link(outside.join("y"), root.join(".partial/7")).unwrap();
    assert!(resume(&folder, &row).is_err());
    assert_eq!(fs::read(outside.join("y")).unwrap(), b"keep");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "nothing was written outside");
}

#[test]
fn a_stream_that_opens_gives_no_room_back() {
    let (place, folder) = folder();
    let row = row(&vec![7; 1 << 20]);
    drop(folder.partial(row.id, row.size_bytes).unwrap());
    let path = place.path().join("received_files/.partial/7");
    let blocks = || fs::metadata(&path).unwrap().blocks();
    let taken = blocks();
    drop(part(&folder, &row));
    assert_eq!(blocks(), taken, "of a file of which nothing came");
    let begun = FileRow { synced_bytes: 4_096, ..row.clone() };
    let mut partial = part(&folder, &row);
    partial.write(&[7; 8_192], *blake3::hash(&[7; 8_192]).as_bytes()).unwrap();
    partial.sync()().unwrap();
    drop(partial);
    assert_eq!(part(&folder, &begun).offset(), 4_096);
    assert_eq!(blocks(), taken, "of a file of which less was written down than came");
}

#[test]
fn what_lies_behind_a_whole_file_is_cut_off() {
    let (place, folder) = folder();
    let row = row(b"all of it");
    drop(folder.partial(row.id, row.size_bytes).unwrap());
    let path = place.path().join("received_files/.partial/7");
    fs::write(&path, b"what somebody put there by hand").unwrap();
    receive(&folder, &row, b"all of it");
    assert_eq!(fs::read(place.path().join("received_files/web-1/a.txt")).unwrap(), b"all of it");
}

#[test]
fn a_transfer_goes_on_where_it_was_synced() {
    let (place, folder) = folder();
    let bytes: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let mut row = row(&bytes);
    let mut partial = part(&folder, &row);
    let (first, rest) = bytes.split_at(1 << 20);
    partial.write(first, *blake3::hash(first).as_bytes()).unwrap();
    partial.sync()().unwrap();
    partial.write(rest, *blake3::hash(rest).as_bytes()).unwrap();
    drop(partial);
    // Only what was synced and written down counts, whatever else is in the file.
    row.synced_bytes = 1 << 20;
    let mut partial = part(&folder, &row);
    assert_eq!(partial.offset(), 1 << 20);
    partial.write(rest, *blake3::hash(rest).as_bytes()).unwrap();
    assert_eq!(partial.hash(), row.blake3);
    assert_eq!(partial.finish().unwrap(), row.blake3);
    // Written down as more than there is: what is there counts.
    row.synced_bytes = 1 << 40;
    assert_eq!(part(&folder, &row).offset(), 3_000_000);
    // Gone: from the beginning.
    fs::remove_file(place.path().join("received_files/.partial/7")).unwrap();
    assert_eq!(part(&folder, &row).offset(), 0);
}

#[test]
fn a_chunk_with_another_hash_is_not_taken() {
    let (_place, folder) = folder();
    let row = row(b"hello");
    let mut partial = part(&folder, &row);
    assert!(matches!(partial.write(b"jello", row.blake3), Err(PartialError::Chunk { offset: 0 })));
    assert_eq!(partial.offset(), 0);
}

#[test]
fn a_stop_between_rename_and_note_is_found_out() {
    let (place, folder) = folder();
    let mut row = row(b"hello");
    receive(&folder, &row, b"hello");
    row.placed = Some("a.txt".into());
    assert!(matches!(resume(&folder, &row).unwrap(), Found::Placed));
    // Somebody else's file under that name is not taken for it.
    fs::write(place.path().join("received_files/web-1/a.txt"), b"jello").unwrap();
    assert_eq!(part(&folder, &row).offset(), 0);
}

#[test]
fn what_an_earlier_run_left_is_removed() {
    let (place, folder) = folder();
    for id in [7, 8] {
        drop(folder.partial(id, 10).unwrap());
    }
    fs::write(place.path().join("received_files/.partial/x"), b"").unwrap();
    folder.keep_partials(&[8]).unwrap();
    let left: Vec<_> = fs::read_dir(place.path().join("received_files/.partial"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["8"]);
}

#[tokio::test]
async fn room_is_taken_before_a_byte_comes() {
    let (place, folder) = folder();
    let (inputs, _coming) = mpsc::channel(4);
    let path = place.path().join("received_files");
    let settings = DepotSettings { path: path.clone(), per_host_bytes: 1 << 20, reserve_bytes: 0 };
    let depot = Depot::new(settings, inputs, Handle::current());
    let web = host("web-1");
    depot.take_room(1, &web, 700_000).unwrap();
    let partial = fs::metadata(path.join(".partial/1")).unwrap();
    assert_eq!(partial.len(), 0, "no byte has come");
    assert!(partial.blocks() * 512 >= 700_000, "the disk has the room aside");
    let refused = depot.take_room(2, &web, 400_000).unwrap_err();
    assert!(refused.contains("files.per_host"), "{refused}");
    // Another host has its own quota; the same file again is no second one.
    depot.take_room(3, &host("web-2"), 700_000).unwrap();
    depot.take_room(1, &web, 700_000).unwrap();
    // What was received counts for its host.
    fs::create_dir_all(path.join("web-3")).unwrap();
    fs::write(path.join("web-3/old"), vec![0; 700_000]).unwrap();
    assert!(depot.take_room(4, &host("web-3"), 400_000).is_err());
    depot.release(1);
    folder.discard(1);
    assert!(depot.take_room(2, &web, 400_000).is_ok());
    assert!(depot.take_room(5, &host("web-4"), u64::MAX / 4).is_err());
}
