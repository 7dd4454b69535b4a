//! What daemon.toml may say and what it may not, with the place and the next step in each error.

use systole_common::config::{FileText, Inputs, resolve};
use systole_common::exit::Exit;

use super::*;

pub(super) fn config(text: &str) -> Result<Config, ConfigErrors> {
    let path = PathBuf::from("/etc/systole/daemon.toml");
    let inputs =
        Inputs { file: Some(FileText { path, text: text.to_owned() }), ..Inputs::default() };
    Config::new(&resolve(&SCHEMA, &inputs)?, &system())
}

fn system() -> Place {
    Place { is_system: true, ..Place::default() }
}

/// The one error of a broken file, which must end the program with 64.
pub(super) fn error(text: &str) -> String {
    let errors = config(text).expect_err(text);
    assert_eq!(errors.exit(), Exit::Usage, "{text}");
    assert_eq!(errors.len(), 1, "{errors}");
    errors.to_string()
}

#[test]
fn the_keys_are_declared_soundly() {
    assert_eq!(SCHEMA.faults(), Vec::<String>::new());
    for key in RESTART_KEYS {
        assert!(KEYS.iter().any(|known| known.name == key), "{key}");
    }
}

#[test]
fn the_shipped_file_says_what_the_defaults_are() {
    let shipped = config(DEFAULT_FILE).unwrap();
    assert_eq!(shipped, config("").unwrap());
    let files_path = "/var/lib/systole/daemon/received_files".to_owned();
    assert_eq!(shipped.engine, EngineSettings { files_path, ..EngineSettings::default() });
    assert_eq!(shipped.listen, "0.0.0.0:5001".parse().unwrap());
    assert_eq!(shipped.http, Some("127.0.0.1:5002".parse().unwrap()));
    assert_eq!(shipped.state, Path::new("/var/lib/systole/daemon"));
    assert_eq!(shipped.tls.ca, Path::new("/etc/systole/certs"));
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
    assert_eq!(config.tls.cert.as_deref(), Some(Path::new("/etc/systole/certs/daemon/mon-1.crt")));
    assert_eq!(config.revoked.len(), 1);
    assert_eq!(config.reserve, Some(16 << 20));
    assert_eq!(config.engine.labels.len(), 1);
}

#[test]
fn a_timeout_shorter_than_two_and_a_half_beats_is_stretched() {
    let config = config("heartbeat.interval = \"20s\"\nliveness.timeout = \"60s\"").unwrap();
    assert_eq!(config.engine.timeout, Duration::from_mins(1));
    let short = super::tests::config("heartbeat.interval = \"4s\"").unwrap();
    assert_eq!(short.engine.timeout, Duration::from_secs(10));
}

#[test]
fn mistakes_name_file_line_key_and_what_was_meant() {
    for (bad, parts) in [
        ("lisen = \"0.0.0.0:5001\"\n", ["daemon.toml:1", "lisen", "listen"]),
        ("[liveness]\ntimout = \"5s\"\n", ["daemon.toml:2", "liveness.timout", "liveness.timeout"]),
        ("[liveness]\ntimeout = 5\n", ["daemon.toml:2", "liveness.timeout", "a duration"]),
        ("[heartbeat]\ninterval = \"10ms\"\n", ["daemon.toml:2", "heartbeat.interval", "100ms"]),
        ("[heartbeat]\ninterval = \"2m\"\n", ["daemon.toml:2", "heartbeat.interval", "1m"]),
        ("listen = \"5001\"\n", ["daemon.toml:1", "listen", "port"]),
        ("[http]\nlisten = \"0.0.0.0:5002\"\n", ["daemon.toml:2", "http.listen", "loopback"]),
        ("[tls]\nrevoked = [\"abc\"]\n", ["daemon.toml:2", "tls.revoked", "64 hexadecimal"]),
        ("[host.Web.labels]\na = \"b\"\n", ["daemon.toml:1", "Web", "a-z"]),
        ("[talk]\nrate = 0\n", ["daemon.toml:2", "talk.rate", "from 1"]),
        ("[talk]\nwaiting_age = \"100d\"\n", ["daemon.toml:2", "talk.waiting_age", "90d"]),
        ("[files]\nmax_size = \"0B\"\n", ["daemon.toml:2", "files.max_size", "1B"]),
        ("[files]\nauto_accept = \"1KiB\"\n", ["daemon.toml:2", "files.auto_accept", "max"]),
        ("[limits]\nconsoles = 0\n", ["daemon.toml:2", "limits.consoles", "from 1"]),
    ] {
        let line = error(bad);
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in {line:?}");
        }
    }
}

#[test]
fn talk_and_files_are_as_the_file_says() {
    let text = "state.path = \"/s\"\n[talk]\nrate = 1000\nburst = 10000\nwaiting_max = 7\nwaiting_age = \"1d\"\n[files]\nmax_size = \"40KiB\"\nauto_accept_max = \"0B\"\nper_host = \"1MiB\"\noffer_ttl = \"5s\"\npartial_ttl = \"1m\"\n";
    let config = config(text).unwrap();
    let talk = config.engine.talk;
    assert_eq!((talk.rate_per_s, talk.burst, talk.waiting_max), (1_000.0, 10_000.0, 7));
    assert_eq!(talk.waiting_age, DAY);
    let files = config.engine.files;
    assert_eq!((files.size_max_bytes, files.auto_accept_max_bytes), (40 << 10, 0));
    assert_eq!((files.offer_ttl, files.partial_ttl), (5_000 * MS, 60_000 * MS));
    let store = FileStore { path: "/s/received_files".into(), per_host_bytes: 1 << 20 };
    assert_eq!(config.files, store, "in the state folder");
    assert_eq!(config.engine.files_path, "/s/received_files");
    let other = super::tests::config("files.path = \"there\"").unwrap();
    assert_eq!(other.files.path, Path::new("/etc/systole/there"), "from the file's own folder");
}

#[test]
fn http_can_be_off_or_on_the_other_loopback() {
    assert_eq!(config("http.listen = \"off\"").unwrap().http, None);
    let v6 = config("http.listen = \"[::1]:80\"").unwrap().http;
    assert_eq!(v6, Some("[::1]:80".parse().unwrap()));
}

#[test]
fn a_users_own_daemon_lives_in_the_users_folders() {
    let place = Place { is_system: false, state_folder: Some("/home/user/.local/state".into()) };
    assert_eq!(place.state(), Path::new("/home/user/.local/state/systole/daemon"));
    assert_eq!(Place { is_system: true, ..place }.state(), system().state());
}

#[test]
fn flags_set_any_key() {
    let set = ["log.level = debug".to_owned()];
    let overrides =
        overrides(Some("127.0.0.1:1"), Some("off"), Some(Path::new("/s")), &set).unwrap();
    let inputs = Inputs { overrides, ..Inputs::default() };
    let config = Config::new(&resolve(&SCHEMA, &inputs).unwrap(), &system()).unwrap();
    assert_eq!((config.log_level.as_str(), config.http), ("debug", None));
    assert_eq!(config.state, Path::new("/s"));
    assert!(super::overrides(None, None, None, &["level".to_owned()]).is_err());
}
