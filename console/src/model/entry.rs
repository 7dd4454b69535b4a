//! The one gate for text from elsewhere: hosts, alerts, connects and names are made safe to show here,
//! once, before they are in the model.
//!
//! Numbers and codes pass as they are. What a hidden character stood for is kept as `\x1b`.

use std::borrow::Cow;

use systole_common::model::metric::MetricSet;
use systole_common::text::{Lines, scrub, scrub_lines};
use systole_common::wire::console::{AlertRecord, ConnectionRecord, HostRecord};
use systole_common::wire::feed::{FeedOperators, HostFacts, HostSummary, HostValues};
use systole_common::wire::file::FileRecord;
use systole_common::wire::talk::{MessageMarks, MessageRecord};

use super::freshness::Peer;
use super::host::Host;
use crate::msg::{Answer, NoAnswer};

/// One line.
pub fn text(text: &mut String) {
    if let Cow::Owned(safe) = scrub(text) {
        *text = safe;
    }
}

/// A line that may be missing.
fn maybe(line: Option<&mut String>) {
    line.into_iter().for_each(text);
}

fn pairs(pairs: &mut [(String, String)]) {
    for (key, value) in pairs {
        text(key);
        text(value);
    }
}

/// A whole host with its series and processes.
#[must_use]
pub fn host(mut host: Host) -> Host {
    record(&mut host.record);
    let is_safe = |(metric, instance, _): (&str, &str, f64)| {
        matches!((scrub(metric), scrub(instance)), (Cow::Borrowed(_), Cow::Borrowed(_)))
    };
    if !host.metrics.iter().all(is_safe) {
        let mut metrics = MetricSet::default();
        for (metric, instance, value) in host.metrics.iter() {
            metrics.put(&scrub(metric), &scrub(instance), value);
        }
        host.metrics = metrics;
    }
    host
}

fn record(record: &mut HostRecord) {
    text(&mut record.host);
    record.evidence.iter_mut().for_each(text);
    maybe(record.agent_version.as_mut());
    maybe(record.os.as_mut());
    maybe(record.address.as_mut());
    pairs(&mut record.labels);
    for process in &mut record.processes {
        text(&mut process.name);
    }
    for series in &mut record.series {
        text(&mut series.metric);
        text(&mut series.instance);
    }
}

/// The columns of a host.
#[must_use]
pub fn summary(mut summary: HostSummary) -> HostSummary {
    text(&mut summary.host);
    summary
}

/// What a host is.
#[must_use]
pub fn facts(mut facts: HostFacts) -> HostFacts {
    text(&mut facts.host);
    maybe(facts.agent_version.as_mut());
    maybe(facts.os.as_mut());
    maybe(facts.address.as_mut());
    pairs(&mut facts.labels);
    facts
}

/// What a host measures beyond its summary.
#[must_use]
pub fn values(mut values: HostValues) -> HostValues {
    text(&mut values.host);
    values
}

/// An alert.
#[must_use]
pub fn alert(mut alert: AlertRecord) -> AlertRecord {
    text(&mut alert.key);
    maybe(alert.host.as_mut());
    text(&mut alert.rule);
    text(&mut alert.subject);
    text(&mut alert.summary);
    maybe(alert.acked_by.as_mut());
    maybe(alert.acked_note.as_mut());
    alert
}

/// A message; its lines stay lines.
#[must_use]
pub fn message(mut message: MessageRecord) -> MessageRecord {
    text(&mut message.id);
    text(&mut message.from);
    text(&mut message.to);
    maybe(message.thread.as_mut());
    if let Cow::Owned(safe) = scrub_lines(&message.text, Lines::Many) {
        message.text = safe;
    }
    message
}

/// Who has a message.
#[must_use]
pub fn marks(mut marks: MessageMarks) -> MessageMarks {
    marks.delivered_to.iter_mut().for_each(text);
    marks.failed_to.iter_mut().for_each(text);
    marks
}

/// A file.
#[must_use]
pub fn file(mut file: FileRecord) -> FileRecord {
    let FileRecord { host, name, content, note, sender, certificate, reason, path, .. } = &mut file;
    for words in [host, name, content, note, sender, certificate, reason, path] {
        text(words);
    }
    maybe(file.decided_by.as_mut());
    file
}

/// A connect or disconnect.
#[must_use]
pub fn connection(mut connection: ConnectionRecord) -> ConnectionRecord {
    text(&mut connection.address);
    text(&mut connection.reason);
    connection
}

/// Who is attached.
#[must_use]
pub fn operators(mut attached: FeedOperators) -> FeedOperators {
    for one in &mut attached.operators {
        text(&mut one.operator);
        text(&mut one.role);
        text(&mut one.looking_at);
    }
    attached
}

/// The daemon at the other end.
#[must_use]
pub fn peer(mut peer: Peer) -> Peer {
    text(&mut peer.daemon);
    text(&mut peer.address);
    text(&mut peer.role);
    peer
}

/// An answer, or the reason why there is none.
pub fn answer(answer: Result<Answer, NoAnswer>) -> Result<Answer, NoAnswer> {
    match answer {
        Ok(Answer::Done) => Ok(Answer::Done),
        Ok(Answer::Alerts(alerts)) => {
            Ok(Answer::Alerts(alerts.into_iter().map(self::alert).collect()))
        }
        Ok(Answer::Connections(connections)) => {
            Ok(Answer::Connections(connections.into_iter().map(connection).collect()))
        }
        Ok(Answer::History(page)) => Ok(Answer::History(page)),
        Ok(Answer::Messages(messages)) => {
            let safe = |(record, named): (MessageRecord, Vec<MessageMarks>)| {
                (message(record), named.into_iter().map(marks).collect())
            };
            Ok(Answer::Messages(messages.into_iter().map(safe).collect()))
        }
        Ok(Answer::Files(files)) => Ok(Answer::Files(files.into_iter().map(file).collect())),
        Err(mut no) => {
            text(&mut no.why);
            Err(no)
        }
    }
}

#[cfg(test)]
mod tests;
