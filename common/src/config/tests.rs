//! Layers, sources and errors of a whole configuration, as a person meets them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::exit::Exit;

static SCHEMA: Schema = Schema::new(
    "daemon",
    &[
        Key::new("listen", Kind::Address, "where agents and consoles connect to")
            .preset("0.0.0.0:5001"),
        Key::new(
            "liveness.timeout",
            Kind::duration(Duration::from_millis(500), Duration::from_hours(1)),
            "how long a host may be silent",
        )
        .preset("5s"),
        Key::new("liveness.strict", Kind::Bool, "whether doubt is an alert").preset("false"),
        Key::new("talk.burst", Kind::integer(1, 1000), "messages at once").preset("20"),
        Key::new("files.auto_accept_max", Kind::size(0, 1 << 30), "size taken unasked")
            .preset("40KiB"),
        Key::new("log.format", Kind::Choice(&["text", "json"]), "form of a log line")
            .preset("text"),
        Key::new("fleet", Kind::Text, "name of the fleet").preset("systole").checked(fleet),
        Key::new("tls.cert", Kind::Path, "own certificate"),
        Key::new("tls.ca", Kind::Path, "folder of the certificates trusted").preset("certs"),
        Key::new("tls.revoked", Kind::List { items_max: 3 }, "fingerprints refused")
            .preset("")
            .checked(fingerprint),
        Key::new("labels", Kind::Map { entries_max: 32 }, "labels of this host").preset(""),
        Key::new("host.*.labels", Kind::Map { entries_max: 32 }, "labels of one host")
            .free_checked(host),
    ],
);

static NEEDY: Schema = Schema::new(
    "agent",
    &[
        Key::new("daemons", Kind::List { items_max: 4 }, "the daemons to report to").required(),
        Key::new("name", Kind::Text, "the name of this host").required(),
    ],
);

fn fleet(text: &str) -> Result<(), String> {
    let good = text.bytes().all(|byte| byte.is_ascii_lowercase());
    if good { Ok(()) } else { Err("a name of a-z".to_owned()) }
}

fn fingerprint(text: &str) -> Result<(), String> {
    let good = text.starts_with("sha256:");
    if good { Ok(()) } else { Err("a fingerprint such as \"sha256:…\"".to_owned()) }
}

fn host(text: &str) -> Result<(), String> {
    let good =
        text.bytes().all(|byte| byte.is_ascii_lowercase() || b"0123456789.-".contains(&byte));
    if good { Ok(()) } else { Err("a host name of a-z, 0-9, . and -".to_owned()) }
}

fn inputs(text: &str) -> Inputs {
    Inputs {
        file: Some(FileText { path: "/etc/systole/daemon.toml".into(), text: text.to_owned() }),
        default_folder: "/etc/systole".into(),
        current_folder: "/home/op".into(),
        variables: Vec::new(),
        overrides: Vec::new(),
    }
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> Inputs {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Inputs { variables: variables.iter().map(owned).collect(), ..inputs(text) }
}

fn with_flag(text: &str, key: &str, value: &str) -> Inputs {
    Inputs { overrides: vec![Override::new("--set", key, value)], ..inputs(text) }
}

fn settings(text: &str) -> Settings {
    resolve(&SCHEMA, &inputs(text)).unwrap()
}

fn errors(inputs: &Inputs) -> Vec<String> {
    let errors = resolve(&SCHEMA, inputs).expect_err("has errors");
    assert_eq!(errors.exit(), Exit::Usage);
    errors.iter().map(ToString::to_string).collect()
}

/// One error, whose place is `/etc/systole/daemon.toml:LINE`.
fn check_file_error(text: &str, line: usize, rest: &str) {
    let expected = format!("/etc/systole/daemon.toml:{line}: {rest}");
    assert_eq!(errors(&inputs(text)), [expected], "{text}");
}

#[test]
fn the_schemas_of_the_tests_are_right() {
    assert_eq!(SCHEMA.faults(), [""; 0]);
    assert_eq!(NEEDY.faults(), [""; 0]);
}

#[test]
fn a_wrong_schema_is_told() {
    static WRONG: Schema = Schema::new(
        "daemon",
        &[
            Key::new("log", Kind::Text, "a"),
            Key::new("log.format", Kind::Text, "b"),
            Key::new("a.b_c", Kind::Text, "c"),
            Key::new("a_b.c", Kind::Text, ""),
            Key::new("config", Kind::Text, "d"),
            Key::new("x..Y", Kind::Text, "e"),
            Key::new("host.*.n.*", Kind::Text, "f").preset("1"),
            Key::new("n", Kind::integer(1, 2), "g").preset("3"),
        ],
    );
    let faults = WRONG.faults().join("\n");
    for part in [
        "`log` and `log.format` overlap",
        "`a.b_c` and `a_b.c` share a variable",
        "`a_b.c` has no doc line",
        "`config` has a variable with another meaning",
        "`x..Y` is not made of",
        "`x..Y` has an empty part",
        "`host.*.n.*` has more than one free name",
        "`host.*.n.*` has a free name and a preset",
        "`n` has the preset \"3\", expected a whole number from 1 to 2",
    ] {
        assert!(faults.contains(part), "{part} in\n{faults}");
    }
    let error = resolve(&WRONG, &Inputs::default()).expect_err("its preset is wrong");
    assert_eq!(error.exit(), Exit::Bug);
}

#[test]
fn every_kind_is_read_from_the_file() {
    let settings = settings(
        r#"
        listen = "127.0.0.1:6001"
        fleet = "yard"
        [liveness]
        timeout = "1m"
        strict = true
        [talk]
        burst = 0x10
        [files]
        auto_accept_max = "1MiB"
        [log]
        format = "json"
        [tls]
        cert = "./own/d.crt"
        ca = "/srv/ca"
        revoked = ["sha256:aa", "sha256:bb"]
        [labels]
        role = "db"
        rack = "7"
        [host.web-1.labels]
        role = "web"
        [host."web-2.example".labels]
        role = "proxy"
        "#,
    );
    assert_eq!(settings.get::<SocketAddr>("listen").unwrap().port(), 6001);
    assert_eq!(settings.get::<String>("fleet").unwrap(), "yard");
    assert_eq!(settings.get::<Duration>("liveness.timeout").unwrap().as_secs(), 60);
    assert!(settings.get::<bool>("liveness.strict").unwrap());
    assert_eq!(settings.get::<u32>("talk.burst").unwrap(), 16);
    assert_eq!(settings.get::<ByteSize>("files.auto_accept_max").unwrap(), ByteSize(1 << 20));
    assert_eq!(settings.get::<String>("log.format").unwrap(), "json");
    let path = |name| settings.find::<PathBuf>(name).unwrap().unwrap();
    assert_eq!(path("tls.cert"), Path::new("/etc/systole/own/d.crt"));
    assert_eq!(path("tls.ca"), Path::new("/srv/ca"));
    assert_eq!(settings.get::<Vec<String>>("tls.revoked").unwrap(), ["sha256:aa", "sha256:bb"]);
    let labels: BTreeMap<String, String> = settings.get("labels").unwrap();
    assert_eq!(labels["rack"], "7");
    let hosts = settings.each::<BTreeMap<String, String>>("host.*.labels").unwrap();
    assert_eq!(hosts.keys().collect::<Vec<_>>(), ["web-1", "web-2.example"]);
    assert_eq!(hosts["web-2.example"]["role"], "proxy");
}

#[test]
fn without_any_layer_the_presets_hold() {
    let settings = settings("");
    assert_eq!(settings.get::<Duration>("liveness.timeout").unwrap().as_secs(), 5);
    assert_eq!(settings.find::<PathBuf>("tls.cert").unwrap(), None);
    assert_eq!(settings.get::<PathBuf>("tls.ca").unwrap(), Path::new("/etc/systole/certs"));
    assert!(settings.get::<Vec<String>>("tls.revoked").unwrap().is_empty());
    assert!(settings.each::<BTreeMap<String, String>>("host.*.labels").unwrap().is_empty());
    assert_eq!(settings.setting("listen").unwrap().source, Source::Default);
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_preset() {
    assert!(Layer::Flag > Layer::Env && Layer::Env > Layer::File && Layer::File > Layer::Default);
    let mut inputs = with_variables("\n[liveness]\ntimeout = \"6s\"", &[]);
    let check = |inputs: &Inputs, seconds, source: &str| {
        let settings = resolve(&SCHEMA, inputs).unwrap();
        let timeout = settings.get::<Duration>("liveness.timeout").unwrap();
        assert_eq!(timeout.as_secs(), seconds);
        let setting = settings.setting("liveness.timeout").unwrap();
        assert_eq!(setting.source.to_string(), source);
    };
    check(&inputs, 6, "/etc/systole/daemon.toml:3");
    inputs.variables.push(("SYSTOLE_LIVENESS_TIMEOUT".to_owned(), "7s".to_owned()));
    check(&inputs, 7, "variable SYSTOLE_LIVENESS_TIMEOUT");
    inputs.overrides.push(Override::new("--timeout", "liveness.timeout", "8s"));
    check(&inputs, 8, "flag --timeout");
}

#[test]
fn texts_of_variables_and_flags_are_read_like_values() {
    let settings = resolve(
        &SCHEMA,
        &with_variables(
            "",
            &[
                ("SYSTOLE_LIVENESS_STRICT", "true"),
                ("SYSTOLE_TALK_BURST", "7"),
                ("SYSTOLE_FILES_AUTO_ACCEPT_MAX", "1GiB"),
                ("SYSTOLE_TLS_REVOKED", "sha256:a, sha256:b"),
                ("SYSTOLE_LABELS", "role=db,site=a=b"),
                ("SYSTOLE_TLS_CERT", "d.crt"),
                ("SYSTOLE_CONFIG", "x"),
                ("SYSTOLE_LOG", "debug"),
                ("SYSTOLE_ADVISORY_DB", "y"),
                ("PATH", "z"),
            ],
        ),
    )
    .unwrap();
    assert!(settings.get::<bool>("liveness.strict").unwrap());
    assert_eq!(settings.get::<usize>("talk.burst").unwrap(), 7);
    assert_eq!(settings.get::<Vec<String>>("tls.revoked").unwrap(), ["sha256:a", "sha256:b"]);
    let labels: BTreeMap<String, String> = settings.get("labels").unwrap();
    assert_eq!(labels["site"], "a=b");
    // Who types a path into a shell means the folder that the shell is in.
    assert_eq!(settings.get::<PathBuf>("tls.cert").unwrap(), Path::new("/home/op/d.crt"));

    let settings = resolve(&SCHEMA, &with_flag("", "host.web-1.labels", "role=web")).unwrap();
    let hosts = settings.each::<BTreeMap<String, String>>("host.*.labels").unwrap();
    assert_eq!(hosts["web-1"]["role"], "web");
}

#[test]
fn an_unknown_key_names_line_and_neighbour() {
    check_file_error(
        "\n[liveness]\ntimout = \"5s\"",
        3,
        "unknown key `liveness.timout`; did you mean `liveness.timeout`?",
    );
    check_file_error(
        "[livness]\ntimeout = \"5s\"",
        1,
        "unknown key `livness`; did you mean `liveness`?",
    );
    check_file_error(
        "timeout = \"5s\"",
        1,
        "unknown key `timeout`; did you mean `liveness.timeout`?",
    );
    check_file_error(
        "[host.web-1]\nlabel = { a = \"b\" }",
        2,
        "unknown key `host.web-1.label`; did you mean `host.web-1.labels`?",
    );
    check_file_error(
        "banana = 1",
        1,
        "unknown key `banana`; known here: files, fleet, host, labels, listen, liveness, log, talk, tls",
    );
    check_file_error(
        "[liveness.timeout.x]\ny = 1",
        1,
        "`liveness.timeout` is a table, expected a duration such as \"5s\" or \"1h30m\", from 500ms to 1h",
    );
    check_file_error("liveness = 5", 1, "`liveness` is a whole number, expected a table of keys");
}

#[test]
fn a_wrong_type_names_what_is_expected() {
    let duration = "a duration such as \"5s\" or \"1h30m\", from 500ms to 1h";
    check_file_error(
        "[liveness]\n# how long\ntimeout = 5",
        3,
        &format!("`liveness.timeout` is a whole number, expected {duration}"),
    );
    check_file_error(
        "talk.burst = \"20\"",
        1,
        "`talk.burst` is a text, expected a whole number from 1 to 1000",
    );
    check_file_error(
        "talk.burst = 2.5",
        1,
        "`talk.burst` is a number with a decimal point, expected a whole number from 1 to 1000",
    );
    check_file_error(
        "liveness.strict = 1",
        1,
        "`liveness.strict` is a whole number, expected true or false",
    );
    check_file_error("fleet = [\"a\"]", 1, "`fleet` is a list, expected a text in quotes");
    check_file_error(
        "listen = 1979-05-27",
        1,
        "`listen` is a date, expected an IP address with port such as \"127.0.0.1:5001\"",
    );
    check_file_error(
        "[tls]\nrevoked = [\n  \"sha256:a\",\n  true]",
        4,
        "`tls.revoked` is true or false, expected a list of texts in quotes",
    );
    check_file_error(
        "[labels]\nrole = \"db\"\nrack = 7",
        3,
        "`labels.rack` is a whole number, expected a text in quotes",
    );
    check_file_error(
        "[[labels]]\nrole = \"db\"",
        1,
        "`labels` is a list, expected a table of at most 32 texts with names of their own",
    );
}

#[test]
fn a_value_out_of_range_names_the_range() {
    let duration = "a duration such as \"5s\" or \"1h30m\", from 500ms to 1h";
    for found in ["499ms", "61m", "5 s", "soon", ""] {
        check_file_error(
            &format!("liveness.timeout = \"{found}\""),
            1,
            &format!("`liveness.timeout` cannot be \"{found}\", expected {duration}"),
        );
    }
    check_file_error(
        "talk.burst = 0",
        1,
        "`talk.burst` cannot be \"0\", expected a whole number from 1 to 1000",
    );
    check_file_error(
        "talk.burst = 99999999999999999999",
        1,
        "`talk.burst` cannot be \"99999999999999999999\", expected a whole number from 1 to 1000",
    );
    check_file_error(
        "files.auto_accept_max = \"2GiB\"",
        1,
        "`files.auto_accept_max` cannot be \"2GiB\", expected a size such as \"40KiB\", from 0B to 1GiB",
    );
    check_file_error(
        "log.format = \"jsn\"",
        1,
        "`log.format` cannot be \"jsn\", expected one of \"text\", \"json\"; did you mean `json`?",
    );
    check_file_error(
        "listen = \"localhost\"",
        1,
        "`listen` cannot be \"localhost\", expected an IP address with port such as \"127.0.0.1:5001\"",
    );
    check_file_error("tls.cert = \"\"", 1, "`tls.cert` cannot be \"\", expected a path in quotes");
    check_file_error("fleet = \"Yard\"", 1, "`fleet` cannot be \"Yard\", expected a name of a-z");
    check_file_error(
        "tls.revoked = [\n\"sha256:a\",\n\"md5:a\"]",
        3,
        "`tls.revoked` cannot be \"md5:a\", expected a fingerprint such as \"sha256:…\"",
    );
    check_file_error(
        "tls.revoked = [\"sha256:a\", \"sha256:b\", \"sha256:c\", \"sha256:d\"]",
        1,
        "`tls.revoked` cannot be \"4 texts\", expected a list of at most 3 texts",
    );
    check_file_error(
        "[labels]\n\"a b\" = \"x\"",
        2,
        "`labels.\"a b\"` cannot be \"x\", expected a name of 1 to 64 bytes without spaces, `,` and `=`",
    );
    check_file_error(
        "[host.WEB.labels]\na = \"x\"",
        1,
        "`host.NAME.labels` cannot be WEB, expected a host name of a-z, 0-9, . and -",
    );
}

#[test]
fn errors_never_repeat_hostile_bytes_or_floods() {
    let long = "x".repeat(100_000);
    let told = errors(&inputs(&format!("fleet = \"\\u001b[2J{long}\"\n\"k\\u001b{long}\" = 1")));
    assert_eq!(told.len(), 2);
    for error in &told {
        assert!(error.len() < 300, "{error}");
        assert!(!error.contains(crate::text::is_hidden), "{error}");
    }
}

#[test]
fn broken_toml_names_the_line() {
    let told = errors(&inputs("[liveness]\ntimeout = \"5s\nx = 1\n"));
    assert!(told[0].starts_with("/etc/systole/daemon.toml:2: "), "{told:?}");
    let told = errors(&inputs("fleet = \"a\"\nfleet = \"b\""));
    assert!(told[0].starts_with("/etc/systole/daemon.toml:2: duplicate key"), "{told:?}");
    let told = errors(&inputs("fleet = systole"));
    assert!(told[0].starts_with("/etc/systole/daemon.toml:1: "), "{told:?}");
}

#[test]
fn all_errors_of_all_layers_are_told_at_once_and_bounded() {
    let mut inputs = with_variables(
        "fleet = 5\n[talk]\nbrust = 3\n[liveness]\ntimeout = \"1ms\"",
        &[
            ("SYSTOLE_TALK_BURST", "many"),
            ("SYSTOLE_LIVENESS_TIMOUT", "5s"),
            ("SYSTOLE_BANANA", ""),
        ],
    );
    inputs.overrides.push(Override::new("--set", "talk.brust", "5"));
    let told = errors(&inputs).join("\n");
    for part in [
        "daemon.toml:1: `fleet` is a whole number",
        "daemon.toml:3: unknown key `talk.brust`; did you mean `talk.burst`?",
        "daemon.toml:5: `liveness.timeout` cannot be \"1ms\"",
        "variable SYSTOLE_TALK_BURST: `talk.burst` cannot be \"many\"",
        "unknown variable SYSTOLE_LIVENESS_TIMOUT; did you mean `SYSTOLE_LIVENESS_TIMEOUT`?",
        "unknown variable SYSTOLE_BANANA; remove it",
        "flag --set: unknown key `talk.brust`; did you mean `talk.burst`?",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }

    let many: String = (0..500).map(|n| ["zz", &n.to_string(), " = 1\n"].concat()).collect();
    let errors = resolve(&SCHEMA, &super::Inputs { ..self::inputs(&many) }).expect_err("many");
    assert_eq!((errors.iter().count(), errors.len()), (ERRORS_MAX, 500));
    assert!(errors.to_string().ends_with("\nand 480 more"));
}

#[test]
fn what_must_be_set_is_asked_for() {
    let errors =
        resolve(&NEEDY, &Inputs { default_folder: "/etc/systole".into(), ..Inputs::default() });
    assert_eq!(
        errors.expect_err("both are missing").to_string(),
        "`daemons` is not set: write it into /etc/systole/agent.toml or set SYSTOLE_DAEMONS; \
         it is the daemons to report to\n\
         `name` is not set: write it into /etc/systole/agent.toml or set SYSTOLE_NAME; \
         it is the name of this host"
    );
    let file =
        FileText { path: "/x/a.toml".into(), text: "daemons = [\"mon-1=10.0.0.5:5001\"]".into() };
    let mut inputs = Inputs { file: Some(file), ..Inputs::default() };
    let errors = resolve(&NEEDY, &inputs).expect_err("the name is missing");
    assert!(errors.to_string().contains("`name` is not set: write it into /x/a.toml"));
    inputs.variables.push(("SYSTOLE_NAME".to_owned(), "web-1".to_owned()));
    assert!(resolve(&NEEDY, &inputs).is_ok());
}

#[test]
fn a_later_judgement_names_the_place_too() {
    let settings = settings("\nlisten = \"127.0.0.1:1\"");
    assert_eq!(
        settings.refuse("listen", "a port that is not taken").to_string(),
        "/etc/systole/daemon.toml:2: `listen` cannot be \"127.0.0.1:1\", expected a port that is not taken"
    );
    assert_eq!(
        settings.refuse("tls.cert", "a file").to_string(),
        "default: `tls.cert` cannot be unset, expected a file"
    );
}

#[test]
fn asking_for_what_is_not_declared_is_our_bug() {
    let settings = settings("");
    for error in [
        settings.get::<bool>("liveness.timeout").unwrap_err(),
        settings.get::<bool>("no.such").unwrap_err(),
        settings.get::<PathBuf>("tls.cert").unwrap_err(),
        settings.each::<String>("listen").unwrap_err(),
        settings.refuse("no.such", "x"),
    ] {
        assert_eq!(error.exit(), Exit::Bug, "{error}");
    }
}

#[test]
fn check_config_prints_every_value_with_its_source() {
    let mut inputs = with_variables(
        "talk.burst = 7\n[host.\"a.b\".labels]\nrole = \"db\"",
        &[("SYSTOLE_FLEET", "yard")],
    );
    inputs.overrides.push(Override::new("--cert", "tls.cert", "/k/d.crt"));
    let printed = resolve(&SCHEMA, &inputs).unwrap().render();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "# /etc/systole/daemon.toml");
    for line in [
        "listen = \"0.0.0.0:5001\"                          # default",
        "talk.burst = 7                                   # /etc/systole/daemon.toml:1",
        "fleet = \"yard\"                                   # variable SYSTOLE_FLEET",
        "tls.cert = \"/k/d.crt\"                            # flag --cert",
        "labels = {}                                      # default",
        "host.\"a.b\".labels = { role = \"db\" }              # /etc/systole/daemon.toml:2",
    ] {
        assert!(lines.contains(&line), "{line}\nin\n{printed}");
    }
    assert!(settings("").render().contains("# tls.cert is not set\n"));
}

#[test]
fn a_reload_knows_what_changed() {
    let before = settings("talk.burst = 7\n[host.a.labels]\nx = \"1\"\n[host.b.labels]\nx = \"1\"");
    let after = settings("\n\ntalk.burst = 7\nfleet = \"yard\"\n[host.a.labels]\nx = \"2\"");
    assert_eq!(after.changed(&before), ["fleet", "host.a.labels", "host.b.labels"]);
    assert!(after.changed(&after.clone()).is_empty());
}

fn any_config() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "(listen|fleet|liveness|liveness.timeout|tls.revoked|labels|host.a.labels|talk.burst)",
        "[a-z.]{1,12}",
    ];
    let value = prop_oneof![
        "\"[a-z0-9:. ]{0,10}\"",
        "[0-9]{1,25}",
        prop::sample::select(vec![
            "true",
            "[\"a\"]",
            "{ a = \"b\" }",
            "{ a = 1 }",
            "1.5",
            "[[[]]]"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,10}",
    ];
    let line = prop_oneof![
        (key.clone(), value).prop_map(|(key, value)| format!("{key} = {value}")),
        key.prop_map(|key| format!("[{key}]")),
        "\\PC{0,20}",
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_file_is_a_trap(text in any_config()) {
        match resolve(&SCHEMA, &inputs(&text)) {
            Ok(settings) => drop(settings.render()),
            Err(errors) => {
                let lines = text.lines().count().max(1);
                for error in errors.iter() {
                    let told = error.to_string();
                    let rest = told.strip_prefix("/etc/systole/daemon.toml:").unwrap();
                    let line: usize = rest.split(':').next().unwrap().parse().unwrap();
                    prop_assert!((1..=lines).contains(&line), "{}", told);
                }
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back(
        fleet in "[a-z]{0,9}",
        burst in 1_i64..1000,
        millis in 500_u64..3_600_000,
        cert in "/\\PC{1,12}",
        labels in prop::collection::btree_map("[a-zA-Z._-]{1,9}", any::<String>(), 0..5),
    ) {
        let mut first = inputs("");
        for (key, text) in [
            ("fleet", fleet),
            ("talk.burst", burst.to_string()),
            ("liveness.timeout", duration_text(Duration::from_millis(millis))),
            ("tls.cert", cert),
        ] {
            first.overrides.push(Override::new("--set", key, text));
        }
        let mut before = resolve(&SCHEMA, &first).unwrap();
        let index = SCHEMA.find("host.*.labels").unwrap().0;
        let setting = Setting { value: Some(Value::Map(labels)), source: Source::Default };
        before.values.insert((index, "a.b".to_owned()), setting);
        let after = resolve(&SCHEMA, &inputs(&before.render())).unwrap();
        prop_assert!(after.changed(&before).is_empty(), "{:?}", after.changed(&before));
    }
}

#[cfg(feature = "net")]
mod loading {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        world: World,
    }

    /// A world whose user and system folders are in a folder of their own.
    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["user/systole", "system", "here"] {
            std::fs::create_dir_all(path(name)).unwrap();
        }
        let variables = vec![("XDG_CONFIG_HOME".into(), path("user").into_os_string())];
        let world = World {
            variables,
            is_root: false,
            current_folder: path("here"),
            system_folder: path("system"),
        };
        Place { folder, world }
    }

    impl Place {
        fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }

        fn burst(&self, config: Option<&Path>) -> i64 {
            load_in(&SCHEMA, config, &[], &self.world).unwrap().get("talk.burst").unwrap()
        }

        fn error(&self, config: Option<&Path>) -> String {
            let errors = load_in(&SCHEMA, config, &[], &self.world).expect_err("has errors");
            assert_eq!(errors.exit(), Exit::Usage);
            errors.to_string().replace(self.folder.path().to_str().unwrap(), "@")
        }
    }

    #[test]
    fn the_file_is_looked_for_in_the_order_of_the_contract() {
        let mut place = place();
        assert_eq!(place.burst(None), 20);
        place.write("system/daemon.toml", "talk.burst = 1");
        assert_eq!(place.burst(None), 1);
        place.write("user/systole/daemon.toml", "talk.burst = 2");
        assert_eq!(place.burst(None), 2);
        place.world.is_root = true;
        assert_eq!(place.burst(None), 1);
        place.write("here/env.toml", "talk.burst = 3");
        place.world.variables.push(("SYSTOLE_CONFIG".into(), "env.toml".into()));
        assert_eq!(place.burst(None), 3);
        place.write("here/flag.toml", "talk.burst = 4");
        assert_eq!(place.burst(Some(Path::new("flag.toml"))), 4);
    }

    #[test]
    fn relative_paths_start_at_the_file() {
        let mut place = place();
        place.world.variables = vec![("HOME".into(), place.folder.path().into())];
        let ca = |place: &Place, config| {
            load_in(&SCHEMA, config, &[], &place.world).unwrap().get::<PathBuf>("tls.ca").unwrap()
        };
        assert_eq!(ca(&place, None), place.folder.path().join(".config/systole/certs"));
        let path = place.write("system/d.toml", "tls.ca = \"ca\"");
        assert_eq!(ca(&place, Some(&path)), place.folder.path().join("system/ca"));
        place.world.is_root = true;
        assert_eq!(ca(&place, None), place.folder.path().join("system/certs"));
    }

    #[test]
    fn a_file_that_is_named_must_be_a_readable_text() {
        let place = place();
        let check = |name: &str, start: &str| {
            let told = place.error(Some(&place.folder.path().join(name)));
            assert!(told.starts_with(start), "{told}");
        };
        check("no.toml", "cannot read @/no.toml: No such file or directory");
        check("here", "@/here is not a regular file");
        place.write("here/long.toml", vec![b'#'; FILE_BYTES_MAX + 1]);
        check("here/long.toml", "@/here/long.toml is longer than 1048576 bytes");
        place.write("here/latin.toml", b"# one\n# two\n# caf\xe9\n");
        check("here/latin.toml", "@/here/latin.toml:3: not UTF-8 text");
        place.write("here/bad.toml", "\n\nlistn = 1");
        check("here/bad.toml", "@/here/bad.toml:3: unknown key `listn`; did you mean `listen`?");
    }

    #[test]
    fn a_broken_file_in_a_usual_place_is_no_reason_to_pass_it_over() {
        let place = place();
        std::fs::create_dir(place.folder.path().join("user/systole/daemon.toml")).unwrap();
        place.write("system/daemon.toml", "talk.burst = 1");
        assert!(place.error(None).starts_with("@/user/systole/daemon.toml is not a regular file"));
    }

    #[test]
    fn variables_that_are_no_text_are_told_and_foreign_ones_are_not() {
        use std::os::unix::ffi::OsStringExt;
        let mut place = place();
        let garbage = std::ffi::OsString::from_vec(vec![0xff]);
        place.world.variables.push(("OTHER".into(), garbage.clone()));
        assert_eq!(place.burst(None), 20);
        place.world.variables.push(("SYSTOLE_FLEET".into(), garbage));
        place.world.variables.push(("SYSTOLE_TALK_BURST".into(), "x".into()));
        let told = place.error(None);
        assert!(
            told.starts_with(
                "variable SYSTOLE_FLEET is not UTF-8 text\nvariable SYSTOLE_TALK_BURST:"
            ),
            "{told}"
        );
    }

    #[test]
    fn the_process_itself_has_surroundings() {
        let world = World::here();
        assert!(world.current_folder.is_absolute());
        assert_eq!(world.system_folder, Path::new("/etc/systole"));
    }
}
