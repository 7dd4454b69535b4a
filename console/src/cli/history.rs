//! The command line of `history`, `export` and `storage`.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use systole_common::ids::HostId;
use systole_common::model::metric::{SeriesKey, split_series};
use systole_common::time::UnixMs;

use super::when;
use crate::model::range::{Range, RangeError, Step, When, parse_span};

/// The time that is shown if none is asked for.
const SINCE_PRESET: Duration = Duration::from_hours(1);

pub(super) const HISTORY_HELP: &str = "Example:\n  \
    systole history web-1 'disk_used_percent[/var]' --from 2026-11-20 --to '2026-11-21 14:00' --step 10m\n\n\
    Times without a zone are local. Without --step the finest is taken that has at most 300 rows and is \
    not finer than the samples; steps begin at multiples of their length since 1970 (UTC), and the time \
    asked for is widened to whole ones. A step without samples is a row marked `gap`; `--step raw` shows \
    the samples themselves.";

pub(super) const EXPORT_HELP: &str = "Example:\n  \
    systole export 'role=db' --metric cpu_percent --metric load1 --since 7d --step 5m > db.csv\n\n\
    Without --step the samples themselves are written; what is older than they are kept comes from the \
    roll-ups, as points a minute or an hour apart. The filter is that of `systole hosts`, about the \
    hosts as they are now; without one, all of which anything is stored. Fields:";

pub(super) const STORAGE_HELP: &str = "Example:\n  systole storage --host web-1";

const CLEAN_HELP: &str = "Example:\n  systole storage clean --older-than 30d\n\n\
    Prints what would go and the command that deletes it; only --yes deletes. Days are those of UTC.";

/// Which time, in which steps, in which form.
#[derive(Debug, Clone, Default, Args)]
pub struct RangeArgs {
    /// From then until now: a span such as 90s, 24h or 1y, or a time [default: 1h]
    #[arg(long, value_parser = when, value_name = "WHEN", conflicts_with = "from")]
    pub since: Option<When>,
    /// From then: 2026-11-21, '2026-11-21 14:00' (local), 2026-11-21T04:05:06Z, or a span ago
    #[arg(long, value_parser = when, value_name = "TIME")]
    pub from: Option<When>,
    /// Until then; until now without it
    #[arg(long, value_parser = when, value_name = "TIME", requires = "from")]
    pub to: Option<When>,
    /// One row for so long, such as 5m; or `raw` for every sample
    #[arg(long, value_parser = step, value_name = "TIME|raw")]
    pub step: Option<Step>,
    /// Print CSV, one line a row
    #[arg(long)]
    pub csv: bool,
}

impl RangeArgs {
    /// The time that is meant, if it is `now` in `zone`.
    pub fn range(&self, now: UnixMs, zone: &TimeZone) -> Result<Range, RangeError> {
        let begin = self.from.or(self.since).unwrap_or(When::Ago(SINCE_PRESET));
        let end = self.to.map_or(now, |end| end.at(now, zone));
        let begin = begin.at(now, zone);
        if self.to.is_none() && begin >= now {
            return Err(RangeError::Future { at: begin });
        }
        Range::new(begin, end, now)
    }
}

/// What `history` takes.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// Name of the host
    pub host: HostId,
    /// Metric, with its instance if it has some: `cpu_percent`, `'disk_used_percent[/var]'`
    #[arg(value_name = "METRIC[[INSTANCE]]", value_parser = series)]
    pub series: SeriesKey,
    /// When and how.
    #[command(flatten)]
    pub range: RangeArgs,
}

/// What `export` takes.
#[derive(Debug, Clone, Default, Args)]
pub struct ExportArgs {
    /// Which hosts; all without it
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,
    /// Only this metric, or only this instance of it; may be given several times
    #[arg(long = "metric", value_name = "METRIC[[INSTANCE]]", value_parser = series)]
    pub metrics: Vec<SeriesKey>,
    /// When and how.
    #[command(flatten)]
    pub range: RangeArgs,
}

/// What `storage` takes.
#[derive(Debug, Clone, Args)]
pub struct StorageArgs {
    /// Only of this host
    #[arg(long, global = true, value_name = "HOST")]
    pub host: Option<HostId>,
    /// What else to do than to show it.
    #[command(subcommand)]
    pub action: Option<StorageAction>,
}

/// What can be done with what is stored.
#[derive(Debug, Clone, Subcommand)]
pub enum StorageAction {
    /// Delete what is old; without --yes only say what would go (admin)
    #[command(after_help = CLEAN_HELP)]
    Clean {
        /// How old.
        #[command(flatten)]
        age: Age,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

/// Everything before which time.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub struct Age {
    /// What is older than this, such as 7d, 4w or 1y
    #[arg(long, value_parser = span, value_name = "TIME")]
    pub older_than: Option<Duration>,
    /// What is from before this day, such as 2026-11-21
    #[arg(long, value_parser = utc, value_name = "DATE")]
    pub before: Option<UnixMs>,
}

impl Age {
    /// The end of what is meant, if it is `now`.
    pub fn end(self, now: UnixMs) -> UnixMs {
        let age = self.older_than.unwrap_or_default();
        self.before.unwrap_or_else(|| now.minus(age))
    }
}

fn step(text: &str) -> Result<Step, String> {
    Step::parse(text).ok_or_else(|| "use `raw` or a time from 1s to 366d such as 5m".to_owned())
}

fn series(text: &str) -> Result<SeriesKey, String> {
    let parts = split_series(text).map(|(metric, instance)| SeriesKey::new(metric, instance));
    parts.ok_or_else(|| "use a name such as cpu_percent or 'disk_used_percent[/var]'".to_owned())
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| "use a time such as 7d, 4w or 1y".to_owned())
}

/// Days of the store are those of UTC, so a day is one of UTC here.
fn utc(text: &str) -> Result<UnixMs, String> {
    let wrong =
        || "use a day such as 2026-11-21, or a time such as 2026-11-21T00:00:00Z".to_owned();
    match When::parse(text).ok_or_else(wrong)? {
        When::Ago(_) => Err(wrong()),
        at @ (When::At(_) | When::Local(_)) => Ok(at.at(UnixMs(0), &TimeZone::UTC)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::testing::WALL;

    fn parse(words: &[&str]) -> Result<Command, clap::Error> {
        let words = std::iter::once("systole").chain(words.iter().copied());
        Cli::try_parse_from(words).map(|cli| cli.command.unwrap())
    }

    fn history(words: &[&str]) -> HistoryArgs {
        let words: Vec<&str> =
            ["history", "web-1"].into_iter().chain(words.iter().copied()).collect();
        match parse(&words).unwrap() {
            Command::History(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_series_and_its_time_are_read() {
        let preset = history(&["disk_used_percent[/v[a]r]"]);
        assert_eq!(preset.series, SeriesKey::new("disk_used_percent", "/v[a]r"));
        let range = preset.range.range(WALL, &TimeZone::UTC).unwrap();
        assert_eq!((range.from, range.to), (WALL.minus(SINCE_PRESET), WALL));
        let given = history(&["load1", "--from", "2026-11-20", "--to", "2026-11-21 03:00"]);
        let range = given.range.range(WALL, &TimeZone::UTC).unwrap();
        assert_eq!(range.from.rfc3339(), "2026-11-20T00:00:00.000Z");
        assert_eq!(range.to.rfc3339(), "2026-11-21T03:00:00.000Z");
        let back = history(&["load1", "--from", "2026-11-20", "--to", "2026-11-19"]);
        assert!(back.range.range(WALL, &TimeZone::UTC).is_err());
        let ahead = history(&["load1", "--since", "2026-11-22"]);
        let error = ahead.range.range(WALL, &TimeZone::UTC).unwrap_err();
        assert!(error.to_string().contains("in the future"), "{error}");
    }

    #[test]
    fn slips_are_refused() {
        for bad in [
            &["history", "web-1"][..],
            &["history", "WEB", "load1"],
            &["history", "web-1", "Load"],
            &["history", "web-1", "disk[/var"],
            &["history", "web-1", "load1", "--since", "1h", "--from", "2h"],
            &["history", "web-1", "load1", "--to", "1h"],
            &["history", "web-1", "load1", "--step", "0s"],
            &["storage", "clean"],
            &["storage", "clean", "--older-than", "7d", "--before", "2026-11-01"],
            &["storage", "clean", "--before", "7d"],
            &["storage", "clean", "--yes"],
            &["storage", "burn"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_clean_up_knows_its_end_and_its_host() {
        for words in [
            &["storage", "clean", "--before", "2026-11-01", "--host", "web-1"][..],
            &["storage", "--host", "web-1", "clean", "--before", "2026-11-01T00:00:00Z"],
        ] {
            let Command::Storage(args) = parse(words).unwrap() else { panic!("{words:?}") };
            assert_eq!(args.host.as_ref().map(HostId::as_str), Some("web-1"), "{words:?}");
            let Some(StorageAction::Clean { age, yes }) = args.action else { panic!("{words:?}") };
            assert_eq!(age.end(WALL).rfc3339(), "2026-11-01T00:00:00.000Z");
            assert!(!yes);
        }
    }
}
