//! `systole alerts [FILTER] [--state --severity --host --since]`: the newest first.

use systole_common::ids::HostId;
use systole_common::model::alert::AlertState;
use systole_common::wire::console::{AlertRecord, AlertsQuery};

use super::{filter, say, talk};
use crate::cli::{AlertsArgs, Common, States};
use crate::error::ConsoleError;
use crate::json::AlertJson;
use crate::model::alerts::is_open;
use crate::model::subject::{ALERT_FIELDS, AlertSubject, check_names};
use crate::shell::link::Link;
use crate::shell::{clock, output};
use crate::tables::alerts::table;

pub(super) async fn run(common: &Common, args: &AlertsArgs) -> Result<(), ConsoleError> {
    let (filter, text) = filter(&args.filter)?;
    let labels = std::collections::BTreeSet::new();
    check_names(&filter, &text, "alerts", ALERT_FIELDS, Some(&labels))?;
    let now = clock::now().wall;
    let since = args.since.map(|since| since.at(now, &clock::zone()));
    let states = states(args);
    let query = AlertsQuery {
        open_only: !takes_resolved(states),
        since,
        host: args.host.as_ref().map(HostId::to_string),
    };
    let ask = async |link: &Link| Ok(link.ask(&query).await?.alerts().await?);
    let mut alerts = talk(common, ask).await?;
    alerts.retain(|alert| {
        has_state(alert, states)
            && args.severity.is_none_or(|severity| alert.severity == severity.into())
            && since.is_none_or(|since| alert.resolved_at.max(Some(alert.since)) >= Some(since))
            && filter.matches(&AlertSubject::new(alert, now))
    });
    print(common, args, &alerts)
}

/// Open ones unless something else was asked for; a time asks for resolved ones as well.
fn states(args: &AlertsArgs) -> States {
    let usual = if args.since.is_some() { States::All } else { States::Open };
    args.state.unwrap_or(usual)
}

fn takes_resolved(states: States) -> bool {
    match states {
        States::All | States::One(AlertState::Resolved) => true,
        States::Open
        | States::One(AlertState::Pending | AlertState::Firing | AlertState::Settling) => false,
    }
}

fn has_state(alert: &AlertRecord, states: States) -> bool {
    match states {
        States::All => true,
        States::Open => is_open(alert),
        States::One(state) => alert.state == state.into(),
    }
}

fn print(common: &Common, args: &AlertsArgs, alerts: &[AlertRecord]) -> Result<(), ConsoleError> {
    if common.json {
        let alerts: Vec<AlertJson> = alerts.iter().map(AlertJson::from).collect();
        return output::json(&alerts).map_err(ConsoleError::Output);
    }
    if alerts.is_empty() {
        let is_narrowed = !args.filter.is_empty() || args.severity.is_some() || args.host.is_some();
        return say(match (is_narrowed, states(args)) {
            (false, States::Open) => {
                "no open alerts; `systole alerts --since 24h` also lists those that are over"
            }
            (false, States::All | States::One(_)) => "no such alerts",
            (true, _) => "no alert matches; `systole alerts` lists all that are open",
        });
    }
    let shown: Vec<&AlertRecord> = alerts.iter().collect();
    let lines = table(&shown, clock::now().wall).lines(output::width());
    output::lines(&lines).map_err(ConsoleError::Output)
}
