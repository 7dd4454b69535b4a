//! Every pair of sender and kind, against the table of the contract. Default deny.

use systole_common::ids::Role;
use systole_common::role_table::{Sender, least_role, may_send};
use systole_common::wire::kind::Kind;

const ANYBODY: [&str; 2] = ["hello", "stream-open"];
const AGENT: [&str; 12] = [
    "heartbeat",
    "declare",
    "live",
    "stored",
    "dropped",
    "processes",
    "message",
    "offer",
    "withdraw",
    "chunk",
    "receipt",
    "probe-answer",
];
const VIEWER: [&str; 11] = [
    "subscribe",
    "hosts",
    "connections",
    "alerts",
    "audit",
    "series",
    "history",
    "storage",
    "looking-at",
    "messages",
    "files",
];
const OPERATOR: [&str; 10] = [
    "ack",
    "unack",
    "resolve",
    "say",
    "silence",
    "accept",
    "reject",
    "fetch",
    "roll-call",
    "drill",
];
const ADMIN: [&str; 3] = ["retire", "config-set", "storage-clean-up"];

fn expected(sender: Sender, kind: &str) -> bool {
    if ANYBODY.contains(&kind) {
        return true;
    }
    match sender {
        Sender::Agent => AGENT.contains(&kind),
        Sender::Operator(Role::Viewer) => VIEWER.contains(&kind),
        Sender::Operator(Role::Operator) => VIEWER.contains(&kind) || OPERATOR.contains(&kind),
        Sender::Operator(Role::Admin) => {
            VIEWER.contains(&kind) || OPERATOR.contains(&kind) || ADMIN.contains(&kind)
        }
    }
}

#[test]
fn every_pair_is_as_the_contract_says() {
    for sender in Sender::ALL {
        for kind in Kind::ALL {
            let name = kind.as_str();
            assert_eq!(may_send(sender, *kind), expected(sender, name), "{sender:?} {name}");
        }
    }
}

#[test]
fn a_refusal_can_name_the_role_that_is_needed() {
    assert_eq!(least_role(Kind::Ack), Some(Role::Operator));
    assert_eq!(least_role(Kind::Retire), Some(Role::Admin));
    assert_eq!(least_role(Kind::Heartbeat), None);
}
