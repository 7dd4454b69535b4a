//! The console on a terminal: one loop that takes whatever happens next, one thing after the other, and
//! paints when that is due. What things mean is decided in `update` and `view`.

use std::sync::Arc;
use std::time::Duration;

use systole_common::filter::Filter;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::asker::Asker;
use super::dial::Dialer;
use super::link::Link;
use super::screen::{Abilities, Screen};
use super::session::{self, SessionEvent};
use super::signals::{self, Ending, Job, JobControl};
use super::tty::{Input, Tty, reader};
use super::wishes::{self, Reins};
use super::{clock, terminal};
use crate::cmd::Cmd;
use crate::error::ConsoleError;
use crate::limits::{DEADLINE_STEP_MIN, PAINT_INTERVAL_MAX, PAINT_INTERVAL_MIN};
use crate::model::freshness::Peer;
use crate::model::{Dirty, Manners, Model};
use crate::msg::{FeedEvent, Msg};
use crate::update::files::painted;
use crate::update::{next_deadline, update};
use crate::view::symbols::Symbols;
use crate::view::theme::{Looks, Theme};
use crate::view::view;

/// How the console begins.
#[derive(Debug)]
pub struct Opening {
    /// What the terminal can show.
    pub abilities: Abilities,
    /// How things look.
    pub theme: Theme,
    /// Looks that every theme takes over.
    pub looks: Looks,
    /// How the screen behaves.
    pub manners: Manners,
    /// Which hosts are shown, and the text that said so; `None` for all.
    pub filter: Option<(String, Filter)>,
}

/// Shows the console until somebody leaves it, and says goodbye to the daemon.
pub async fn run(dialer: Dialer, opening: Opening) -> Result<(), ConsoleError> {
    let mut signs = Signs::listen().map_err(ConsoleError::Output)?;
    terminal::restore_on_panic();
    let tty = Arc::new(Tty::open().map_err(ConsoleError::Output)?);
    let screen = Screen::take(tty.clone(), opening.abilities).map_err(ConsoleError::Output)?;
    let (mut live, mut events) = Live::begin(screen, dialer, opening)?;
    let mut inputs = reader::listen(tty);
    let end = live.follow(&mut signs, &mut inputs, &mut events).await;
    // The terminal is given back first.
    live.screen.leave().await;
    // The session would dial anew.
    drop(events);
    if let Some(link) = live.link.take() {
        link.farewell().await;
    }
    end
}

/// What the system tells.
struct Signs {
    ending: Ending,
    jobs: JobControl,
    resized: tokio::signal::unix::Signal,
}

impl Signs {
    fn listen() -> std::io::Result<Self> {
        let (ending, jobs) = (Ending::listen()?, JobControl::listen()?);
        Ok(Self { ending, jobs, resized: signals::resized()? })
    }
}

struct Live {
    screen: Screen,
    model: Model,
    theme: Theme,
    looks: Looks,
    abilities: Abilities,
    reins: Reins,
    asker: Asker,
    /// The link, once there was one.
    link: Option<Arc<Link>>,
    /// Whether it is believed to stand.
    is_linked: bool,
    painted: Instant,
    /// When the model was last told that its deadline came.
    told: Instant,
    is_stopping: bool,
    is_left: bool,
}

impl Live {
    /// Paints before it dials.
    fn begin(
        screen: Screen,
        dialer: Dialer,
        opening: Opening,
    ) -> Result<(Self, mpsc::Receiver<SessionEvent>), ConsoleError> {
        let now = Instant::now();
        let model = Model::new(clock::now(), screen.size(), opening.manners, opening.filter);
        let mut screen = screen;
        screen
            .paint(model.screen.size, |frame| view(&model, clock::now(), &opening.theme, frame))
            .map_err(ConsoleError::Output)?;
        let (reins, events) = session::start(dialer, wishes::nothing());
        let live = Self {
            screen,
            model,
            theme: opening.theme,
            looks: opening.looks,
            abilities: opening.abilities,
            reins,
            asker: Asker::default(),
            link: None,
            is_linked: false,
            painted: now,
            told: now,
            is_stopping: false,
            is_left: false,
        };
        Ok((live, events))
    }

    /// Until somebody leaves, or the terminal is gone.
    async fn follow(
        &mut self,
        signs: &mut Signs,
        inputs: &mut mpsc::Receiver<Input>,
        events: &mut mpsc::Receiver<SessionEvent>,
    ) -> Result<(), ConsoleError> {
        while !self.is_left {
            if std::mem::take(&mut self.is_stopping) {
                self.stop().await?;
            }
            self.paint_if_due()?;
            let (paint, deadline) = (self.next_paint(), self.next_deadline());
            tokio::select! {
                () = signs.ending.wait() => break,
                job = signs.jobs.wait() => self.job(job).await?,
                _ = signs.resized.recv() => self.take(Msg::Resize(self.screen.size()))?,
                input = inputs.recv() => match input {
                    Some(input) => self.input(input)?,
                    None => break,
                },
                event = events.recv() => match event {
                    Some(event) => self.session(event)?,
                    None => return Err(ConsoleError::FeedStopped),
                },
                answer = self.asker.answered() => self.take(answer?)?,
                written = self.screen.written() => if written.is_err() {
                    break;
                },
                () = until(paint) => {}
                () = until(deadline) => {
                    self.told = Instant::now();
                    self.take(Msg::Deadline)?;
                }
            }
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<(), ConsoleError> {
        self.take(match input {
            Input::Key(key) => Msg::Key(key),
            Input::Paste { text, cut_bytes } => Msg::Paste { text, cut_bytes },
        })
    }

    fn session(&mut self, event: SessionEvent) -> Result<(), ConsoleError> {
        match event {
            SessionEvent::Dialling(attempt) => self.take(Msg::Dialling { attempt }),
            SessionEvent::Linked(link) => {
                let welcome = link.welcome.clone();
                (self.link, self.is_linked) = (Some(link), true);
                self.take(Msg::Linked(Peer {
                    daemon: welcome.daemon,
                    address: welcome.address,
                    role: welcome.role,
                }))
            }
            SessionEvent::Feed(event) => {
                if let (FeedEvent::Tick(_), Some(link)) = (&event, &self.link) {
                    self.take(Msg::RoundTrip(micros(link.rtt())))?;
                }
                self.take(Msg::Feed(event))
            }
            SessionEvent::Unlinked(why) => {
                self.is_linked = false;
                self.take(Msg::Unlinked { why, refused: None })
            }
            // A daemon may come up, or a certificate be renewed: it is tried again, ever more rarely.
            SessionEvent::Failed(error) => {
                self.take(Msg::Unlinked { why: error.to_string(), refused: error.refused() })
            }
        }
    }

    fn take(&mut self, msg: Msg) -> Result<(), ConsoleError> {
        for cmd in update(&mut self.model, clock::now(), msg) {
            self.perform(cmd)?;
        }
        Ok(())
    }

    fn perform(&mut self, cmd: Cmd) -> Result<(), ConsoleError> {
        match cmd {
            Cmd::Ask { request, question } => {
                let link = self.link.as_ref().filter(|_| self.is_linked);
                self.asker.ask(link, request, question);
            }
            Cmd::Interest(hosts) => self.reins.detail(hosts),
            Cmd::LookingAt(what) => self.reins.look_at(what),
            Cmd::Reconnect => {
                self.is_linked = false;
                // It says goodbye when the session has let it go as well.
                self.link = None;
                self.reins.redial();
            }
            Cmd::Bell => self.screen.bell(),
            Cmd::Theme(name) => {
                self.theme = Theme::named(name, self.theme.symbols, &self.looks);
                self.model.dirty = Dirty::Now;
            }
            Cmd::Symbols(name) => {
                self.theme.symbols = Symbols::named(name, self.abilities.unicode);
                self.model.dirty = Dirty::Now;
            }
            Cmd::Repaint => self.repaint()?,
            Cmd::Suspend => self.is_stopping = true,
            Cmd::Leave => self.is_left = true,
        }
        Ok(())
    }

    async fn job(&mut self, job: Job) -> Result<(), ConsoleError> {
        match job {
            Job::Stop => self.stop().await,
            Job::GoOn => {
                // A terminal that hangs up continues whoever it stopped: then it is gone.
                if self.screen.return_to().await.is_err() {
                    self.is_left = true;
                    return Ok(());
                }
                self.model.dirty = Dirty::Now;
                // Signals of a new size may have come to nobody.
                self.take(Msg::Resize(self.screen.size()))?;
                self.take(Msg::Resumed)
            }
        }
    }

    async fn stop(&mut self) -> Result<(), ConsoleError> {
        if !self.screen.stop().await.map_err(ConsoleError::Output)? {
            self.repaint()?;
        }
        Ok(())
    }

    fn repaint(&mut self) -> Result<(), ConsoleError> {
        self.model.dirty = Dirty::Now;
        self.screen.clear().map_err(ConsoleError::Output)
    }

    /// When to paint: soon after a change, later after one of values alone. A terminal that has not taken
    /// the frame before says itself when it has.
    fn next_paint(&self) -> Option<Instant> {
        let wait = match self.model.dirty {
            Dirty::No => return None,
            Dirty::Data => PAINT_INTERVAL_MAX,
            Dirty::Now => PAINT_INTERVAL_MIN,
        };
        self.painted.checked_add(wait).filter(|_| self.screen.is_free())
    }

    fn paint_if_due(&mut self) -> Result<(), ConsoleError> {
        if self.next_paint().is_none_or(|due| Instant::now() < due) {
            return Ok(());
        }
        let (model, theme) = (&self.model, &self.theme);
        let draw = |frame: &mut ratatui::Frame<'_>| view(model, clock::now(), theme, frame);
        self.screen.paint(model.screen.size, draw).map_err(ConsoleError::Output)?;
        self.painted = Instant::now();
        self.model.dirty = Dirty::No;
        painted(&mut self.model, clock::now());
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let now = clock::now();
        let due = next_deadline(&self.model, now)?;
        let earliest = self.told.checked_add(DEADLINE_STEP_MIN)?;
        Some(Instant::now().checked_add(due.since(now.mono))?.max(earliest))
    }
}

/// Returns then; never without a then.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => std::future::pending().await,
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
