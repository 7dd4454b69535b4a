//! What agent.toml may say and what it may not, with the place and the next step in each error.

use std::path::{Path, PathBuf};

use systole_common::config::{FileText, Inputs, resolve};
use systole_common::exit::Exit;

use super::*;

fn config(text: &str) -> Result<Config, ConfigErrors> {
    let path = PathBuf::from("/etc/systole/agent.toml");
    let inputs =
        Inputs { file: Some(FileText { path, text: text.to_owned() }), ..Inputs::default() };
    Config::new(&resolve(&SCHEMA, &inputs)?, &system())
}

fn system() -> Place {
    Place { is_system: true, ..Place::default() }
}

/// The one error of a broken file, which must end the program with 64.
fn error(text: &str) -> String {
    let errors = config(text).expect_err(text);
    assert_eq!(errors.exit(), Exit::Usage, "{text}");
    assert_eq!(errors.len(), 1, "{errors}");
    errors.to_string()
}

#[test]
fn the_keys_are_declared_soundly() {
    assert_eq!(SCHEMA.faults(), Vec::<String>::new());
}

#[test]
fn the_shipped_file_says_what_the_defaults_are() {
    let shipped = config(DEFAULT_FILE).unwrap();
    let bare = config("daemons = [\"mon-1=127.0.0.1:5001\"]").unwrap();
    assert_eq!(shipped, bare);
    assert_eq!(shipped.tls.ca, Path::new("/etc/systole/certs"));
    assert_eq!(shipped.spool, Path::new("/var/lib/systole/agent/spool"));
    let day = std::time::Duration::from_hours(24);
    assert_eq!(shipped.spool_bounds, SpoolBounds { bytes: 64 << 20, age: day });
    assert_eq!(shipped.spool_ledger, None);
    for key in &KEYS {
        let last = key.name.rsplit('.').next().unwrap();
        let mentioned = DEFAULT_FILE.contains(&format!("{last} =")) || last == "labels";
        assert!(mentioned, "{} is not in the shipped file", key.name);
    }
}

#[test]
fn the_shipped_file_is_right_with_every_key_set() {
    let uncommented: String = DEFAULT_FILE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
            Some(_) | None => format!("{line}\n"),
        })
        .collect();
    let config = config(&uncommented).unwrap();
    assert_eq!(config.tls.cert.as_deref(), Some(Path::new("/etc/systole/certs/agent/web-1.crt")));
    assert_eq!(config.labels.len(), 2);
}

#[test]
fn daemons_have_a_name_and_an_address() {
    let text = r#"daemons = ["mon-1=10.0.0.5:5001", " mon-2 = [fd00::5]:6001", "mon-3=mon.example.org:5001"]"#;
    let daemons = config(text).unwrap().daemons;
    let read: Vec<_> =
        daemons.iter().map(|one| (one.name.as_str(), one.address.as_str())).collect();
    assert_eq!(
        read,
        [
            ("mon-1", "10.0.0.5:5001"),
            ("mon-2", "[fd00::5]:6001"),
            ("mon-3", "mon.example.org:5001")
        ]
    );
    for bad in [
        "10.0.0.5:5001",
        "mon-1=10.0.0.5",
        "mon-1=:5001",
        "mon-1=host:0",
        "mon-1=host:65536",
        "Mon=host:5001",
        "mon-1=fd00::5:5001",
        "mon-1=ho st:5001",
        "mon-1=https://host:5001",
    ] {
        let line = error(&format!("daemons = [{bad:?}]"));
        assert!(line.contains("/etc/systole/agent.toml:1"), "{line}");
        assert!(line.contains("NAME=HOST:PORT"), "{line}");
    }
    assert!(error("daemons = []").contains("at least one"));
    assert!(error(r#"daemons = ["a=h:1", "a=i:2"]"#).contains("a is there twice"));
}

#[test]
fn mistakes_name_file_line_key_and_what_was_meant() {
    let good = "daemons = [\"mon-1=h:5001\"]\n";
    for (bad, parts) in [
        ("lables.role = \"web\"\n", ["agent.toml:2", "lables", "labels"]),
        ("[tls]\ncart = \"x\"\n", ["agent.toml:3", "tls.cart", "tls.cert"]),
        ("[log]\nlevel = \"loud\"\n", ["agent.toml:3", "log.level", "debug"]),
        ("[spool]\nmax_bytes = \"1KiB\"\n", ["agent.toml:3", "spool.max_bytes", "from 1MiB"]),
        ("socket = 5\n", ["agent.toml:2", "socket", "a path"]),
    ] {
        let line = error(&format!("{good}{bad}"));
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in {line:?}");
        }
    }
    let missing = error("[log]\nlevel = \"info\"\n");
    for part in ["daemons", "agent.toml", "SYSTOLE_DAEMONS"] {
        assert!(missing.contains(part), "{missing}");
    }
    let long = error(&format!("{good}socket = \"/{}\"\n", "x".repeat(120)));
    assert!(long.contains("107 bytes"), "{long}");
}

#[test]
fn labels_are_bounded() {
    let good = "daemons = [\"mon-1=h:5001\"]\n[labels]\n";
    let config = config(&format!("{good}role = \"db\"\nsite = \"a\"\n")).unwrap();
    assert_eq!(config.labels, [("role".into(), "db".into()), ("site".into(), "a".into())]);
    assert!(error(&format!("{good}role = \"{}\"\n", "x".repeat(129))).contains("128 bytes"));
}

#[test]
fn a_users_own_agent_lives_in_the_users_folders() {
    let place = Place {
        is_system: false,
        runtime_folder: Some("/run/user/1000".into()),
        state_folder: Some("/home/user/.local/state".into()),
    };
    assert_eq!(place.socket(), Path::new("/run/user/1000/systole/agent.sock"));
    assert_eq!(place.spool(), Path::new("/home/user/.local/state/systole/agent/spool"));
    assert_eq!(Place { is_system: true, ..place }.socket(), system().socket());
}

#[test]
fn flags_set_any_key() {
    let set = ["log.level = debug".to_owned()];
    let daemons = ["mon-1=h:1".to_owned(), "mon-2=h:2".to_owned()];
    let overrides = overrides(&daemons, Some(Path::new("/tmp/a.sock")), &set).unwrap();
    let inputs = Inputs { overrides, ..Inputs::default() };
    let config = Config::new(&resolve(&SCHEMA, &inputs).unwrap(), &system()).unwrap();
    assert_eq!(config.daemons.len(), 2);
    assert_eq!((config.log_level.as_str(), config.socket), ("debug", "/tmp/a.sock".into()));
    assert!(super::overrides(&[], None, &["level".to_owned()]).is_err());
}
