//! What a host can be, why, and how sure we are. The daemon's engine decides it.

use crate::coded_enum;

coded_enum!(
    /// The state of a host as the daemon judges it.
    HostState {
        /// Seen for the first time, or again after it was retired.
        New = 1, "new";
        /// Its heartbeats arrive in time.
        Online = 2, "online";
        /// A heartbeat is overdue; nothing is concluded yet.
        Late = 3, "late";
        /// The host lives, its agent does not work.
        Stalled = 4, "stalled";
        /// The path to it is cut.
        Unreachable = 5, "unreachable";
        /// It is not heard and should be.
        Down = 6, "down";
        /// Heard again, not yet steady.
        Recovering = 7, "recovering";
        /// It said goodbye or announced its absence.
        Left = 8, "left";
        /// Two live agents claim to be this host.
        Conflict = 9, "conflict";
    }
);

coded_enum!(
    /// Why a host is in its state.
    Cause {
        /// Nothing is heard; no more is known.
        Silent = 1, "silent";
        /// It announced its end.
        Goodbye = 2, "goodbye";
        /// Its agent ended by a signal or an error.
        Crash = 3, "crash";
        /// Its agent is stuck.
        Hang = 4, "hang";
        /// The host has no time for its agent.
        Overload = 5, "overload";
        /// Its kernel started anew.
        Reboot = 6, "reboot";
        /// It slept.
        Suspend = 7, "suspend";
        /// The network between it and the daemon is cut.
        Path = 8, "path";
        /// Its wall clock jumped.
        Clock = 9, "clock";
        /// The daemon itself was not able to hear.
        Daemon = 10, "daemon";
        /// Another agent has the same identity.
        Conflict = 11, "conflict";
    }
);

coded_enum!(
    /// How sure the cause is.
    Certainty {
        /// Said by the host, its kernel or its guardian.
        Certain = 1, "certain";
        /// Two independent observations agree.
        Likely = 2, "likely";
        /// Silence only.
        Unknown = 3, "unknown";
    }
);
