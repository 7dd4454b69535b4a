//! The live table: what is shown and how often; what it means is decided in `update` and `view`.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{Instant, sleep_until};

use super::dial::Dialer;
use super::link::Link;
use super::session::{self, SessionEvent};
use super::signals::{self, Ending};
use super::terminal::{self, Terminal};
use super::{clock, keys, output};
use crate::cmd::Cmd;
use crate::error::ConsoleError;
use crate::limits::{PAINT_INTERVAL_MAX, PAINT_INTERVAL_MIN};
use crate::model::Model;
use crate::model::freshness::{Freshness, Peer};
use crate::msg::{FeedEvent, Msg};
use crate::update::update;
use crate::view::{Size, view};
use systole_common::exit::Exit;
use systole_common::filter::Filter;

/// Size that is drawn for when the terminal does not tell its own.
const SIZE_UNKNOWN: Size = Size { width: 80, height: 24 };

/// Shows the live table until somebody leaves it, and says goodbye to the daemon.
pub async fn run(dialer: Dialer, filter: Option<Filter>) -> Result<(), ConsoleError> {
    let mut ending = Ending::listen().map_err(ConsoleError::Output)?;
    let mut resized = signals::resized().map_err(ConsoleError::Output)?;
    terminal::restore_on_panic();
    let terminal = Terminal::take(output::attributes()).map_err(ConsoleError::Output)?;
    let mut screen = Screen::new(terminal, filter);
    let end = screen.follow(dialer, &mut ending, &mut resized).await;
    let link = screen.link.take();
    // The terminal is given back first.
    drop(screen);
    if let Some(link) = link {
        link.farewell().await;
    }
    end
}

struct Screen {
    terminal: Terminal,
    model: Model,
    painted: Instant,
    is_dirty: bool,
    is_cleared: bool,
    is_left: bool,
    /// The link, once there was one.
    link: Option<Arc<Link>>,
}

impl Screen {
    fn new(terminal: Terminal, filter: Option<Filter>) -> Self {
        let model = Model::new(Freshness::waiting(clock::now()), filter);
        let painted = Instant::now().checked_sub(PAINT_INTERVAL_MAX).unwrap_or_else(Instant::now);
        Self {
            terminal,
            model,
            painted,
            is_dirty: true,
            is_cleared: false,
            is_left: false,
            link: None,
        }
    }

    /// Until somebody leaves.
    async fn follow(
        &mut self,
        dialer: Dialer,
        ending: &mut Ending,
        resized: &mut Signal,
    ) -> Result<(), ConsoleError> {
        let mut keys = keys::listen();
        let mut events = session::start(dialer);
        while !self.is_left {
            self.paint_if_due().map_err(ConsoleError::Output)?;
            tokio::select! {
                () = ending.wait() => break,
                _ = resized.recv() => self.perform(Cmd::Repaint),
                key = keys.recv() => match key {
                    Some(key) => self.take(Msg::Key(key)),
                    None => break,
                },
                event = events.recv() => match event {
                    Some(event) => self.session(event)?,
                    None => return Err(ConsoleError::FeedStopped),
                },
                () = sleep_until(self.next_paint()) => {}
            }
        }
        Ok(())
    }

    fn session(&mut self, event: SessionEvent) -> Result<(), ConsoleError> {
        match event {
            SessionEvent::Dialling(attempt) => self.take(Msg::Dialling { attempt }),
            SessionEvent::Linked(link) => {
                let welcome = link.welcome.clone();
                self.link = Some(link);
                self.take(Msg::Linked(Peer {
                    daemon: welcome.daemon,
                    address: welcome.address,
                    role: welcome.role,
                }));
            }
            SessionEvent::Feed(event) => {
                if let (FeedEvent::Tick(_), Some(link)) = (&event, &self.link) {
                    self.take(Msg::RoundTrip(micros(link.rtt())));
                }
                self.take(Msg::Feed(event));
            }
            SessionEvent::Unlinked(why) => self.take(Msg::Unlinked { why }),
            // Nobody can mend a refused certificate by waiting; a daemon may still come up.
            SessionEvent::Failed(error) if self.link.is_none() && error.exit() == Exit::Refused => {
                return Err(error.into());
            }
            SessionEvent::Failed(error) => self.take(Msg::Unlinked { why: error.to_string() }),
        }
        Ok(())
    }

    fn take(&mut self, msg: Msg) {
        for cmd in update(&mut self.model, clock::now(), msg) {
            self.perform(cmd);
        }
    }

    fn perform(&mut self, cmd: Cmd) {
        match cmd {
            Cmd::Paint => self.is_dirty = true,
            Cmd::Repaint => {
                self.is_dirty = true;
                self.is_cleared = true;
            }
            Cmd::Leave => self.is_left = true,
        }
    }

    /// When to paint: soon after a change, and each second because ages count on.
    fn next_paint(&self) -> Instant {
        let wait = if self.is_dirty { PAINT_INTERVAL_MIN } else { PAINT_INTERVAL_MAX };
        self.painted.checked_add(wait).unwrap_or(self.painted)
    }

    fn paint_if_due(&mut self) -> std::io::Result<()> {
        if Instant::now() < self.next_paint() {
            return Ok(());
        }
        if std::mem::take(&mut self.is_cleared) {
            self.terminal.clear()?;
        }
        let size = output::size().unwrap_or(SIZE_UNKNOWN);
        self.terminal.paint(&view(&self.model, clock::now(), size))?;
        self.painted = Instant::now();
        self.is_dirty = false;
        Ok(())
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
