//! What each command of the command line does. A wrong one is answered with a sentence and its place.

use systole_common::filter::Filter;
use systole_common::ids::AlertId;
use systole_common::time::Now;

use super::{actions, files, filters, lists, order, requests, say, talk};
use crate::cmd::Cmd;
use crate::keys::commands::{TalkVerb, Verb, find, names, near};
use crate::model::Model;
use crate::model::host_list::SortBy;
use crate::model::prompt::PromptError;
use crate::model::screen::{Focus, View};
use crate::tone::Tone;

/// Runs `line`, or says what is wrong with it and where.
pub(super) fn run(model: &mut Model, now: Now, line: &str) -> Result<Vec<Cmd>, PromptError> {
    let indent = line.chars().take_while(|c| c.is_whitespace()).count();
    let (name, rest) = first_word(line);
    let name_chars = name.chars().count();
    let Some(command) = find(name) else {
        let near = near(name, names()).map(|near| format!("; did you mean `{near}`?"));
        let more = near.unwrap_or_else(|| "; ? lists all".to_owned());
        let text = format!("no command is named `{name}`{more}");
        return Err(PromptError { text, from: indent, to: indent + name_chars });
    };
    let all = line.chars().count();
    verb(model, now, command.verb, rest.trim()).map_err(|text| {
        let from = all - rest.trim_start().chars().count();
        let from = if rest.trim().is_empty() { indent } else { from };
        PromptError { text: format!("{}: {text}", command.usage()), from, to: all.max(from) }
    })
}

/// Does what a command asks for, with its arguments.
pub(super) fn verb(
    model: &mut Model,
    now: Now,
    verb: Verb,
    rest: &str,
) -> Result<Vec<Cmd>, String> {
    match verb {
        Verb::Do(action) => {
            nothing_more(rest)?;
            Ok(actions::run(model, now, action))
        }
        Verb::Fleet => view(model, now, View::Fleet, rest),
        Verb::Alerts => view(model, now, View::Alerts, rest),
        Verb::Host => {
            let name = required(rest, "which host? give its name")?;
            requests::known_host(model, name)?;
            Ok(actions::show_host(model, now, name))
        }
        Verb::Talk(verb) => talked(model, now, verb, rest),
        Verb::Ack => ack(model, now, rest),
        Verb::Unack => {
            let (id, more) = numbered(rest)?;
            nothing_more(more)?;
            requests::unack(model, now, id)
        }
        Verb::Resolve => {
            let (id, why) = numbered(rest)?;
            requests::resolve(model, now, id, why)
        }
        Verb::Retire => retire(model, now, rest),
        Verb::Filter => filter(model, now, rest),
        Verb::Sort => sort(model, now, rest),
        Verb::Theme => {
            let name = one_of(rest, &model.manners.themes)?;
            Ok(vec![Cmd::Theme(name)])
        }
        Verb::Symbols => {
            let name = one_of(rest, &model.manners.symbols)?;
            Ok(vec![Cmd::Symbols(name)])
        }
        Verb::Bell => bell(model, now, rest),
        Verb::Connect => {
            nothing_more(rest)?;
            requests::say(model, now, Tone::Plain, "dialling anew".to_owned());
            Ok(vec![Cmd::Reconnect])
        }
    }
}

fn talked(model: &mut Model, now: Now, verb: TalkVerb, rest: &str) -> Result<Vec<Cmd>, String> {
    match verb {
        TalkVerb::Chat => chat(model, rest),
        TalkVerb::Files => {
            nothing_more(rest)?;
            files::open(model);
            Ok(Vec::new())
        }
        TalkVerb::Say => {
            let (to, text) = placed(rest)?;
            say::send(model, now, to, text)
        }
        TalkVerb::Accept => {
            let (id, more) = file(rest)?;
            nothing_more(more)?;
            files::accept(model, now, id)
        }
        TalkVerb::Reject => {
            let (id, why) = file(rest)?;
            files::refuse(model, now, id, why)
        }
    }
}

fn bell(model: &mut Model, now: Now, rest: &str) -> Result<Vec<Cmd>, String> {
    model.manners.bell = one_of(rest, &["on", "off"])? == "on";
    requests::say(model, now, Tone::Plain, format!("the bell is {rest}"));
    Ok(Vec::new())
}

fn view(model: &mut Model, now: Now, view: View, rest: &str) -> Result<Vec<Cmd>, String> {
    let filter = if rest.is_empty() { None } else { Some(parsed(model, view, rest)?) };
    actions::show(model, view);
    if filter.is_some() {
        lists::set_filter(model, now, filter);
    }
    Ok(Vec::new())
}

fn filter(model: &mut Model, now: Now, rest: &str) -> Result<Vec<Cmd>, String> {
    let view = match model.screen.focus() {
        Focus::Fleet => View::Fleet,
        Focus::Feed | Focus::Alerts => View::Alerts,
        Focus::Chat | Focus::Files | Focus::Host => {
            return Err("no such list is shown; 1 is the fleet, 2 the alerts".to_owned());
        }
    };
    let filter = if rest.is_empty() { None } else { Some(parsed(model, view, rest)?) };
    lists::set_filter(model, now, filter);
    Ok(Vec::new())
}

fn parsed(model: &Model, view: View, text: &str) -> Result<(String, Filter), String> {
    let filter = filters::check(model, view == View::Alerts, text);
    filter.map(|filter| (text.to_owned(), filter)).map_err(|error| error.text)
}

fn ack(model: &mut Model, now: Now, rest: &str) -> Result<Vec<Cmd>, String> {
    if let Ok((id, note)) = numbered(rest) {
        return requests::ack(model, now, id, note);
    }
    let under_cursor = match model.screen.focus() {
        Focus::Feed | Focus::Alerts | Focus::Host => lists::alert(model),
        Focus::Fleet | Focus::Chat | Focus::Files => {
            Err("which alert? give its number, or go to it first".to_owned())
        }
    };
    requests::ack(model, now, under_cursor?, rest)
}

/// A host is retired by the second Enter: it cannot be undone.
fn retire(model: &mut Model, now: Now, rest: &str) -> Result<Vec<Cmd>, String> {
    let name = required(rest, "which host? give its name")?;
    requests::may_retire(model, now, name)?;
    if model.screen.typed.armed.as_deref() == Some(name) {
        model.screen.typed.armed = None;
        return requests::retire(model, now, name);
    }
    model.screen.typed.armed = Some(name.to_owned());
    Err(format!("Enter again forgets {name} and resolves its alerts; Esc keeps it"))
}

fn sort(model: &mut Model, now: Now, rest: &str) -> Result<Vec<Cmd>, String> {
    let names = SortBy::ALL.map(SortBy::title);
    let name = one_of(rest, &names)?;
    let sort = SortBy::ALL.into_iter().find(|sort| sort.title() == name);
    model.list.sort = sort.unwrap_or(SortBy::Worst);
    (model.list.is_reversed, model.list.is_held) = (false, false);
    order::refresh(model, now);
    lists::reveal(model);
    Ok(Vec::new())
}

fn chat(model: &mut Model, rest: &str) -> Result<Vec<Cmd>, String> {
    if rest.is_empty() {
        actions::show(model, View::Chat);
    } else {
        let place = talk::checked(model, rest)?.to_string();
        talk::open(model, &place);
    }
    Ok(Vec::new())
}

/// A place, which may be a filter in braces with blanks in it, and the text behind it.
fn placed(rest: &str) -> Result<(&str, &str), String> {
    let end = if rest.starts_with('{') {
        rest.match_indices('}').map(|(at, _)| at + 1).find(|end| {
            rest.get(*end..).is_some_and(|more| more.is_empty() || more.starts_with(' '))
        })
    } else {
        rest.find(char::is_whitespace)
    };
    let (to, text) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
    required(to, "to whom? give #all, #ops, @HOST or {FILTER}")?;
    Ok((to, required(text.trim(), "say what? give a text")?))
}

/// The number of a file, and what follows it.
fn file(rest: &str) -> Result<(u64, &str), String> {
    let (word, more) = first_word(rest);
    let id = word.strip_prefix('#').unwrap_or(word).parse();
    Ok((id.map_err(|_| "which file? give its number".to_owned())?, more.trim()))
}

/// The first word, and what follows it.
fn first_word(line: &str) -> (&str, &str) {
    let line = line.trim_start();
    line.split_once(char::is_whitespace).unwrap_or((line, ""))
}

/// The number of an alert, `7` or `#7`, and what follows it.
fn numbered(rest: &str) -> Result<(AlertId, &str), String> {
    let (word, more) = first_word(rest);
    let digits = word.strip_prefix('#').unwrap_or(word);
    let id = digits.parse().map(AlertId);
    let id = id.map_err(|_| match word {
        "" => "which alert? give its number".to_owned(),
        word => format!("`{word}` is no number of an alert"),
    })?;
    Ok((id, more.trim()))
}

fn required<'a>(rest: &'a str, question: &str) -> Result<&'a str, String> {
    if rest.is_empty() { Err(question.to_owned()) } else { Ok(rest) }
}

fn nothing_more(rest: &str) -> Result<(), String> {
    if rest.is_empty() { Ok(()) } else { Err(format!("`{rest}` is too much")) }
}

fn one_of(given: &str, known: &[&'static str]) -> Result<&'static str, String> {
    let found = known.iter().copied().find(|name| *name == given);
    found.ok_or_else(|| {
        let near = near(given, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?"));
        let wrong = if given.is_empty() { String::new() } else { format!("`{given}` is none; ") };
        format!("{wrong}give one of {}{}", known.join(", "), near.unwrap_or_default())
    })
}
