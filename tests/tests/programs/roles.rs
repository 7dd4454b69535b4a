//! Row I12: every sender with every kind of frame, over the real path. What the table denies, the
//! shipped daemon refuses, and nothing else.

use anyhow::{Context, Result, ensure};
use systole_common::ids::{Identity, Role};
use systole_common::role_table::{Sender, may_send};
use systole_common::wire::VERSION_MAX;
use systole_common::wire::codec::decode;
use systole_common::wire::console::Refused;
use systole_common::wire::header::Header;
use systole_common::wire::hello::{CloseCode, RefusalCode, StreamName};
use systole_common::wire::kind::Kind;
use systole_tests::rogue::{Rogue, open_frame};
use systole_tests::scene::Scene;

/// A frame of `kind` without a body: enough to be allowed or not.
fn bare(kind: Kind) -> [u8; 8] {
    Header { kind: kind.number(), version: VERSION_MAX, flags: 0, length: 0 }.to_bytes()
}

#[test]
fn an_agent_is_denied_what_the_table_denies() -> Result<()> {
    let mut scene = Scene::set(2)?;
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    scene.until_online(&["demo-1".to_owned()])?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    for kind in Kind::ALL {
        let name = kind.as_str();
        let contact = rogue.connect().with_context(|| format!("before {name}"))?;
        let open = open_frame(VERSION_MAX, StreamName::Heartbeat)?;
        let _stream = contact.uni(&[open.as_slice(), &bare(*kind)].concat())?;
        // What may be sent does not belong on this stream, or is cut short: another reason.
        let (code, why) = contact.closed().with_context(|| format!("after {name}"))?;
        ensure!(code == CloseCode::Protocol, "{name}: {code}: {why}");
        let is_denied = why.contains("an agent may not send");
        ensure!(is_denied != may_send(Sender::Agent, *kind), "{name}: {why}");
    }
    scene.is_unharmed(&["demo-1"])
}

#[test]
fn operators_are_denied_what_the_table_denies_to_their_role() -> Result<()> {
    let mut scene = Scene::set(1)?;
    scene.issue(Identity::Operator(Role::Operator, "oncall".parse()?), 30)?;
    scene.start_all()?;
    for (role, name) in
        [(Role::Viewer, "viewer"), (Role::Operator, "oncall"), (Role::Admin, "demo")]
    {
        let rogue = Rogue::operator(&scene.stage, role, name)?;
        let mut denied = 0;
        for kind in Kind::ALL {
            let contact = rogue.connect()?;
            let reply = contact.ask(&bare(*kind))?;
            let refused = reply.iter().find(|(kind, _)| *kind == Kind::Refused);
            let refused = refused.map(|(_, body)| decode::<Refused>(body)).transpose()?;
            let code = refused.and_then(|refused| refused.refusal.code.known());
            let is_denied = code == Some(RefusalCode::Role);
            let may = may_send(Sender::Operator(role), *kind);
            ensure!(is_denied != may, "{role} {}: {reply:?}", kind.as_str());
            denied += usize::from(is_denied);
        }
        let who = format!("who=\"{role} {name}\"");
        let lines = scene.daemon_journal().with(&["request refused by role", &who])?;
        ensure!(lines.len() == denied, "{} lines for {denied} denials of {role}", lines.len());
        println!("{role}: {denied} of {} kinds are denied", Kind::ALL.len());
    }
    scene.is_unharmed(&["demo-1"])
}
