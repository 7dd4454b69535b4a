//! One message of each kind about talk and files, as in [`crate::samples`].

use systole_common::ids::SpoolEpoch;
use systole_common::model::file::FileState;
use systole_common::time::UnixMs;
use systole_common::wire::file::{
    Accept, Chunk, Decision, FeedFile, Fetch, FileBefore, FilePage, FilePiece, FileRecord,
    FilesQuery, Offer, Reject, Withdraw,
};
use systole_common::wire::kind::Kind;
use systole_common::wire::talk::{
    Delivery, FeedMarks, FeedMessage, Message, MessageMarks, MessagePage, MessageRecord,
    MessagesQuery, Say,
};

use crate::samples::{AT, VERSION, put};

const EPOCH: SpoolEpoch = SpoolEpoch(0x0102_0304_0506_0708);

/// Frames of messages and of what is asked about them.
pub(crate) fn talk_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let (to, text) = ("@web-1".to_owned(), "switch rack7 dark".to_owned());
    let (user, from) = ("bo".to_owned(), "web-1/bo".to_owned());
    let (epoch, id) = (EPOCH, "web-1-0102030405060708-3".to_owned());
    let thread = Some("file 12".to_owned());
    let message = Message { sequence: 3, time: AT, user, to: to.clone(), text: text.clone() };
    put(all, VERSION, &message);
    let record = MessageRecord {
        number: 300,
        id: id.clone(),
        time: AT,
        from: from.clone(),
        to: to.clone(),
        text: text.clone(),
        thread: thread.clone(),
        targets: 7,
        delivered: 2,
        failed: 1,
    };
    put(all, VERSION, &Delivery { epoch, sequence: 300, id, time: AT, from, to, thread, text });
    let say = Say { to: "{rack=7}".into(), text: "back?".into(), hosts: vec!["web-1".into()] };
    put(all, VERSION, &say);
    let query = MessagesQuery {
        place: Some("#ops".into()),
        since: Some(AT),
        before: Some(299),
        words: "rack7 dark".into(),
        count_max: 50,
    };
    put(all, VERSION, &query);
    put(all, VERSION, &MessagePage { records: vec![record.clone()] });
    let (delivered_to, failed_to) = (vec!["web-1".to_owned()], vec!["web-2".to_owned()]);
    let marks = MessageMarks { number: 300, delivered_to, failed_to };
    put(all, VERSION, &marks);
    put(all, VERSION, &FeedMessage { is_new: true, record });
    let MessageMarks { number, delivered_to, failed_to } = marks;
    put(all, VERSION, &FeedMarks { number, delivered: 3, failed: 2, delivered_to, failed_to });
}

/// Frames of offers, transfers and what is asked about them.
pub(crate) fn file_frames(all: &mut Vec<(Kind, Vec<u8>)>) {
    let offer = Offer {
        sequence: 4,
        name: "core.dump.zst".into(),
        size_bytes: 1 << 30,
        blake3: [0x9f; 32],
        content: "application/zstd".into(),
        note: "of this morning".into(),
        user: "bo".into(),
        time: AT,
    };
    put(all, VERSION, &offer);
    let reason = "its sender left".into();
    put(all, VERSION, &Withdraw { sequence: 4, reason, has_failed: false });
    put(all, VERSION, &Chunk { file: 12, offset: 1 << 20, length: 4_096, blake3: [0x2c; 32] });
    let decision = Decision {
        epoch: EPOCH,
        sequence: 4,
        file: 12,
        state: FileState::Accepted.into(),
        reason: "wanted".into(),
        by: "alex".into(),
        offset: 8 << 20,
        path: "received_files/web-1/core.dump.zst".into(),
        expires_at: AT,
    };
    put(all, VERSION, &decision);
    let query = FilesQuery {
        host: Some("web-1".into()),
        open_only: true,
        since: Some(AT),
        file: Some(12),
        count_max: 50,
    };
    put(all, VERSION, &query);
    put(all, VERSION, &Accept { file: 12 });
    put(all, VERSION, &Reject { file: 12, why: "too big".into() });
    put(all, VERSION, &Fetch { file: 12 });
    put(all, VERSION, &FilePage { records: vec![file_record()] });
    put(all, VERSION, &FilePiece { offset: 300, bytes: vec![0, 1, 250, 251, 255] });
    let previous = FileBefore {
        state: Some(FileState::Offered.into()),
        reason: Some(String::new()),
        decided_by: Some(None),
        received_bytes: Some(0),
    };
    let (at, previous, record) = (AT, Some(previous), file_record());
    put(all, VERSION, &FeedFile { at, is_new: false, previous, record });
}

fn file_record() -> FileRecord {
    FileRecord {
        id: 12,
        host: "web-1".into(),
        name: "core.dump.zst".into(),
        size_bytes: 1 << 30,
        blake3: [0x9f; 32],
        content: "application/zstd".into(),
        note: "of this morning".into(),
        sender: "web-1/bo".into(),
        certificate: "sha256:2c".into(),
        state: FileState::Receiving.into(),
        reason: "wanted".into(),
        decided_by: Some("alex".into()),
        received_bytes: 8 << 20,
        path: "received_files/web-1/core.dump.zst".into(),
        free_bytes: 1 << 40,
        offered_at: AT,
        expires_at: UnixMs(AT.0 + 1),
        finished_at: None,
    }
}
