//! Histories written one after the other, as CSV or as one JSON array, a piece at a time.

use systole_common::time::UnixMs;
use systole_common::wire::history::{HistoryPage, HistoryQuery};

use crate::cli::{Common, RangeArgs};
use crate::csv;
use crate::error::ConsoleError;
use crate::json;
use crate::limits::OUTPUT_BYTES;
use crate::model::history::{Head, Row, answered, rows};
use crate::model::range::Range;
use crate::shell::link::{Link, LinkError};
use crate::shell::output;

/// How histories are written for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for each row.
    Csv,
    /// One array of series.
    Json,
}

impl Form {
    /// The one that was asked for.
    pub(super) fn asked(common: &Common, range: &RangeArgs) -> Result<Option<Self>, ConsoleError> {
        match (range.csv, common.json) {
            (true, true) => Err(ConsoleError::Usage("--csv and --json exclude each other")),
            (true, false) => Ok(Some(Self::Csv)),
            (false, true) => Ok(Some(Self::Json)),
            (false, false) => Ok(None),
        }
    }
}

/// A document that is being written to standard output.
#[derive(Debug)]
pub(super) struct Document {
    form: Form,
    /// What is not written yet.
    text: String,
    /// What stands in the middle of each CSV line of the present series.
    middle: String,
    has_series: bool,
    has_points: bool,
}

impl Document {
    /// Begins a document.
    pub(super) fn new(form: Form) -> Self {
        let text = match form {
            Form::Csv => csv::HEADS,
            Form::Json => "[",
        };
        let text = text.to_owned();
        Self { form, text, middle: String::new(), has_series: false, has_points: false }
    }

    /// Begins a series.
    pub(super) fn begin(&mut self, head: &Head) -> Result<(), ConsoleError> {
        match self.form {
            Form::Csv => self.middle = csv::series(head),
            Form::Json => {
                if self.has_series {
                    self.text.push(',');
                }
                self.text.push_str(&json::history_begin(head).map_err(unwritable)?);
            }
        }
        (self.has_series, self.has_points) = (true, false);
        Ok(())
    }

    /// Adds rows to the series that was begun.
    pub(super) fn rows(&mut self, rows: impl Iterator<Item = Row>) -> Result<(), ConsoleError> {
        for row in rows {
            match self.form {
                Form::Csv => csv::line(&mut self.text, &self.middle, row),
                Form::Json => {
                    if self.has_points {
                        self.text.push(',');
                    }
                    self.text.push_str(&json::history_point(row).map_err(unwritable)?);
                }
            }
            self.has_points = true;
            if self.text.len() >= OUTPUT_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the series that was begun.
    pub(super) fn end(&mut self) {
        match self.form {
            Form::Csv => {}
            Form::Json => self.text.push_str(json::HISTORY_END),
        }
    }

    /// Ends the document.
    pub(super) fn finish(mut self) -> Result<(), ConsoleError> {
        match self.form {
            Form::Csv => {}
            Form::Json => self.text.push_str("]\n"),
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), ConsoleError> {
        output::write(&self.text).map_err(ConsoleError::Output)?;
        self.text.clear();
        Ok(())
    }
}

/// Asks for a part of a history.
pub(super) async fn ask(link: &Link, head: &Head, part: Range) -> Result<HistoryPage, LinkError> {
    let query = HistoryQuery {
        host: head.host.clone(),
        metric: head.key.metric.to_string(),
        instance: head.key.instance.to_string(),
        from: part.from,
        to: part.to,
        step_ms: head.step.ms(),
    };
    link.ask(&query).await?.history().await
}

/// Writes a whole history, one reply in memory at a time. `head` learns unit and tier of the first.
pub(super) async fn write(
    document: &mut Document,
    link: &Link,
    head: &mut Head,
    now: UnixMs,
) -> Result<(), ConsoleError> {
    for (number, part) in head.range.parts(head.step).enumerate() {
        let page = ask(link, head, part).await?;
        if number == 0 {
            (head.unit, head.tier) = (page.unit, page.tier);
            document.begin(head)?;
        }
        let (step, part) = answered(head.step, page.step_ms, part);
        document.rows(rows(&page.points, part, step, now))?;
    }
    document.end();
    Ok(())
}

fn unwritable(error: serde_json::Error) -> ConsoleError {
    ConsoleError::Output(std::io::Error::other(error))
}
