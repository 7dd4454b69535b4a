//! One answer of `/metrics`: values by name and labels.

use anyhow::{Context, Result, ensure};
use xtask::demo::programs::http_get;
use xtask::demo::stage::Stage;

/// The numbers of a daemon at one moment.
#[derive(Debug, Clone)]
pub struct Scrape {
    text: String,
}

impl Scrape {
    /// Asks the daemon of `stage`.
    pub fn take(stage: &Stage) -> Result<Self> {
        let answer = http_get(stage, "/metrics")?;
        let (head, text) = answer.split_once("\r\n\r\n").context("an answer without a head")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "/metrics: {head}");
        Ok(Self { text: text.to_owned() })
    }

    /// The sum of all values of `name` whose labels contain all of `labels`, without fractions; 0 if
    /// there is none.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let of_name = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
        };
        self.text
            .lines()
            .filter(of_name)
            .filter(|line| labels.iter().all(|label| line.contains(label.as_str())))
            .filter_map(|line| line.rsplit_once(' ')?.1.split('.').next()?.parse::<u64>().ok())
            .sum()
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }
}
