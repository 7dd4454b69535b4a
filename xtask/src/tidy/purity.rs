//! Rules `pure` and `layers`: code that decides reaches no clock, socket, file, task or
//! randomness, keeps no hash order, and never calls the shell around it.

use std::collections::BTreeSet;

use proc_macro2::Delimiter;

use super::Breach;
use super::paths::{Mention, mentions, module_of};
use super::tree::{Source, Tree, is_module};

/// Breaches of both rules in the pure files of `tree`.
pub(super) fn check(tree: &Tree) -> Vec<Breach> {
    tree.sources.iter().filter(|source| is_pure(&source.path)).flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut said = BTreeSet::new();
    let mut report = |line: usize, rule: &'static str, advice: String| {
        // The import says it; the places of use would only repeat it.
        if !source.is_test_line(line) && said.insert(advice.clone()) {
            found.push(Breach::new(&source.path, line, rule, advice));
        }
    };
    let owner = source.path.split('/').next().unwrap_or_default();
    for mention in mentions(&source.tokens, &module_of(&source.path)) {
        if let Some(what) = outside(&mention) {
            let path = mention.path.join("::");
            report(
                mention.line,
                "pure",
                format!("`{path}` reaches {what}: take it as an argument or return an effect"),
            );
        } else if let Some(shell) = shell_of(&mention, owner) {
            report(
                mention.line,
                "layers",
                format!("`{shell}` is the shell: return an effect and let the shell call this"),
            );
        }
    }
    for (line, advice) in calls(source) {
        report(line, "pure", advice);
    }
    found
}

/// What of the outside world a path reaches.
fn outside(mention: &Mention) -> Option<&'static str> {
    let path = &mention.path;
    if VALUES.iter().any(|value| mention.is_under(value)) {
        return None;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "now") {
        return Some("the clock");
    }
    if path.iter().any(|segment| HASHED.contains(&segment.as_str()))
        || mention.is_under("std::collections::hash_map")
        || mention.is_under("std::collections::hash_set")
    {
        return Some("an order that differs from run to run (use BTreeMap or BTreeSet)");
    }
    // A lone word is a variable; a crate shows itself by a path that begins with it.
    let reached = |prefix: &str| path.len() > 1 && mention.is_under(prefix);
    WORLD.iter().find(|(prefix, _)| reached(prefix)).map(|(_, what)| *what)
}

/// The shell module that a path reaches, if it does.
fn shell_of(mention: &Mention, owner: &str) -> Option<String> {
    let (root, rest) = mention.path.split_first()?;
    let place = match (root.as_str(), owner) {
        ("crate", _) => format!("{owner}/src/{}", rest.join("/")),
        ("systole_common", _) => format!("common/src/{}", rest.join("/")),
        _ => return None,
    };
    let shells = OUTSIDE_COMMON.iter().chain(SHELLS);
    let within = |shell: &&&str| place == ***shell || is_module(&place, shell);
    shells.into_iter().find(within).map(|_| mention.path.join("::"))
}

/// Calls that show by their name alone that they reach out.
fn calls(source: &Source) -> Vec<(usize, String)> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    for index in 0..tokens.len() {
        let Some(name) = tokens.ident(index) else {
            continue;
        };
        let line = tokens.line(index);
        let method = index > 0 && tokens.is(index - 1, '.');
        let empty = tokens.opens(index + 1, Delimiter::Parenthesis)
            && tokens.closes(index + 2, Delimiter::Parenthesis);
        if method && empty && WORLD_METHODS.contains(&name) {
            found.push((
                line,
                format!(
                    "`.{name}()` reaches a clock or a file: the shell asks, the engine is told"
                ),
            ));
        } else if !method && tokens.is(index + 1, '!') && PRINTING.contains(&name) {
            found.push((line, format!("`{name}!` prints: return an effect or a text")));
        }
    }
    found
}

/// Whether a file may only think.
fn is_pure(path: &str) -> bool {
    PURE.iter().any(|folder| is_module(path, folder))
        && !OUTSIDE_COMMON.iter().any(|folder| is_module(path, folder))
}

/// Modules (folder, or file of that name) that are pure.
const PURE: &[&str] = &[
    "common/src",
    "daemon/src/engine",
    "agent/src/engine",
    "console/src/model",
    "console/src/update",
    "console/src/view",
    "console/src/keys",
    "console/src/msg",
    "console/src/cmd",
];

/// The parts of `common` that touch the world.
const OUTSIDE_COMMON: &[&str] =
    &["common/src/net", "common/src/record_log", "common/src/telemetry", "common/src/config/load"];

/// The shells of the programs.
const SHELLS: &[&str] = &["daemon/src/shell", "agent/src/shell", "console/src/shell"];

/// Plain values that live in a module of [`WORLD`].
const VALUES: &[&str] = &[
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
    "std::net::AddrParseError",
    "std::process::ExitCode",
    "std::process::Termination",
];

/// Collections and hashers with a random order.
const HASHED: &[&str] = &["HashMap", "HashSet", "RandomState"];

/// Methods without arguments that ask a clock or a file system, whatever they are called on.
const WORLD_METHODS: &[&str] =
    &["elapsed", "canonicalize", "read_dir", "symlink_metadata", "try_exists"];

/// Macros that write to the terminal.
const PRINTING: &[&str] = &["println", "eprintln", "print", "eprint", "dbg"];

/// Paths that lead outside, and where to.
const WORLD: &[(&str, &str)] = &[
    ("std::fs", "a file"),
    ("std::net", "a socket"),
    ("std::os", "the operating system"),
    ("std::env", "the environment"),
    ("std::process", "a process"),
    ("std::thread", "a thread"),
    ("std::random", "randomness"),
    ("std::io::stdin", "the terminal"),
    ("std::io::stdout", "the terminal"),
    ("std::io::stderr", "the terminal"),
    ("jiff::tz::TimeZone::system", "the environment"),
    ("jiff::tz::TimeZone::try_system", "the environment"),
    ("tokio", "a task"),
    ("tokio_util", "a task"),
    ("quinn", "a socket"),
    ("rustls", "a socket"),
    ("socket2", "a socket"),
    ("axum", "a socket"),
    ("rusqlite", "a file"),
    ("tempfile", "a file"),
    ("rustix", "the operating system"),
    ("libc", "the operating system"),
    ("sysinfo", "the operating system"),
    ("sd_notify", "the operating system"),
    ("tracing_subscriber", "the log's outlet"),
    ("tracing_journald", "the log's outlet"),
    ("crossterm::terminal", "the terminal"),
    ("crossterm::cursor", "the terminal"),
    ("crossterm::execute", "the terminal"),
    ("crossterm::event::read", "the terminal"),
    ("crossterm::event::poll", "the terminal"),
    ("crossterm::event::EventStream", "the terminal"),
    ("ring", "randomness"),
    ("rand", "randomness"),
    ("fastrand", "randomness"),
    ("getrandom", "randomness"),
];
