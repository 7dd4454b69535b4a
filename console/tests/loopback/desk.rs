//! The messages and files of the small daemon.

use systole_common::model::file::FileState;
use systole_common::net::framed::FrameWriter;
use systole_common::wire::codec::decode;
use systole_common::wire::feed::FeedComplete;
use systole_common::wire::file::{
    Accept, FeedFile, Fetch, FilePage, FilePiece, FileRecord, FilesQuery, Reject,
};
use systole_common::wire::kind::Kind;
use systole_common::wire::pages::pages;
use systole_common::wire::talk::{
    FeedMarks, FeedMessage, MessageMarks, MessagePage, MessageRecord, MessagesQuery, Say,
};

use super::peer::now;

/// Bytes of a piece: small, so that a file has several.
const PIECE_BYTES: usize = 4;

/// What the daemon has of messages and files, and what it was told.
#[derive(Default)]
pub(crate) struct Desk {
    /// The oldest first.
    pub(crate) messages: Vec<(MessageRecord, Vec<MessageMarks>)>,
    pub(crate) says: Vec<Say>,
    /// Hosts that get a message as soon as it is said.
    pub(crate) reached: Vec<String>,
    /// Hosts that never get one.
    pub(crate) failing: Vec<String>,
    /// Marks that the feed is yet to tell.
    pub(crate) untold: Vec<FeedMarks>,
    /// The newest first.
    pub(crate) files: Vec<FileRecord>,
    pub(crate) rejects: Vec<Reject>,
    /// What every file holds.
    pub(crate) bytes: Vec<u8>,
    /// A fetch gets only so many pieces of it.
    pub(crate) pieces_max: Option<usize>,
    /// And then nothing, instead of an end.
    pub(crate) stalls: bool,
}

impl Desk {
    /// Whether a request is about messages or files.
    pub(crate) fn answers(kind: Kind) -> bool {
        let (talk, files) = (
            [Kind::Say, Kind::MessagesQuery],
            [Kind::FilesQuery, Kind::Accept, Kind::Reject, Kind::Fetch],
        );
        talk.contains(&kind) || files.contains(&kind)
    }

    /// Writes the reply to one request. Whether it has an end.
    pub(crate) fn reply(&mut self, writer: &mut FrameWriter, kind: Kind, body: &[u8]) -> bool {
        match kind {
            Kind::Say => {
                let said = self.say(decode(body).unwrap());
                write(writer, &[said]);
            }
            Kind::MessagesQuery => write(writer, &self.messages(&decode(body).unwrap())),
            Kind::FilesQuery => {
                let query: FilesQuery = decode(body).unwrap();
                let is_open = |file: &FileRecord| file.state.known().unwrap().is_open();
                let asked = self.files.iter().filter(|file| {
                    query.file.is_none_or(|id| file.id == id)
                        && query.host.as_ref().is_none_or(|host| file.host == *host)
                        && (!query.open_only || is_open(file))
                });
                writer.queue(&FilePage { records: asked.cloned().collect() }).unwrap();
            }
            Kind::Accept => {
                let Accept { file } = decode(body).unwrap();
                self.decide(writer, file, FileState::Accepted, "");
            }
            Kind::Reject => {
                let reject: Reject = decode(body).unwrap();
                self.decide(writer, reject.file, FileState::Rejected, &reject.why);
                self.rejects.push(reject);
            }
            Kind::Fetch => return self.fetch(writer, decode(body).unwrap()),
            other => panic!("unexpected {}", other.as_str()),
        }
        true
    }

    /// What a picture has of them.
    pub(crate) fn picture(&self, writer: &mut FrameWriter) {
        for (record, marks) in &self.messages {
            writer.queue(&FeedMessage { is_new: false, record: record.clone() }).unwrap();
            for MessageMarks { number, delivered_to, failed_to } in marks.clone() {
                let (delivered, failed) = (record.delivered, record.failed);
                let marks = FeedMarks { number, delivered, failed, delivered_to, failed_to };
                writer.queue(&marks).unwrap();
            }
        }
        for record in self.files.clone() {
            let event = FeedFile { at: now(), is_new: false, previous: None, record };
            writer.queue(&event).unwrap();
        }
        writer.queue(&FeedComplete { picture: 1 }).unwrap();
    }

    /// Somebody said it, and nobody's host is to get it.
    pub(crate) fn hear(&mut self, from: &str, to: &str, text: &str) -> MessageRecord {
        let number = self.messages.len() as u64 + 1;
        let record = MessageRecord {
            number,
            id: format!("mon-1-00000000000000aa-{number}"),
            time: now(),
            from: from.to_owned(),
            to: to.to_owned(),
            text: text.to_owned(),
            thread: None,
            targets: 0,
            delivered: 0,
            failed: 0,
        };
        self.messages.push((record.clone(), Vec::new()));
        record
    }

    fn say(&mut self, say: Say) -> (MessageRecord, Vec<MessageMarks>) {
        let hosts = match say.to.strip_prefix('@') {
            Some(host) => vec![host.to_owned()],
            None if say.to == "#all" => vec!["web-1".to_owned(), "db-1".to_owned()],
            None => say.hosts.clone(),
        };
        let number = self.hear("alex", &say.to, &say.text).number;
        let (record, marks) = self.messages.last_mut().unwrap();
        record.targets = u32::try_from(hosts.len()).unwrap();
        let written = (record.clone(), marks.clone());
        for host in hosts {
            let (is_reached, is_failing) =
                (self.reached.contains(&host), self.failing.contains(&host));
            record.delivered += u32::from(is_reached);
            record.failed += u32::from(is_failing);
            let (delivered, failed) = (record.delivered, record.failed);
            let one = |is_it: bool| if is_it { vec![host.clone()] } else { Vec::new() };
            let (delivered_to, failed_to) = (one(is_reached), one(is_failing));
            let (named, lacking) = (delivered_to.clone(), failed_to.clone());
            marks.push(MessageMarks { number, delivered_to: named, failed_to: lacking });
            self.untold.push(FeedMarks { number, delivered, failed, delivered_to, failed_to });
        }
        self.says.push(say);
        written
    }

    fn messages(&self, query: &MessagesQuery) -> Vec<(MessageRecord, Vec<MessageMarks>)> {
        let asked = self.messages.iter().rev().filter(|(record, _)| {
            query.place.as_ref().is_none_or(|place| record.to == *place)
                && query.since.is_none_or(|since| record.time > since)
                && query.before.is_none_or(|before| record.number < before)
                && query.words.split_whitespace().all(|word| record.text.contains(word))
        });
        asked.take(query.count_max as usize).cloned().collect()
    }

    fn decide(&mut self, writer: &mut FrameWriter, id: u64, state: FileState, why: &str) {
        let file = self.files.iter_mut().find(|file| file.id == id).unwrap();
        file.state = state.into();
        why.clone_into(&mut file.reason);
        file.decided_by = Some("alex".to_owned());
        writer.queue(&FilePage { records: vec![file.clone()] }).unwrap();
    }

    fn fetch(&self, writer: &mut FrameWriter, fetch: Fetch) -> bool {
        let file = self.files.iter().find(|file| file.id == fetch.file).unwrap();
        writer.queue(&FilePage { records: vec![file.clone()] }).unwrap();
        let pieces = self.bytes.chunks(PIECE_BYTES).enumerate();
        for (number, bytes) in pieces.take(self.pieces_max.unwrap_or(usize::MAX)) {
            let offset = (number * PIECE_BYTES) as u64;
            writer.queue(&FilePiece { offset, bytes: bytes.to_vec() }).unwrap();
        }
        self.pieces_max.is_none()
    }
}

fn write(writer: &mut FrameWriter, said: &[(MessageRecord, Vec<MessageMarks>)]) {
    for page in pages(said.iter().map(|(record, _)| record.clone()).collect()) {
        let numbers: Vec<u64> = page.iter().map(|record: &MessageRecord| record.number).collect();
        writer.queue(&MessagePage { records: page }).unwrap();
        let marks = said.iter().filter(|(record, _)| numbers.contains(&record.number));
        for marks in marks.flat_map(|(_, marks)| marks) {
            writer.queue(marks).unwrap();
        }
    }
}
