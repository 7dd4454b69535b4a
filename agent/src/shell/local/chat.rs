//! What clients of the local socket say and read, and the connections that stay: chats and sent files.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use systole_common::exit::Exit;
use systole_common::time::UnixMs;
use tokio::sync::mpsc;

use super::reader::{Line, LineReader};
use super::server::{Desk, Lines, parsed};
use super::words::{ChatWords, CountWords, LinkWords, SendRequest};
use super::{Answer, Fault, Request};
use crate::engine::talk::words::permitted;
use crate::limits::{INBOX_SHOWN_MAX, SAY_WAIT, SEND_ANSWERS_MAX};
use crate::shell::send::Asked;
use crate::shell::talk::ask::{News, NoAnswer, Shown, Speech};

/// Numbers of chats.
static SPEAKERS: AtomicU64 = AtomicU64::new(1);

/// Keeps and sends what a user says.
pub(super) async fn say(desk: &Desk, user: &str, to: Option<&str>, text: &str) -> Answer {
    speak(desk, (user, 0), (to, text), SAY_WAIT).await
}

async fn speak(
    desk: &Desk,
    (user, speaker): (&str, u64),
    (to, text): (Option<&str>, &str),
    patience: Duration,
) -> Answer {
    let host = desk.host();
    let (to, text) = match permitted(host.as_deref(), to, text) {
        Ok((to, text)) => (to, text.to_owned()),
        Err(refused) => return Answer::Error(Fault::new(refused.exit(), refused.to_string())),
    };
    let (host, user) = (host.unwrap_or_default(), user.to_owned());
    match desk.talk.say(Speech { speaker, host, user, to, text, patience }).await {
        Ok(reach) => Answer::Said(reach.into()),
        Err(error) => unanswered(&error),
    }
}

/// Writes what came, and how many that are.
pub(super) async fn inbox(
    desk: &Desk,
    lines: &mut Lines,
    since_ms: Option<i64>,
    count: u32,
) -> io::Result<()> {
    let count = usize::try_from(count.min(INBOX_SHOWN_MAX)).unwrap_or(usize::MAX);
    match desk.talk.inbox(since_ms.map(UnixMs), count).await {
        Ok(messages) => {
            for message in &messages {
                lines.write(&shown(message)).await?;
            }
            lines.write(&Answer::End(CountWords { count: messages.len() as u64 })).await
        }
        Err(error) => lines.write(&unanswered(&error)).await,
    }
}

/// Writes messages as they come and takes what is said, until the client leaves.
pub(super) async fn chat(
    desk: &Desk,
    user: &str,
    reader: &mut LineReader,
    lines: &mut Lines,
) -> io::Result<()> {
    let speaker = SPEAKERS.fetch_add(1, Ordering::Relaxed);
    let (recent, mut heard) = match desk.talk.chat(speaker).await {
        Ok(followed) => followed,
        Err(error) => return lines.write(&unanswered(&error)).await,
    };
    let mut hearing = desk.shared.hearing.subscribe();
    let link = LinkWords::from(&*hearing.borrow_and_update());
    let mut is_heard = !link.connected.is_empty();
    let (host, user_shown) = (desk.host(), user.to_owned());
    let open = ChatWords { host, user: user_shown, link: Some(link) };
    lines.write(&Answer::Chat(open)).await?;
    for message in &recent {
        lines.write(&shown(message)).await?;
    }
    loop {
        tokio::select! {
            line = reader.next() => match line? {
                Some(line) => lines.write(&chat_line(desk, (user, speaker), line).await).await?,
                None => return Ok(()),
            },
            news = heard.next() => match news {
                Some(News::Message(message)) => lines.write(&shown(&message)).await?,
                Some(News::Missed(count)) => {
                    lines.write(&Answer::Missed(CountWords { count })).await?;
                }
                None => return Ok(()),
            },
            Ok(()) = hearing.changed() => {
                let link = LinkWords::from(&*hearing.borrow_and_update());
                let is_news = is_heard == link.connected.is_empty();
                if is_news {
                    is_heard = !is_heard;
                    lines.write(&Answer::Link(link)).await?;
                }
            }
        }
    }
}

async fn chat_line(desk: &Desk, who: (&str, u64), line: Line) -> Answer {
    match parsed(line) {
        Ok((Request::Say { to, text }, _)) => {
            speak(desk, who, (to.as_deref(), &text), Duration::ZERO).await
        }
        Ok(_) => Answer::Error(Fault::new(Exit::Usage, "a chat takes nothing but messages")),
        Err(fault) => Answer::Error(fault),
    }
}

/// Hands a file to whoever sends it, and its answers to the client, until one of both leaves.
pub(super) async fn send(
    desk: &Desk,
    user: &str,
    (request, file): (SendRequest, Option<OwnedFd>),
    reader: &mut LineReader,
    lines: &mut Lines,
) -> io::Result<()> {
    let refused = |text: &str| Answer::Error(Fault::new(Exit::Failed, text));
    let Some(file) = file else {
        return lines.write(&refused("no file came with the request; nothing was sent")).await;
    };
    let (answers, mut answered) = mpsc::channel(SEND_ANSWERS_MAX);
    let asked = Asked { request, user: user.to_owned(), file, answers };
    if desk.sends.try_send(asked).is_err() {
        let text = "too many files are on their way from this host; try again later";
        return lines.write(&refused(text)).await;
    }
    loop {
        tokio::select! {
            answer = answered.recv() => match answer {
                Some(answer) => lines.write(&answer).await?,
                None => return Ok(()),
            },
            // The end, or something that nobody asked for: the sender has gone either way.
            _ = reader.next() => return Ok(()),
        }
    }
}

fn shown(message: &Shown) -> Answer {
    Answer::Message(message.into())
}

fn unanswered(error: &NoAnswer) -> Answer {
    Answer::Error(Fault::new(Exit::Failed, error.to_string()))
}
