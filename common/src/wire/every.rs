//! Decodes a body of any kind: what the fuzz targets and the stored corpus drive. Decides nothing.

use super::codec::{Body, WireError, decode, encode_frame};
use super::kind::Kind;
use super::limits::HEADER_BYTES;
use super::{agent, console, control, feed, file, hello, history, talk};

/// What a decoder made of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// A message; its body as this program writes it.
    Message(Vec<u8>),
    /// Nothing.
    Refused(WireError),
    /// This version has no body for the kind.
    NoBody,
}

/// Decodes `body` as `kind` and writes it again.
pub fn decode_any(kind: Kind, body: &[u8]) -> Made {
    match kind {
        Kind::Hello => made::<hello::Hello>(body),
        Kind::HelloAnswer => made::<hello::HelloAnswer>(body),
        Kind::StreamOpen => made::<hello::StreamOpen>(body),
        Kind::Heartbeat => made::<agent::Heartbeat>(body),
        Kind::Declare => made::<agent::Declare>(body),
        Kind::Live => made::<agent::Live>(body),
        Kind::Stored => made::<agent::Stored>(body),
        Kind::Dropped => made::<agent::Dropped>(body),
        Kind::Processes => made::<agent::Processes>(body),
        Kind::ProbeAnswer => made::<agent::ProbeAnswer>(body),
        Kind::Policy => made::<control::Policy>(body),
        Kind::Intervals => made::<control::Intervals>(body),
        Kind::Echo => made::<control::Echo>(body),
        Kind::Receipt => made::<control::Receipt>(body),
        Kind::Probe => made::<control::Probe>(body),
        Kind::Message => made::<talk::Message>(body),
        Kind::Delivery => made::<talk::Delivery>(body),
        Kind::Offer => made::<file::Offer>(body),
        Kind::Withdraw => made::<file::Withdraw>(body),
        Kind::Chunk => made::<file::Chunk>(body),
        Kind::Decision => made::<file::Decision>(body),
        console_kind => decode_console(console_kind, body),
    }
}

fn decode_console(kind: Kind, body: &[u8]) -> Made {
    match kind {
        Kind::Subscribe => made::<console::Subscribe>(body),
        Kind::HostsQuery => made::<console::HostsQuery>(body),
        Kind::ConnectionsQuery => made::<console::ConnectionsQuery>(body),
        Kind::AlertsQuery => made::<console::AlertsQuery>(body),
        Kind::AuditQuery => made::<console::AuditQuery>(body),
        Kind::Ack => made::<console::Ack>(body),
        Kind::Unack => made::<console::Unack>(body),
        Kind::Resolve => made::<console::Resolve>(body),
        Kind::Retire => made::<console::Retire>(body),
        Kind::LookingAt => made::<console::LookingAt>(body),
        Kind::SeriesQuery => made::<history::SeriesQuery>(body),
        Kind::HistoryQuery => made::<history::HistoryQuery>(body),
        Kind::StorageQuery => made::<history::StorageQuery>(body),
        Kind::StorageCleanUp => made::<history::StorageCleanUp>(body),
        Kind::SeriesPage => made::<history::SeriesPage>(body),
        Kind::HistoryPage => made::<history::HistoryPage>(body),
        Kind::StoragePage => made::<history::StoragePage>(body),
        Kind::HostRecord => made::<console::HostRecord>(body),
        Kind::HostSeries => made::<console::HostSeries>(body),
        Kind::ConnectionPage => made::<console::ConnectionPage>(body),
        Kind::AlertPage => made::<console::AlertPage>(body),
        Kind::AuditPage => made::<console::AuditPage>(body),
        Kind::Done => made::<console::Done>(body),
        Kind::Refused => made::<console::Refused>(body),
        Kind::FeedSnapshot => made::<feed::FeedSnapshot>(body),
        Kind::FeedComplete => made::<feed::FeedComplete>(body),
        Kind::FeedSummary => made::<feed::FeedSummary>(body),
        Kind::FeedDetail => made::<feed::FeedDetail>(body),
        Kind::FeedTick => made::<feed::FeedTick>(body),
        Kind::FeedHostEvent => made::<feed::FeedHostEvent>(body),
        Kind::FeedAlertEvent => made::<feed::FeedAlertEvent>(body),
        Kind::FeedFacts => made::<feed::FeedFacts>(body),
        Kind::FeedValues => made::<feed::FeedValues>(body),
        Kind::FeedOperators => made::<feed::FeedOperators>(body),
        kind => decode_talk(kind, body),
    }
}

fn decode_talk(kind: Kind, body: &[u8]) -> Made {
    match kind {
        Kind::Say => made::<talk::Say>(body),
        Kind::MessagesQuery => made::<talk::MessagesQuery>(body),
        Kind::MessagePage => made::<talk::MessagePage>(body),
        Kind::MessageMarks => made::<talk::MessageMarks>(body),
        Kind::FeedMessage => made::<talk::FeedMessage>(body),
        Kind::FeedMarks => made::<talk::FeedMarks>(body),
        Kind::FilesQuery => made::<file::FilesQuery>(body),
        Kind::Accept => made::<file::Accept>(body),
        Kind::Reject => made::<file::Reject>(body),
        Kind::Fetch => made::<file::Fetch>(body),
        Kind::FilePage => made::<file::FilePage>(body),
        Kind::FilePiece => made::<file::FilePiece>(body),
        Kind::FeedFile => made::<file::FeedFile>(body),
        _ => Made::NoBody,
    }
}

fn made<B: Body>(body: &[u8]) -> Made {
    match decode::<B>(body).and_then(|message| encode_frame(0, &message)) {
        Ok(frame) => Made::Message(frame.get(HEADER_BYTES..).unwrap_or_default().to_vec()),
        Err(error) => Made::Refused(error),
    }
}
