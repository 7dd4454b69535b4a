//! What meanings look like: styles for tones. Colour only repeats what letter, word and place say.
//!
//! Names, looks and how the configuration changes them. Refuses to know what is drawn.

use ratatui::style::{Color, Modifier, Style};
use systole_common::config::nearest;

pub use super::symbols::{SYMBOL_NAMES, Symbols};
use crate::tone::Tone;

/// The themes, as the configuration and `:theme` call them.
pub const THEME_NAMES: [&str; 5] = ["auto", "mono", "cvd", "contrast", "light"];

/// The colours of a terminal by name, in the order of their numbers.
const COLOURS: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];
/// The terminal's own colour.
const OWN_COLOUR: &str = "default";
const ATTRIBUTES: [(&str, Modifier); 3] =
    [("bold", Modifier::BOLD), ("dim", Modifier::DIM), ("underlined", Modifier::UNDERLINED)];

/// Looks that take the place of a theme's own, from `[theme]` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looks {
    /// All is well.
    pub good: Option<Style>,
    /// Look at it today.
    pub warning: Option<Style>,
    /// Look at it now.
    pub bad: Option<Style>,
    /// Of less interest.
    pub quiet: Option<Style>,
    /// A heading.
    pub strong: Option<Style>,
}

/// How things look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Its name.
    pub name: &'static str,
    /// The characters that it draws with.
    pub symbols: Symbols,
    good: Style,
    warning: Style,
    bad: Style,
    quiet: Style,
    strong: Style,
}

impl Theme {
    /// The theme called `name`, `auto` if there is none, with looks of its owner. `mono` has no
    /// colours and takes none.
    pub fn named(name: &str, symbols: Symbols, looks: &Looks) -> Self {
        let own = match name {
            "mono" => return Self::plain(symbols),
            "cvd" => Self { symbols, ..Self::cvd() },
            "contrast" => Self { symbols, ..Self::contrast() },
            "light" => Self { symbols, ..Self::light() },
            _ => Self { symbols, ..Self::auto() },
        };
        Self {
            good: looks.good.unwrap_or(own.good),
            warning: looks.warning.unwrap_or(own.warning),
            bad: looks.bad.unwrap_or(own.bad),
            quiet: looks.quiet.unwrap_or(own.quiet),
            strong: looks.strong.unwrap_or(own.strong),
            ..own
        }
    }

    /// Attributes and no colour.
    pub const fn plain(symbols: Symbols) -> Self {
        Self {
            name: "mono",
            symbols,
            good: Style::new(),
            warning: bold(Style::new()),
            bad: bold(Style::new()).add_modifier(Modifier::UNDERLINED),
            quiet: Style::new().add_modifier(Modifier::DIM),
            strong: bold(Style::new()),
        }
    }

    /// The style of a tone.
    pub const fn style(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Good => self.good,
            Tone::Warning => self.warning,
            Tone::Bad => self.bad,
            Tone::Quiet => self.quiet,
            Tone::Strong => self.strong,
            Tone::Reversed => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// The terminal's own colours.
    const fn auto() -> Self {
        Self {
            name: "auto",
            good: Style::new().fg(Color::Green),
            warning: Style::new().fg(Color::Yellow),
            bad: bold(Style::new().fg(Color::Red)),
            ..Self::plain(Symbols::Ascii)
        }
    }

    /// Blue and orange, which nobody confuses; what is bad is underlined as well.
    const fn cvd() -> Self {
        Self {
            name: "cvd",
            good: Style::new().fg(Color::Indexed(33)),
            warning: Style::new().fg(Color::Indexed(214)),
            bad: bold(Style::new().fg(Color::Indexed(208))).add_modifier(Modifier::UNDERLINED),
            ..Self::plain(Symbols::Ascii)
        }
    }

    /// Bright on the terminal's own background, nothing dimmed.
    const fn contrast() -> Self {
        Self {
            name: "contrast",
            good: bold(Style::new().fg(Color::LightGreen)),
            warning: bold(Style::new().fg(Color::LightYellow)),
            bad: bold(Style::new().fg(Color::LightRed)).add_modifier(Modifier::UNDERLINED),
            quiet: Style::new(),
            ..Self::plain(Symbols::Ascii)
        }
    }

    /// For bright backgrounds, on which yellow cannot be read.
    const fn light() -> Self {
        Self {
            name: "light",
            good: Style::new().fg(Color::Green),
            warning: Style::new().fg(Color::Magenta),
            bad: bold(Style::new().fg(Color::Red)),
            quiet: Style::new().fg(Color::DarkGray),
            ..Self::plain(Symbols::Ascii)
        }
    }
}

const fn bold(style: Style) -> Style {
    style.add_modifier(Modifier::BOLD)
}

/// Reads a look: a colour by name or number and attributes, as in `red bold` or `208`. The error says
/// what is expected, and the nearest word if one was a slip.
pub fn parse_look(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut has_colour = false;
    let mut words = text.split_whitespace().peekable();
    if words.peek().is_none() {
        return Err(expected(None));
    }
    for word in words {
        if let Some((_, modifier)) = ATTRIBUTES.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*modifier);
        } else {
            let colour = colour(word).ok_or_else(|| expected(Some(word)))?;
            if has_colour {
                return Err(format!("one colour only; {}", expected(None)));
            }
            has_colour = true;
            style = style.fg(colour);
        }
    }
    Ok(style)
}

/// The colour that `word` says.
fn colour(word: &str) -> Option<Color> {
    if word == OWN_COLOUR {
        return Some(Color::Reset);
    }
    let named = (0_u8..).zip(COLOURS).find(|(_, name)| *name == word).map(|(number, _)| number);
    let number = named.or_else(|| word.parse().ok())?;
    let colour = match number {
        0 => Color::Black,
        1 => Color::Red,
        2 => Color::Green,
        3 => Color::Yellow,
        4 => Color::Blue,
        5 => Color::Magenta,
        6 => Color::Cyan,
        7 => Color::Gray,
        8 => Color::DarkGray,
        9 => Color::LightRed,
        10 => Color::LightGreen,
        11 => Color::LightYellow,
        12 => Color::LightBlue,
        13 => Color::LightMagenta,
        14 => Color::LightCyan,
        15 => Color::White,
        other => Color::Indexed(other),
    };
    Some(colour)
}

fn expected(slip: Option<&str>) -> String {
    let attributes = ATTRIBUTES.iter().map(|(name, _)| *name);
    let known = COLOURS.into_iter().chain([OWN_COLOUR]).chain(attributes);
    let near = slip.and_then(|slip| nearest(slip, known));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    format!(
        "a colour ({}, bright-..., {OWN_COLOUR} or 0 to 255) and any of bold, dim, underlined, \
         as in \"red bold\"{near}",
        COLOURS.get(..8).unwrap_or_default().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TONES: [Tone; 7] = [
        Tone::Plain,
        Tone::Good,
        Tone::Warning,
        Tone::Bad,
        Tone::Quiet,
        Tone::Strong,
        Tone::Reversed,
    ];

    #[test]
    fn looks_are_colours_with_attributes() {
        assert_eq!(parse_look("red bold"), Ok(bold(Style::new().fg(Color::Red))));
        assert_eq!(parse_look("208"), Ok(Style::new().fg(Color::Indexed(208))));
        let own = Style::new().fg(Color::Reset).add_modifier(Modifier::UNDERLINED);
        assert_eq!(parse_look("default underlined"), Ok(own));
        assert_eq!(parse_look("bright-cyan"), Ok(Style::new().fg(Color::LightCyan)));
        for (bad, near) in [("redd", "red"), ("boldd red", "bold"), ("bright-gren", "bright-green")]
        {
            let error = parse_look(bad).unwrap_err();
            assert!(error.contains(&format!("did you mean `{near}`?")), "{bad}: {error}");
        }
        for bad in ["", "red blue", "256", "#ff0000", "\u{1b}[31m"] {
            assert!(parse_look(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn looks_of_the_owner_win_but_not_over_mono() {
        let looks = Looks { bad: parse_look("cyan").ok(), ..Looks::default() };
        let style = |name| Theme::named(name, Symbols::Block, &looks).style(Tone::Bad);
        assert_eq!(style("auto").fg, Some(Color::Cyan));
        assert_eq!(style("light").fg, Some(Color::Cyan));
        assert_eq!(style("mono").fg, None);
    }

    #[test]
    fn every_theme_has_its_name_and_mono_no_colour() {
        for name in THEME_NAMES {
            let theme = Theme::named(name, Symbols::Block, &Looks::default());
            assert_eq!(theme.name, name);
            assert_eq!(theme.style(Tone::Reversed).add_modifier, Modifier::REVERSED);
            for tone in TONES {
                let style = theme.style(tone);
                assert!(style.bg.is_none() && (name != "mono" || style.fg.is_none()), "{name}");
            }
        }
    }
}
