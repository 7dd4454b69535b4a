//! Why a command ends otherwise than done, as one line for people and a code for scripts.

use std::io;

use systole_common::config::ConfigErrors;
use systole_common::exit::Exit;
use systole_common::filter::FilterError;
use systole_common::model::message::MessageError;
use systole_common::net::certificates::CertificateError;
use systole_common::wire::limits::SAY_HOSTS_MAX;

use crate::model::missing::Missing;
use crate::model::range::RangeError;
use crate::model::subject::UnknownName;
use crate::shell::link::LinkError;
use crate::shell::saving::SaveError;

/// Why a command ends otherwise than done.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The own certificate or the CA cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The filter does not parse.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The filter asks for something that nobody has.
    #[error(transparent)]
    UnknownName(Box<UnknownName>),
    /// The daemon was not reached or said no.
    #[error(transparent)]
    Link(Box<LinkError>),
    /// Options that make no sense together or here.
    #[error("{0}")]
    Usage(&'static str),
    /// The daemon answered about another host than the one asked for.
    #[error("no host is named {host}; `systole hosts` lists those known")]
    NoHost {
        /// The name asked for.
        host: String,
    },
    /// A range of time that cannot be asked for.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A series that is not stored.
    #[error(transparent)]
    Missing(Box<Missing>),
    /// Nothing at all is stored of a host.
    #[error("nothing is stored of {host}; `systole storage` lists the hosts of which something is")]
    NothingStored {
        /// Whose.
        host: String,
    },
    /// A place to write to, or a text, that is not taken.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The filter of a message finds nobody.
    #[error("no host matches {filter} ({known} known); nothing was sent")]
    NobodyThere {
        /// The filter.
        filter: String,
        /// How many hosts there are.
        known: usize,
    },
    /// The filter of a message finds more than one message can name.
    #[error(
        "{filter} finds {found} hosts, one message can be for {SAY_HOSTS_MAX}; nothing was sent: \
         narrow it, or write to #all"
    )]
    TooManyHosts {
        /// The filter.
        filter: String,
        /// How many.
        found: usize,
    },
    /// A message was written to the daemon, and no answer came.
    #[error(
        "it is not known whether the message was sent ({0}); `systole chat` shows it if it was"
    )]
    Unconfirmed(Box<LinkError>),
    /// Not every host has a message, and that was waited for.
    #[error("{0}")]
    Undelivered(String),
    /// A fetched file could not be kept.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// Standard output or the terminal failed.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// The task behind the feed is gone, which only a fault of ours can do.
    #[error("the feed stopped without a reason; report this")]
    FeedStopped,
    /// At least one daemon did not pass the check.
    #[error("{failed} of {all} daemons did not pass; see above")]
    Check {
        /// How many failed.
        failed: usize,
        /// Of how many.
        all: usize,
        /// How the command ends.
        exit: Exit,
    },
}

impl From<LinkError> for ConsoleError {
    fn from(error: LinkError) -> Self {
        Self::Link(error.into())
    }
}

impl From<UnknownName> for ConsoleError {
    fn from(error: UnknownName) -> Self {
        Self::UnknownName(error.into())
    }
}

impl From<Missing> for ConsoleError {
    fn from(error: Missing) -> Self {
        Self::Missing(error.into())
    }
}

impl ConsoleError {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(errors) => errors.exit(),
            Self::Certificate(_)
            | Self::Filter(_)
            | Self::UnknownName(_)
            | Self::Range(_)
            | Self::Message(_)
            | Self::Usage(_) => Exit::Usage,
            Self::Link(error) | Self::Unconfirmed(error) => error.exit(),
            // The reader has what it wanted: `systole hosts | head -1`.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::NoHost { .. }
            | Self::Missing(_)
            | Self::NothingStored { .. }
            | Self::NobodyThere { .. }
            | Self::TooManyHosts { .. }
            | Self::Undelivered(_)
            | Self::Save(_)
            | Self::Output(_) => Exit::Failed,
            Self::FeedStopped => Exit::Bug,
            Self::Check { exit, .. } => *exit,
        }
    }

    /// The lines for standard error; none for an end that nobody needs to hear of.
    pub fn lines(&self) -> Vec<String> {
        if self.exit() == Exit::Done {
            return Vec::new();
        }
        let Self::Config(errors) = self else {
            return vec![self.to_string()];
        };
        let mut lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let untold = errors.len() - lines.len();
        if untold > 0 {
            lines.push(format!("{untold} more errors in the configuration"));
        }
        lines
    }
}
