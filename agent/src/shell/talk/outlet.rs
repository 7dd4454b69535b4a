//! What goes over the messages stream of a main connection, and who gets what comes back.
//!
//! One queue for each main connection, [`super::super::delivery::outlet::Main::messages`], takes what
//! the talk's thread and the offers want to send. What comes is handed on by kind: deliveries and
//! receipts for messages to the talk's thread, decisions and receipts for offers to the offers'.

use std::sync::Arc;

use systole_common::ids::DaemonName;
use systole_common::net::framed::{FrameError, FrameWriter};
use systole_common::wire::control::Receipt;
use systole_common::wire::file::{Decision, Offer, Withdraw};
use systole_common::wire::talk::{Delivery, Message};
use tokio::sync::mpsc;

use crate::engine::input::ConnectionId;
use crate::shell::delivery::outlet::Receipted;

/// A frame for the messages stream.
#[derive(Debug, Clone)]
pub enum Outgoing {
    /// This host speaks.
    Message(Arc<Message>),
    /// A file on offer.
    Offer(Arc<Offer>),
    /// An offer ends.
    Withdraw(Withdraw),
    /// Deliveries are on this host's disk.
    Receipt(Receipt),
}

impl Outgoing {
    /// Adds it to what waits in `writer`.
    pub(in crate::shell) fn queue(&self, writer: &mut FrameWriter) -> Result<(), FrameError> {
        match self {
            Self::Message(message) => writer.queue(&**message),
            Self::Offer(offer) => writer.queue(&**offer),
            Self::Withdraw(withdraw) => writer.queue(withdraw),
            Self::Receipt(receipt) => writer.queue(receipt),
        }
    }
}

/// A message for this host that came from a daemon.
#[derive(Debug)]
pub struct Arrived {
    /// The daemon, by its certificate.
    pub daemon: DaemonName,
    /// The frame, its text as sent.
    pub delivery: Delivery,
}

/// A daemon's word on an offer.
#[derive(Debug)]
pub struct Decided {
    /// The daemon, by its certificate.
    pub daemon: DaemonName,
    /// On which main connection it came.
    pub connection: ConnectionId,
    /// What it says.
    pub word: Word,
}

/// What a daemon says of offers on a main connection.
#[derive(Debug)]
pub enum Word {
    /// What became of one, from the messages stream.
    Decision(Decision),
    /// Offers that it knows, from the control stream.
    Receipt(Receipt),
}

/// Where a connection hands on what comes for the talk and the offers.
#[derive(Debug, Clone)]
pub struct Routes {
    /// Deliveries, to the talk's thread. A full queue slows the messages stream down.
    pub arrivals: mpsc::Sender<Arrived>,
    /// Receipts for messages, to the talk's thread.
    pub receipts: mpsc::Sender<Receipted>,
    /// Decisions and receipts for offers. A full queue slows the messages stream down.
    pub decisions: mpsc::Sender<Decided>,
}
