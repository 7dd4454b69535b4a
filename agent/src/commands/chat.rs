//! `systole-agent chat`: prints messages as they come, sends the lines that are typed.
//!
//! The terminal stays as it is: lines are edited by the terminal itself, and nothing is painted.

use std::io::{self, BufRead, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use systole_common::exit::Exit;
use systole_common::model::message::{MessageError, TEXT_BYTES_MAX};
use systole_common::text::{Lines, scrub, scrub_lines};
use systole_common::time::UnixMs;

use super::{INDENT, print};
use crate::engine::talk::words::{addressed, heard, is_leaving, missed, unheard};
use crate::error::AgentError;
use crate::shell::local::client::{ClientError, Conversation, write_request};
use crate::shell::local::{Answer, ChatWords, LinkWords, MessageWords, Request};
use crate::shell::settings::Loader;

/// `chat`; ends with `bye`, `END` or the end of the input.
pub fn chat(loader: &Loader) -> Result<Exit, AgentError> {
    let (_, config) = loader.load()?;
    let mut agent = Conversation::open(&config.socket)?;
    agent.say(&Request::Chat {})?;
    let Answer::Chat(open) = agent.answer()? else { return Err(agent.strange().into()) };
    agent.stay()?;
    if rustix::termios::isatty(io::stdin()) {
        print(&greeting(&open))?;
    }
    let (writer, is_over) = (agent.writer()?, Arc::new(AtomicBool::new(false)));
    let typed = is_over.clone();
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || {
            speak(io::stdin().lock(), &writer);
            typed.store(true, Ordering::Release);
            // The agent answers what it has, then closes.
            let _ = writer.shutdown(Shutdown::Write);
        })
        .map_err(AgentError::system("thread"))?;
    loop {
        match agent.next_answer() {
            Ok(Some(answer)) => {
                if let Some(line) = shown(&answer) {
                    print(&line)?;
                }
            }
            Ok(None) if is_over.load(Ordering::Acquire) => return Ok(Exit::Done),
            Ok(None) => {
                let source = io::Error::other("it ended while the chat was open");
                return Err(ClientError::NotRunning { path: config.socket, source }.into());
            }
            Err(ClientError::Refused { text, .. }) => complain(&text),
            Err(error) => return Err(error.into()),
        }
    }
}

fn greeting(open: &ChatWords) -> String {
    let host = open.host.as_deref().unwrap_or("this host");
    let text = format!(
        "chat of {host} as {}; `bye` leaves, a line that begins with `#ops ` goes to #ops",
        open.user
    );
    let greeting = scrub(&text).into_owned();
    match &open.link {
        Some(link) if link.connected.is_empty() => format!("{greeting}\n{}", aside(&of(link))),
        Some(_) | None => greeting,
    }
}

/// Whether anybody hears what is typed.
fn of(link: &LinkWords) -> String {
    if link.connected.is_empty() { unheard(&link.away) } else { heard(&link.connected) }
}

/// What nobody wrote.
fn aside(text: &str) -> String {
    format!("({})", scrub(text))
}

/// Sends lines until one leaves, the input ends or the agent is gone.
fn speak(mut input: impl BufRead, agent: &UnixStream) {
    loop {
        let said = match next_line(&mut input) {
            Some(Ok(line)) if is_leaving(&line) => return,
            Some(Ok(line)) if line.trim().is_empty() => Ok(()),
            Some(Ok(line)) => match addressed(&line) {
                Ok((to, text)) => {
                    let (to, text) = (to.map(str::to_owned), text.to_owned());
                    write_request(agent, &Request::Say { to, text })
                }
                Err(refused) => {
                    complain(&refused.to_string());
                    Ok(())
                }
            },
            Some(Err(why)) => {
                complain(&why);
                Ok(())
            }
            None => return,
        };
        if said.is_err() {
            return;
        }
    }
}

/// The next line, or why it cannot be sent; `None` at the end.
fn next_line(input: &mut impl BufRead) -> Option<Result<String, String>> {
    // Blanks around a text do not count.
    let kept_max = 2 * TEXT_BYTES_MAX;
    let mut line = Vec::new();
    let read = input.take(kept_max as u64 + 1).read_until(b'\n', &mut line).ok()?;
    if read == 0 {
        return None;
    }
    if read > kept_max && !line.ends_with(b"\n") {
        let bytes = read + skip_line(input);
        return Some(Err(MessageError::TooLong { bytes }.to_string()));
    }
    let text = String::from_utf8(line);
    Some(text.map_err(|_| "the line is not text in UTF-8; it was not sent".to_owned()))
}

/// Reads to the end of the line, and says how many bytes its text had.
fn skip_line(input: &mut impl BufRead) -> usize {
    let mut skipped = 0;
    while let Ok(bytes) = input.fill_buf()
        && !bytes.is_empty()
    {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (text, used) = end.map_or((bytes.len(), bytes.len()), |at| (at, at + 1));
        skipped += text;
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    skipped
}

/// What of an answer is shown.
fn shown(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Message(message) => Some(line(message)),
        Answer::Said(said) if said.sent_to.is_empty() => Some(aside(&said.sentence())),
        Answer::Link(link) => Some(aside(&of(link))),
        Answer::Missed(lost) => Some(aside(&missed(lost.count))),
        Answer::Status(_)
        | Answer::Absence(_)
        | Answer::Said(_)
        | Answer::End(_)
        | Answer::Chat(_)
        | Answer::Offered(_)
        | Answer::Decision(_)
        | Answer::Progress(_)
        | Answer::Error(_) => None,
    }
}

/// `14:02:03 bo > text`, with the place if it is not the host's own; further lines stand below it.
fn line(message: &MessageWords) -> String {
    let local = UnixMs(message.time_ms).local();
    let time = local.split_once(' ').map_or(local.as_str(), |(_, time)| time);
    let place = if message.to.starts_with('@') { "" } else { message.to.as_str() };
    let blank = if place.is_empty() { "" } else { " " };
    let text = scrub_lines(&message.text, Lines::Many).replace('\n', INDENT);
    format!("{time} {}{blank}{} > {text}", scrub(&message.from), scrub(place))
}

fn complain(why: &str) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(io::stderr(), "systole-agent: {}", scrub(why));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::local::CountWords;

    #[test]
    fn lines_are_read_within_a_bound_and_the_next_one_is_whole() {
        let long = "y".repeat(3 << 20);
        let text = format!("one\n{long}\n#ops two\nbye");
        let mut input = io::BufReader::new(text.as_bytes());
        assert_eq!(next_line(&mut input), Some(Ok("one\n".to_owned())));
        let Some(Err(why)) = next_line(&mut input) else { panic!("it is taken") };
        assert!(why.contains("has 3145728 bytes"), "{why}");
        assert_eq!(next_line(&mut input), Some(Ok("#ops two\n".to_owned())));
        assert_eq!(next_line(&mut input), Some(Ok("bye".to_owned())));
        assert_eq!(next_line(&mut input), None);
        let mut input = io::BufReader::new(&b"\xff\nx\n"[..]);
        assert!(next_line(&mut input).unwrap().is_err());
        assert_eq!(next_line(&mut input), Some(Ok("x\n".to_owned())));
    }

    #[test]
    fn who_hears_it_is_said_at_the_beginning_and_when_it_changes() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let link = |connected: &[&str], away: &[&str]| LinkWords {
            connected: names(connected),
            away: names(away),
        };
        let open = |link: Option<LinkWords>| {
            greeting(&ChatWords { host: Some("web-1".to_owned()), user: "alex".to_owned(), link })
        };
        assert_eq!(open(None), open(Some(link(&["mon-1"], &["mon-2"]))));
        assert_eq!(
            open(Some(link(&[], &["mon-1"]))).lines().last().unwrap(),
            "(mon-1 is not connected; what you write is kept until it is heard)"
        );
        assert_eq!(
            shown(&Answer::Link(link(&["mon-1"], &[]))).unwrap(),
            "(mon-1 is connected; what was kept is on its way)"
        );
        let lost = CountWords { count: 1 };
        let said = "(1 message came too fast; see `systole-agent inbox`)";
        assert_eq!(shown(&Answer::Missed(lost)).unwrap(), said);
    }

    #[test]
    fn further_lines_of_a_message_stand_below_it() {
        let message = MessageWords {
            id: "mon-1-7-3".to_owned(),
            time_ms: 1_795_234_567_089,
            from: "bo".to_owned(),
            to: "@web-1".to_owned(),
            text: "one\ntwo\u{1b}[2J\r\n04:16:07 root > three".to_owned(),
            thread: None,
        };
        let said = "04:16:07 bo > one\n         two\\x1b[2J\n         04:16:07 root > three";
        assert_eq!(line(&message), said);
    }

    #[test]
    fn a_message_is_one_safe_line_with_its_time_and_sender() {
        let mut message = MessageWords {
            id: "mon-1-7-3".to_owned(),
            time_ms: 1_795_234_567_089,
            from: "bo".to_owned(),
            to: "@web-1".to_owned(),
            text: "look\u{1b}[2J".to_owned(),
            thread: None,
        };
        assert_eq!(line(&message), "04:16:07 bo > look\\x1b[2J");
        message.to = "#all".to_owned();
        assert_eq!(line(&message), "04:16:07 bo #all > look\\x1b[2J");
    }
}
