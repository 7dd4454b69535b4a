//! `[rule.NAME]` of daemon.toml: its keys, and the rules that they make of the default table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use systole_common::config::{ConfigError, ConfigErrors, FromValue, Key, Kind, Settings};

use super::DAY;
use crate::engine::rules::rule::{Draft, Fault, check_instance, check_metric};
use crate::engine::rules::{Rules, check_filter, check_name, default_drafts};

/// Most rules.
const RULES_MAX: usize = 256;
const SPAN: Kind = Kind::duration(Duration::ZERO, DAY);
/// The only thing that levels can be multiplied by.
const CORES: &str = "cores";

pub(super) const METRIC: Key =
    Key::new("rule.*.metric", Kind::Text, "the series that a rule is about, without instance")
        .checked(check_metric)
        .free_checked(check_name);
pub(super) const INSTANCE: Key =
    Key::new("rule.*.instance", Kind::Text, "the only instance that a rule is about")
        .checked(check_instance)
        .free_checked(check_name);
pub(super) const WARNING: Key =
    Key::new("rule.*.warning", Kind::Number, "the level of a warning").free_checked(check_name);
pub(super) const CRITICAL: Key =
    Key::new("rule.*.critical", Kind::Number, "the critical level").free_checked(check_name);
pub(super) const PER: Key =
    Key::new("rule.*.per", Kind::Choice(&[CORES]), "what levels are multiplied by")
        .free_checked(check_name);
pub(super) const BELOW: Key =
    Key::new("rule.*.below", Kind::Bool, "whether less is worse").free_checked(check_name);
pub(super) const FOR: Key =
    Key::new("rule.*.for", SPAN, "how long a level must be reached").free_checked(check_name);
pub(super) const CLEAR_WARNING: Key =
    Key::new("rule.*.clear_warning", Kind::Number, "the level at which a warning is over")
        .free_checked(check_name);
pub(super) const CLEAR_CRITICAL: Key =
    Key::new("rule.*.clear_critical", Kind::Number, "the level at which it is no longer critical")
        .free_checked(check_name);
pub(super) const HOLD: Key =
    Key::new("rule.*.hold", SPAN, "how long it must be clear").free_checked(check_name);
pub(super) const FILTER: Key =
    Key::new("rule.*.filter", Kind::Text, "the hosts that a rule is for")
        .checked(check_hosts)
        .free_checked(check_name);
pub(super) const ENABLED: Key =
    Key::new("rule.*.enabled", Kind::Bool, "whether a rule is on").free_checked(check_name);

/// In the order in which one of them is blamed for another that is missing.
const NAMES: [&str; 12] = [
    METRIC.name,
    WARNING.name,
    CRITICAL.name,
    INSTANCE.name,
    PER.name,
    BELOW.name,
    FOR.name,
    CLEAR_WARNING.name,
    CLEAR_CRITICAL.name,
    HOLD.name,
    FILTER.name,
    ENABLED.name,
];

/// The default rules with what is written over them, and the rules that are written beside them.
pub(super) fn rules(settings: &Settings) -> Result<Rules, ConfigErrors> {
    let drafts = drafts(settings)?;
    let enabled: BTreeMap<String, bool> = settings.each(ENABLED.name)?;
    let off: BTreeSet<String> =
        enabled.into_iter().filter(|(_, is_on)| !is_on).map(|(name, _)| name).collect();
    let mut errors = ConfigErrors::default();
    let mut on = Vec::new();
    for (name, draft) in drafts.iter().filter(|(name, _)| !off.contains(*name)) {
        match draft.check(name) {
            Ok(rule) => on.push(rule),
            Err(fault) => errors.push(blame(settings, name, &fault)),
        }
    }
    if drafts.len() > RULES_MAX {
        let fault = Fault { key: "metric", expected: format!("at most {RULES_MAX} rules") };
        let written = drafts.keys().rev().find(|name| place(settings, name).is_some());
        if let Some(name) = written {
            errors.push(blame(settings, name, &fault));
        }
    }
    let off = off.into_iter().map(String::into_boxed_str);
    if errors.is_empty() { Ok(Rules::new(on, off)) } else { Err(errors) }
}

fn drafts(settings: &Settings) -> Result<BTreeMap<String, Draft>, ConfigError> {
    let mut drafts: BTreeMap<String, Draft> =
        default_drafts().map(|(name, draft)| (name.to_owned(), draft)).collect();
    let all = &mut drafts;
    put(settings, all, METRIC, |draft, metric| draft.metric = Some(metric))?;
    put(settings, all, INSTANCE, |draft, instance| draft.instance = Some(instance))?;
    put(settings, all, WARNING, |draft, level| draft.warning = Some(level))?;
    put(settings, all, CRITICAL, |draft, level| draft.critical = Some(level))?;
    put(settings, all, PER, |draft, _: String| draft.is_per_core = true)?;
    put(settings, all, BELOW, |draft, is_below| draft.is_below = is_below)?;
    put(settings, all, FOR, |draft, lasts| draft.lasts = lasts)?;
    put(settings, all, CLEAR_WARNING, |draft, level| draft.clear_warning = Some(level))?;
    put(settings, all, CLEAR_CRITICAL, |draft, level| draft.clear_critical = Some(level))?;
    put(settings, all, HOLD, |draft, hold| draft.hold = Some(hold))?;
    put(settings, all, FILTER, |draft, filter| draft.filter = filter)?;
    put(settings, all, ENABLED, |_, _: bool| {})?;
    Ok(drafts)
}

/// Puts what stands at `key` into the drafts of its rules.
fn put<T: FromValue>(
    settings: &Settings,
    drafts: &mut BTreeMap<String, Draft>,
    key: Key,
    set: impl Fn(&mut Draft, T),
) -> Result<(), ConfigError> {
    for (name, value) in settings.each(key.name)? {
        set(drafts.entry(name).or_default(), value);
    }
    Ok(())
}

/// The error for what is wrong with a rule, at the key that is wrong or else at one beside it.
fn blame(settings: &Settings, rule: &str, fault: &Fault) -> ConfigError {
    let wrong = format!("rule.{rule}.{}", fault.key);
    if settings.setting(&wrong).is_some() {
        return settings.refuse(&wrong, fault.expected.clone());
    }
    let expected = format!("`{wrong}` beside it: {}", fault.expected);
    settings.refuse(&place(settings, rule).unwrap_or(wrong), expected)
}

/// A key of the rule that is written.
fn place(settings: &Settings, rule: &str) -> Option<String> {
    let mut keys = NAMES.iter().map(|key| key.replacen('*', rule, 1));
    keys.find(|key| settings.setting(key).is_some())
}

fn check_hosts(text: &str) -> Result<(), String> {
    check_filter(text).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config, error};
    use super::*;
    use crate::engine::rules::defaults;
    use systole_common::config::{Inputs, resolve};

    fn rules(text: &str) -> Rules {
        config(text).unwrap().engine.rules
    }

    #[test]
    fn a_written_rule_changes_single_keys_of_the_default_one() {
        let rules = rules("[rule.cpu]\nwarning = 70\nfor = \"10s\"\n");
        let (cpu, before) = (rules.find("cpu").unwrap(), defaults());
        let before = before.find("cpu").unwrap();
        let warning = cpu.warning.unwrap();
        assert_eq!((warning.raise, warning.clear), (70.0, 65.0));
        assert_eq!(cpu.lasts, Duration::from_secs(10));
        assert_eq!((cpu.critical, cpu.hold), (before.critical, before.hold));
        assert_eq!(rules.names().count(), 7);
    }

    #[test]
    fn a_flag_changes_a_rule() {
        let set = ["rule.cpu.warning=71.5".to_owned()];
        let overrides = super::super::overrides(None, None, None, &set).unwrap();
        let inputs = Inputs { overrides, ..Inputs::default() };
        let settings = resolve(&super::super::SCHEMA, &inputs).unwrap();
        let level = super::rules(&settings).unwrap().find("cpu").unwrap().warning.unwrap();
        assert!((level.raise - 71.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_rule_can_be_new_or_switched_off() {
        let rules = rules(
            "rule.swap.enabled = false\n[rule.heat]\nmetric = \"temperature_celsius\"\n\
             instance = \"cpu\"\ncritical = 95.5\nfilter = \"role=db\"\nhold = \"0s\"\n\
             [rule.free]\nmetric = \"x\"\nwarning = 5\nbelow = true\nper = \"cores\"\n",
        );
        assert!(rules.find("swap").is_none());
        let heat = rules.find("heat").unwrap();
        assert_eq!((heat.warning, heat.critical.unwrap().raise), (None, 95.5));
        assert_eq!((heat.instance.as_deref(), heat.hold), (Some("cpu"), Duration::ZERO));
        assert_eq!(heat.filter.to_string(), "label.role=db");
        let free = rules.find("free").unwrap();
        assert!(free.is_below && free.is_per_core);
        assert!((free.warning.unwrap().clear - 5.25).abs() < f64::EPSILON);
    }

    #[test]
    fn a_wrong_rule_names_line_key_and_what_was_meant() {
        for (bad, parts) in [
            ("[rule.cpu]\nwarnin = 5\n", ["daemon.toml:2", "rule.cpu.warnin", "rule.cpu.warning"]),
            ("[rule.cpu]\nwarning = \"5\"\n", ["daemon.toml:2", "a text", "a number such as"]),
            ("[rule.cpu]\nwarning = inf\n", ["daemon.toml:2", "inf", "a number such as"]),
            ("[rule.cpu]\nwarning = 95\n", ["daemon.toml:2", "rule.cpu.critical", "above"]),
            ("[rule.cpu]\ncritical = 70\n", ["daemon.toml:2", "rule.cpu.critical", "level 80"]),
            ("[rule.x]\nwarning = 5\n", ["daemon.toml:2", "rule.x.warning", "`rule.x.metric`"]),
            ("[rule.x]\nmetric = \"a\"\n", ["daemon.toml:2", "`rule.x.warning`", "critical"]),
            ("[rule.x]\nmetric = \"a[b]\"\n", ["daemon.toml:2", "rule.x.metric", "instance"]),
            ("[rule.cpu]\nper = \"core\"\n", ["daemon.toml:2", "rule.cpu.per", "cores"]),
            ("[rule.cpu]\nfor = 5\n", ["daemon.toml:2", "rule.cpu.for", "a duration"]),
            ("[rule.cpu]\nfilter = \"cpu>5\"\n", ["daemon.toml:2", "rule.cpu.filter", "label"]),
            ("[rule.cpu]\nclear_warning = 81\n", ["daemon.toml:2", "clear_warning", "over 80"]),
            ("[rule.host_down]\nenabled = false\n", ["daemon.toml:2", "host_down", "built in"]),
            ("[rule.CPU]\nenabled = false\n", ["daemon.toml:2", "CPU", "a-z"]),
        ] {
            let line = error(bad);
            for part in parts {
                assert!(line.contains(part), "{part:?} is not in {line:?}");
            }
        }
    }

    #[test]
    fn all_wrong_rules_are_told_at_once_and_there_is_a_limit() {
        let errors = config("rule.a.warning = 1\nrule.b.warning = 1\n").unwrap_err();
        assert_eq!(errors.len(), 2, "{errors}");
        let many = |count: usize| -> String {
            (0..count)
                .map(|n| format!("rule.r{n}.metric = \"m\"\nrule.r{n}.warning = 1\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        assert!(config(&many(RULES_MAX - 7)).is_ok());
        let errors = config(&many(RULES_MAX - 6)).unwrap_err().to_string();
        assert!(errors.contains("at most 256 rules"), "{errors}");
    }
}
