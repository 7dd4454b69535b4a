//! The console's settings: what there is, and typed values that cannot be wrong.

use std::path::{Path, PathBuf};

use systole_common::config::{ConfigErrors, Key, Kind, Override, Schema, Settings, load};
use systole_common::ids::DaemonName;
use systole_common::net::certificates::TlsPaths;

use crate::limits::DAEMONS_MAX;
use crate::view::theme::{Looks, SYMBOL_NAMES, THEME_NAMES, parse_look};

/// The commented default file, as `check-config --default` prints it.
pub const DEFAULT_FILE: &str = include_str!("../../assets/console.toml");

/// Every key of console.toml.
pub static SCHEMA: Schema = Schema::new(
    "console",
    &[
        Key::new(
            "daemons",
            Kind::List { items_max: DAEMONS_MAX },
            "the daemons to talk to, as NAME=ADDRESS:PORT; the first that answers is used",
        )
        .preset("mon-1=127.0.0.1:5001")
        .checked(check_daemon),
        Key::new("tls.cert", Kind::Path, "the own certificate with its chain"),
        Key::new("tls.key", Kind::Path, "the key of the own certificate"),
        Key::new("tls.ca", Kind::Path, "the folder with daemon-ca.crt").preset("certs"),
        Key::new("screen.theme", Kind::Choice(&THEME_NAMES), "the colours; NO_COLOR means mono")
            .preset("auto"),
        Key::new("screen.symbols", Kind::Choice(&SYMBOL_NAMES), "what charts and bars are made of")
            .preset("auto"),
        Key::new("screen.bell", Kind::Bool, "whether a new critical alert rings the bell")
            .preset("true"),
        look("theme.good", "the look of what is well"),
        look("theme.warning", "the look of what is to be looked at today"),
        look("theme.bad", "the look of what is to be looked at now"),
        look("theme.quiet", "the look of what is of less interest"),
        look("theme.strong", "the look of headings"),
    ],
);

const fn look(name: &'static str, doc: &'static str) -> Key {
    Key::new(name, Kind::Text, doc).checked(check_look)
}

/// A daemon and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonPlace {
    /// Its name: what its certificate must say.
    pub name: DaemonName,
    /// Its address as configured, `HOST:PORT`; resolved anew at each attempt.
    pub address: String,
}

impl std::fmt::Display for DaemonPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.address)
    }
}

/// How the screen looks and behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenSettings {
    /// One of [`THEME_NAMES`].
    pub theme: String,
    /// One of [`SYMBOL_NAMES`].
    pub symbols: String,
    /// Whether a new critical alert rings the bell.
    pub bell: bool,
    /// Looks that take the place of the theme's own.
    pub looks: Looks,
}

/// The settings of the console.
#[derive(Debug, Clone)]
pub struct Config {
    /// The daemons, in the order in which they are tried.
    pub daemons: Vec<DaemonPlace>,
    /// Where certificates are.
    pub tls: TlsPaths,
    /// How the screen looks and behaves.
    pub screen: ScreenSettings,
    /// All values with their sources.
    pub settings: Settings,
}

/// Loads the settings of this process.
pub fn load_config(file: Option<&Path>, overrides: &[Override]) -> Result<Config, ConfigErrors> {
    from_settings(load(&SCHEMA, file, overrides)?)
}

/// Typed settings.
pub fn from_settings(settings: Settings) -> Result<Config, ConfigErrors> {
    let items: Vec<String> = settings.get("daemons")?;
    let mut daemons: Vec<DaemonPlace> = Vec::new();
    for item in &items {
        // The schema has checked each item.
        if let Ok(place) = parse_daemon(item) {
            if daemons.iter().any(|other| other.name == place.name) {
                let expected = format!("each name once; {} is there twice", place.name);
                return Err(settings.refuse("daemons", expected).into());
            }
            daemons.push(place);
        }
    }
    if daemons.is_empty() {
        return Err(settings.refuse("daemons", "at least one NAME=ADDRESS:PORT").into());
    }
    let tls = TlsPaths {
        cert: settings.find::<PathBuf>("tls.cert")?,
        key: settings.find::<PathBuf>("tls.key")?,
        ca: settings.get("tls.ca")?,
    };
    let screen = screen_settings(&settings)?;
    Ok(Config { daemons, tls, screen, settings })
}

fn screen_settings(settings: &Settings) -> Result<ScreenSettings, ConfigErrors> {
    // The schema has checked each look.
    let look = |name| -> Result<Option<_>, ConfigErrors> {
        Ok(settings.find::<String>(name)?.and_then(|text| parse_look(&text).ok()))
    };
    Ok(ScreenSettings {
        theme: settings.get("screen.theme")?,
        symbols: settings.get("screen.symbols")?,
        bell: settings.get("screen.bell")?,
        looks: Looks {
            good: look("theme.good")?,
            warning: look("theme.warning")?,
            bad: look("theme.bad")?,
            quiet: look("theme.quiet")?,
            strong: look("theme.strong")?,
        },
    })
}

fn check_look(text: &str) -> Result<(), String> {
    parse_look(text).map(|_| ())
}

fn check_daemon(item: &str) -> Result<(), String> {
    parse_daemon(item).map(|_| ())
}

fn parse_daemon(item: &str) -> Result<DaemonPlace, String> {
    let form = || "NAME=ADDRESS:PORT such as \"mon-1=10.0.0.5:5001\"".to_owned();
    let (name, address) = item.split_once('=').ok_or_else(form)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(form)?;
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_host = !host.is_empty() && (is_bracketed || !host.contains([':', ' ']));
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    if !is_host || !is_port {
        return Err(form());
    }
    let name = name.parse().map_err(|error: systole_common::ids::IdError| error.to_string())?;
    Ok(DaemonPlace { name, address: address.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use systole_common::config::{FileText, Inputs, resolve};

    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let file = FileText { path: PathBuf::from("/etc/systole/console.toml"), text: text.into() };
        let inputs = Inputs { file: Some(file), ..Inputs::default() };
        let settings = resolve(&SCHEMA, &inputs).map_err(|errors| errors.to_string())?;
        from_settings(settings).map_err(|errors| errors.to_string())
    }

    #[test]
    fn the_schema_is_sound() {
        assert_eq!(SCHEMA.faults(), Vec::<String>::new());
    }

    #[test]
    fn the_default_file_says_what_the_presets_say() {
        let shipped = read(DEFAULT_FILE).unwrap();
        let empty = read("").unwrap();
        assert_eq!(shipped.settings.changed(&empty.settings), Vec::<String>::new());
        assert_eq!(empty.tls.ca, PathBuf::from("/etc/systole/certs"));
        assert_eq!(empty.daemons[0].to_string(), "mon-1 (127.0.0.1:5001)");
        for key in SCHEMA.keys {
            let last = key.name.rsplit('.').next().unwrap();
            assert!(DEFAULT_FILE.contains(last), "{} is not in the default file", key.name);
        }
    }

    #[test]
    fn daemons_are_names_with_addresses() {
        let good = read(r#"daemons = ["a=10.0.0.5:5001", "b=monitor.example:1", "c=[::1]:9"]"#);
        assert_eq!(good.unwrap().daemons.len(), 3);
        for bad in [
            "[]",
            r#"["a"]"#,
            r#"["a=b"]"#,
            r#"["=h:1"]"#,
            r#"["a=h:0"]"#,
            r#"["a=h:99999"]"#,
            r#"["A=h:1"]"#,
            r#"["a=:1"]"#,
            r#"["a=::1:5001"]"#,
            r#"["a=h:1", "a=h:2"]"#,
        ] {
            let error = read(&format!("daemons = {bad}")).unwrap_err();
            assert!(error.contains("console.toml:1"), "{bad}: {error}");
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        let error = read("[tls]\ncrt = \"x\"\n").unwrap_err();
        assert!(error.contains("console.toml:2") && error.contains("tls.cert"), "{error}");
    }

    #[test]
    fn the_screen_is_set_up_and_slips_are_told_with_their_line() {
        let screen = read("[screen]\ntheme = \"cvd\"\nbell = false\n").unwrap().screen;
        assert_eq!((&*screen.theme, &*screen.symbols, screen.bell), ("cvd", "auto", false));
        let looks = read("[theme]\nbad = \"magenta bold\"\n").unwrap().screen.looks;
        assert_eq!((looks.bad.is_some(), looks.good), (true, None));
        for (text, place, near) in [
            ("[screen]\ntheme = \"moono\"\n", "console.toml:2", "mono"),
            ("[screen]\nthem = \"mono\"\n", "console.toml:2", "screen.theme"),
            ("[screen]\nsymbols = \"dots\"\n", "console.toml:2", "braille"),
            ("[screen]\n\nbell = \"loud\"\n", "console.toml:3", "true or false"),
            ("[theme]\ngood = \"gren\"\n", "console.toml:2", "did you mean `green`?"),
            ("[theme]\nwarnin = \"red\"\n", "console.toml:2", "theme.warning"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place) && error.contains(near), "{text}: {error}");
        }
    }
}
