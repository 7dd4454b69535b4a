//! Messages with their marks, what was received, files: written, read at start, asked for, pruned.

use std::collections::BTreeSet;

use systole_common::ids::SpoolEpoch;
use systole_common::model::file::FileState;
use systole_common::model::message::Place;
use systole_common::wire::control::{Ranges, Receipt, SequenceKind};
use systole_common::wire::hello::CloseCode;
use systole_common::wire::talk::{Delivery, MessageMarks, MessageRecord};

use super::*;
use crate::engine::limits::{FILES_SHOWN, MESSAGES_SHOWN, RECEIVED_EPOCHS_MAX};
use crate::engine::state::{FileRow, KeptMessage, MessageRow};
use crate::limits::{BACKLOG_CHANGES_MAX, BACKLOG_EFFECTS_MAX, TALK_AGE_MAX, TALK_KEPT_MIN};

const FILES: &str = "/srv/received_files";

fn ids(names: &[&str]) -> Vec<HostId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn message_row(number: u64, to: &str, text: &str) -> MessageRow {
    MessageRow {
        number,
        id: format!("mon-1-5-{number}"),
        time: NOW,
        from: "bo".into(),
        to: to.into(),
        text: text.into(),
        thread: Some("file 12".into()),
    }
}

fn said(row: MessageRow, waiting: &[&str], failed: &[&str]) -> Change {
    Change::Message { row: Arc::new(row), waiting: ids(waiting), failed: ids(failed) }
}

fn marks(number: u64, delivered: &[&str], failed: &[&str]) -> Change {
    Change::Marks { number, delivered: ids(delivered), failed: ids(failed) }
}

fn received(host: &str, epoch: u64, ranges: Vec<(u64, u64)>) -> Change {
    let (host, kind) = (host.parse().unwrap(), SequenceKind::Messages);
    Change::Received { host, kind, epoch: SpoolEpoch(epoch), ranges }
}

fn file_row(id: u64, state: FileState) -> FileRow {
    FileRow {
        id,
        host: "web-1".parse().unwrap(),
        epoch: SpoolEpoch(u64::MAX - 3),
        sequence: id,
        name: "core.dump.zst".into(),
        size_bytes: 7,
        blake3: [0xa5; 32],
        content: "application/zstd".into(),
        note: "from tonight".into(),
        sender: "web-1/deploy".into(),
        certificate: "sha256:00".into(),
        state,
        reason: String::new(),
        decided_by: Some("bo".into()),
        synced_bytes: 7,
        placed: (state == FileState::Verified).then(|| "core.dump (2).zst".into()),
        free_bytes: 1 << 40,
        offered_at: NOW,
        expires_at: UnixMs(NOW.0 + 1),
        finished_at: (!state.is_open()).then_some(NOW),
    }
}

fn file(row: FileRow) -> Change {
    Change::File(Box::new(row))
}

fn answer(store: &Store, query: Query) -> Answer {
    let readers = Readers::new(&store.seen.path, FILES);
    runtime().block_on(readers.answer(query)).unwrap()
}

/// What a query for messages finds.
fn found(store: &Store, query: Query) -> Vec<(MessageRecord, Vec<MessageMarks>)> {
    let Answer::Messages(messages) = answer(store, query) else { panic!() };
    messages
}

fn all() -> Query {
    asked(None, &[], u32::MAX)
}

fn asked(place: Option<&str>, words: &[&str], count_max: u32) -> Query {
    Query::Messages {
        place: place.map(|place| Place::parse(place).unwrap()),
        since: None,
        before: None,
        words: words.iter().map(|&word| word.to_owned()).collect(),
        count_max,
    }
}

fn numbers(messages: &[(MessageRecord, Vec<MessageMarks>)]) -> Vec<u64> {
    messages.iter().map(|(record, _)| record.number).collect()
}

#[test]
fn what_was_said_and_how_far_it_came_is_there_after_a_kill() {
    let mut store = Store::new();
    let text = "\u{1b}[31m'; DROP TABLE message; --\u{0}";
    let rows = [message_row(3, "#all", text), message_row(9, "@web-1", "hello")];
    store.write(
        vec![
            said(rows[0].clone(), &["web-1", "web-2", "web-3"], &["web-4"]),
            said(rows[1].clone(), &["web-1"], &[]),
            marks(3, &["web-2"], &["web-3"]),
            marks(99, &["web-2"], &[]),
            received("web-1", u64::MAX, vec![(1, 4)]),
            received("web-1", u64::MAX, vec![(1, 5), (9, u64::MAX)]),
        ],
        Vec::new(),
    );
    let saved = store.killed().saved;
    let expected = [
        KeptMessage {
            row: Arc::new(rows[0].clone()),
            waiting: ids(&["web-1"]),
            delivered: ids(&["web-2"]),
            failed: ids(&["web-3", "web-4"]),
        },
        KeptMessage {
            row: Arc::new(rows[1].clone()),
            waiting: ids(&["web-1"]),
            delivered: Vec::new(),
            failed: Vec::new(),
        },
    ];
    assert_eq!(saved.messages, expected);
    assert_eq!(saved.message_last, 9);
    let ranges = vec![(1, 5), (9, u64::MAX)];
    let host: HostId = "web-1".parse().unwrap();
    let expected = (host, SequenceKind::Messages, SpoolEpoch(u64::MAX), ranges);
    assert_eq!(saved.received, [expected]);
}

#[test]
fn a_start_knows_all_that_waits_and_the_newest_of_the_rest() {
    let mut store = Store::new();
    let last = MESSAGES_SHOWN as u64 + 20;
    let mut changes = vec![said(message_row(1, "@web-1", "old"), &["web-1"], &[])];
    changes.extend((2..=last).map(|number| said(message_row(number, "#ops", "new"), &[], &[])));
    changes.push(file(file_row(1, FileState::Receiving)));
    let last_file = FILES_SHOWN as u64 + 20;
    changes.extend((2..=last_file).map(|id| file(file_row(id, FileState::Rejected))));
    store.write(changes, Vec::new());
    let saved = store.killed().saved;
    let numbers: Vec<u64> = saved.messages.iter().map(|kept| kept.row.number).collect();
    let newest = last - MESSAGES_SHOWN as u64 + 1;
    assert_eq!(numbers, [1].into_iter().chain(newest..=last).collect::<Vec<_>>());
    let files: Vec<u64> = saved.files.iter().map(|row| row.id).collect();
    let newest = last_file - FILES_SHOWN as u64 + 1;
    assert_eq!(files, [1].into_iter().chain(newest..=last_file).collect::<Vec<_>>());
    assert_eq!((saved.message_last, saved.file_id_last), (last, last_file));
}

#[test]
fn files_are_there_exactly_and_later_rows_replace_earlier_ones() {
    let mut store = Store::new();
    let done = file_row(4, FileState::Verified);
    let bare = FileRow { decided_by: None, ..file_row(5, FileState::Offered) };
    let first = file_row(4, FileState::Accepted);
    store.write([first, done.clone(), bare.clone()].map(file).into(), Vec::new());
    assert_eq!(store.killed().saved.files, [done, bare]);
}

#[test]
fn the_epoch_of_what_is_said_belongs_to_the_file() {
    let store = Store::new();
    let epoch = |loaded: &Loaded| loaded.saved.talk_epoch;
    let opened = open(store.folder.path(), NOW).unwrap();
    let first = epoch(&load(&opened, NOW).unwrap());
    assert_eq!(epoch(&load(&opened, NOW).unwrap()), first);
    drop(opened);
    assert_ne!(epoch(&Store::new().killed()), first, "another file, another epoch");
    let connection = Connection::open(&store.seen.path).unwrap();
    connection.execute("DELETE FROM talk", []).unwrap();
    drop(connection);
    let opened = open(store.folder.path(), NOW).unwrap();
    let second = epoch(&load(&opened, NOW).unwrap());
    assert_ne!(second, first);
    assert_eq!(epoch(&load(&opened, NOW).unwrap()), second, "drawn once");
}

#[test]
fn after_damage_the_epoch_is_new_and_numbers_go_on() {
    let mut store = Store::new();
    let changes =
        vec![said(message_row(70, "#ops", "x"), &[], &[]), file(file_row(40, FileState::Offered))];
    store.write(changes, Vec::new());
    let opened = open(store.folder.path(), NOW).unwrap();
    let before = load(&opened, NOW).unwrap().saved;
    drop(opened);
    store.writer.checkpoint().unwrap();
    let Store { folder, writer, .. } = store;
    drop(writer);
    fs::write(folder.path().join(STATE_FILE), vec![0x55; 20_000]).unwrap();
    let opened = open(folder.path(), NOW).unwrap();
    let loaded = load(&opened, NOW).unwrap();
    let saved = loaded.saved;
    assert_ne!(saved.talk_epoch, before.talk_epoch);
    assert!(saved.message_last > before.message_last && saved.file_id_last > before.file_id_last);
    assert!(loaded.losses[0].contains("messages"), "{:?}", loaded.losses);
}

#[test]
fn a_file_of_the_second_version_gets_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_with(folder.path(), NOW, &STEPS[..2]).unwrap());
    let opened = open(folder.path(), NOW).unwrap();
    assert!(opened.backup.as_ref().is_some_and(|copy| copy.exists()), "copied before");
    let epoch = load(&opened, NOW).unwrap().saved.talk_epoch;
    rows::apply(&opened.connection, &said(message_row(1, "#ops", "x"), &[], &[])).unwrap();
    let saved = load(&opened, NOW).unwrap().saved;
    assert_eq!((saved.messages.len(), saved.talk_epoch), (1, epoch));
}

#[test]
fn of_a_host_the_newest_lives_of_its_spool_are_known() {
    let mut store = Store::new();
    let many = RECEIVED_EPOCHS_MAX as u64 + 3;
    let mut changes: Vec<Change> =
        (1..=many).map(|epoch| received("web-1", epoch, vec![(1, epoch)])).collect();
    changes.push(received("web-2", 1, vec![(1, 1)]));
    store.write(changes, Vec::new());
    let known = store.killed().saved.received;
    let epochs: Vec<u64> = known.iter().map(|(_, _, epoch, _)| epoch.0).collect();
    assert_eq!(epochs, (4..=many).chain([1]).collect::<Vec<_>>());
}

#[test]
fn messages_are_found_by_place_words_and_number_newest_first() {
    let mut store = Store::new();
    store.write(
        vec![
            said(message_row(1, "@web-1", "Disk FULL on var"), &["web-1"], &[]),
            said(message_row(2, "#all", "the disk is not full"), &["web-1", "web-2"], &["web-3"]),
            said(message_row(3, "#ops", "Größe ÄNDERN"), &[], &[]),
            said(message_row(4, "{rack=7}", "100% \\ _"), &["web-2"], &[]),
            marks(2, &["web-2"], &[]),
        ],
        Vec::new(),
    );
    assert_eq!(numbers(&found(&store, all())), [4, 3, 2, 1]);
    for (place, words, count_max, expected) in [
        (Some("@web-1"), &[][..], 9, &[2, 1][..]),
        (Some("@web-2"), &[], 9, &[4, 2]),
        (Some("@web-9"), &[], 9, &[]),
        (Some("#all"), &[], 9, &[2]),
        (Some("#ops"), &[], 9, &[3]),
        (Some("{rack=7}"), &[], 9, &[4]),
        (Some("{ rack = 7 }"), &[], 9, &[4]),
        (Some("{rack=8}"), &[], 9, &[]),
        (None, &["FULL", "disk"], 9, &[2, 1]),
        (None, &["full", "not"], 9, &[2]),
        (None, &["größe", "ändern"], 9, &[3]),
        (None, &["0%"], 9, &[4]),
        (None, &["%o%"], 9, &[]),
        (None, &[], 2, &[4, 3]),
        (None, &[], 0, &[]),
    ] {
        let messages = found(&store, asked(place, words, count_max));
        assert_eq!(numbers(&messages), expected, "{place:?} {words:?}");
    }
    let before = Query::Messages {
        place: None,
        since: None,
        before: Some(3),
        words: Vec::new(),
        count_max: 1,
    };
    let [(record, frames)] = &found(&store, before)[..] else { panic!() };
    assert_eq!((record.number, record.targets, record.delivered, record.failed), (2, 3, 1, 1));
    let expected = MessageMarks {
        number: 2,
        delivered_to: vec!["web-2".into()],
        failed_to: vec!["web-3".into()],
    };
    assert_eq!(frames[..], [expected]);
    assert_eq!((record.from.as_str(), record.thread.as_deref()), ("bo", Some("file 12")));
}

#[test]
fn marks_of_a_large_fleet_come_in_frames_and_a_reply_is_bounded() {
    let mut store = Store::new();
    let names: Vec<String> = (0..2_000).map(|number| format!("web-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let per_reply = crate::limits::MARKS_NAMED_MAX / names.len();
    let last = per_reply as u64 + 5;
    let rows = (1..=last).map(|number| said(message_row(number, "#all", "x"), &[], &names));
    store.write(rows.collect(), Vec::new());
    let messages = found(&store, all());
    assert_eq!(messages.len(), per_reply);
    assert_eq!(messages[0].0.number, last, "the newest are there");
    let frames = &messages[0].1;
    assert!(frames.iter().all(|frame| frame.failed_to.len() <= 256), "each fits its frame");
    let named: BTreeSet<&String> = frames.iter().flat_map(|frame| &frame.failed_to).collect();
    assert_eq!(named.len(), names.len());
}

#[test]
fn files_are_listed_open_ones_first_and_only_verified_ones_are_fetched() {
    let mut store = Store::new();
    let other = FileRow { host: "web-2".parse().unwrap(), ..file_row(3, FileState::Verified) };
    let rows = [
        file_row(1, FileState::Verified),
        file_row(2, FileState::Rejected),
        other,
        // What the engine told of it is newer.
        file_row(9, FileState::Receiving),
    ];
    store.write(rows.clone().map(file).into(), Vec::new());
    let open = vec![crate::engine::file_record(&rows[3], 5, FILES)];
    let list = |host: Option<&str>, file, count_max| {
        let host = host.map(|host| host.parse().unwrap());
        let query = Query::Files { open: open.clone(), host, since: None, file, count_max };
        let Answer::Files(files) = answer(&store, query) else { panic!() };
        files
    };
    let ids = |files: Vec<systole_common::wire::file::FileRecord>| {
        files.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let files = list(None, None, 99);
    assert_eq!(files[0].received_bytes, 5);
    assert_eq!(files[3].path, "/srv/received_files/web-1/core.dump (2).zst");
    assert_eq!(ids(files), [9, 3, 2, 1]);
    assert_eq!(ids(list(None, None, 2)), [9, 3]);
    assert_eq!(ids(list(Some("web-2"), None, 99)), [9, 3], "open ones are chosen before");
    assert_eq!(ids(list(None, Some(2), 99)), [9, 2]);
    let Answer::Fetch { host, name, record } = answer(&store, Query::Fetch { file: 1 }) else {
        panic!()
    };
    assert_eq!((host.as_str(), name.as_str()), ("web-1", "core.dump (2).zst"));
    assert_eq!(record.id, 1);
    for (file, part) in [(2, "rejected"), (9, "receiving"), (77, "no file has the number 77")] {
        let Answer::NoFile(text) = answer(&store, Query::Fetch { file }) else { panic!() };
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn old_history_goes_but_never_what_waits_what_is_open_or_the_newest() {
    let mut store = Store::new();
    let old = NOW.minus(TALK_AGE_MAX).minus(std::time::Duration::from_secs(1));
    let at = |number, to| MessageRow { time: old, ..message_row(number, to, "x") };
    let kept = u64::from(TALK_KEPT_MIN);
    let mut changes = vec![
        said(at(1, "@web-1"), &["web-1"], &[]),
        said(at(2, "@web-1"), &["web-1", "web-2"], &["web-3"]),
        marks(2, &["web-1", "web-2"], &[]),
        said(message_row(3, "#ops", "young"), &[], &[]),
    ];
    changes.extend((4..=kept + 4).map(|number| said(at(number, "#ops"), &[], &[])));
    let old_file = |id, state| file(FileRow { offered_at: old, ..file_row(id, state) });
    changes.push(old_file(1, FileState::Receiving));
    changes.extend((2..=kept + 4).map(|id| old_file(id, FileState::Withdrawn)));
    store.write(changes, Vec::new());
    store.writer.tend().unwrap();
    let connection = Connection::open(&store.seen.path).unwrap();
    let first = |query: &str| -> Vec<i64> {
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(first("SELECT number FROM message ORDER BY number LIMIT 3"), [1, 3, 5]);
    assert_eq!(first("SELECT DISTINCT number FROM delivery"), [1], "marks go with their message");
    assert_eq!(first("SELECT id FROM file ORDER BY id LIMIT 2"), [1, 5]);
    assert_eq!(count(&store.seen.path, "file"), i64::from(TALK_KEPT_MIN) + 1);
}

#[test]
fn many_old_marks_go_a_little_at_a_time() {
    let mut store = Store::new();
    let names: Vec<String> = (0..1_000).map(|number| format!("web-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let at = |number| MessageRow { time: UnixMs(0), ..message_row(number, "#all", "x") };
    let mut changes: Vec<Change> = (1..=120).map(|number| said(at(number), &[], &names)).collect();
    let kept = u64::from(TALK_KEPT_MIN);
    changes.extend((121..=120 + kept).map(|number| said(at(number), &[], &[])));
    store.write(changes, Vec::new());
    for expected in [70_000, 20_000, 0, 0] {
        store.writer.tend().unwrap();
        assert_eq!(count(&store.seen.path, "delivery"), expected);
    }
}

fn delivery(connection: u64) -> Effect {
    let delivery = Delivery {
        epoch: SpoolEpoch(1),
        sequence: 1,
        id: String::new(),
        time: NOW,
        from: String::new(),
        to: String::new(),
        thread: None,
        text: String::new(),
    };
    Effect::Deliver { connection: ConnectionId(connection), delivery: Box::new(delivery) }
}

fn receipt(kind: SequenceKind) -> Effect {
    let ranges = Ranges(vec![(1, 1)]);
    let receipt = Receipt { kind: kind.into(), epoch: SpoolEpoch(1), ranges };
    Effect::Receipt { connection: ConnectionId(1), receipt }
}

#[test]
fn nothing_said_is_promised_or_delivered_while_the_disk_is_full() {
    let mut store = Store::new();
    store.fill();
    let effects = vec![
        receipt(SequenceKind::Samples),
        receipt(SequenceKind::Messages),
        receipt(SequenceKind::Offers),
        delivery(1),
        Effect::Place { transfer: 1 },
        Effect::Discard { file: 1 },
        super::said("log"),
    ];
    let large = said(message_row(1, "#ops", &"x".repeat(200_000)), &[], &[]);
    store.write(vec![large], effects);
    let names = |store: &Store| {
        let word = |name: &str| name.split([' ', '{']).next().unwrap().to_owned();
        store.released().iter().map(|(name, _)| word(name)).collect::<Vec<_>>()
    };
    assert_eq!(names(&store), ["Receipt", "log"]);
    store.write(Vec::new(), vec![delivery(2)]);
    assert!(store.released().is_empty(), "nothing overtakes what waits");
    store.make_room();
    store.writer.tend().unwrap();
    let expected = ["Receipt", "Receipt", "Deliver", "Place", "Discard", "Deliver"];
    assert_eq!(names(&store), expected);
    assert_eq!(count(&store.seen.path, "message"), 1);
}

#[test]
fn a_long_full_disk_loses_nothing_that_was_said() {
    let mut store = Store::new();
    store.fill();
    let many = BACKLOG_CHANGES_MAX as u64 / 4;
    let large = "x".repeat(200_000);
    store.write(vec![said(message_row(1, "#ops", &large), &[], &[])], Vec::new());
    for turn in 0..6 {
        let rows = (0..many).map(|number| {
            said(message_row(2 + turn * many + number, "@web-1", "x"), &["web-1"], &[])
        });
        let mut changes: Vec<Change> = rows.collect();
        changes.push(marks(2, &["web-1"], &[]));
        changes.push(received("web-1", 1, vec![(1, turn)]));
        changes.push(file(FileRow { synced_bytes: turn, ..file_row(3, FileState::Receiving) }));
        store.write(changes, Vec::new());
    }
    store.make_room();
    store.writer.tend().unwrap();
    assert_eq!(count(&store.seen.path, "message"), i64::try_from(6 * many + 1).unwrap());
    assert_eq!(count(&store.seen.path, "delivery"), i64::try_from(6 * many).unwrap());
    let saved = store.killed().saved;
    assert_eq!(saved.received[0].3, [(1, 5)]);
    assert_eq!(saved.files[0].synced_bytes, 5);
    assert!(saved.messages.iter().all(|kept| kept.row.number != 2), "the mark is there");
}

#[test]
fn a_connection_that_would_miss_a_delivery_ends_rather_than_get_the_next_one() {
    let mut store = Store::new();
    store.fill();
    let large = said(message_row(1, "#ops", &"x".repeat(200_000)), &[], &[]);
    let many = (0..BACKLOG_EFFECTS_MAX).map(|_| delivery(1)).chain([delivery(7)]).collect();
    store.write(vec![large], many);
    let released = store.released();
    assert_eq!(released.len(), 1);
    let (name, _) = &released[0];
    assert!(name.starts_with("Close") && name.contains("ConnectionId(7)"), "{name}");
    assert!(name.contains(&format!("{:?}", CloseCode::Overload)), "{name}");
}
