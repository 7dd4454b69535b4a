//! What a person's keys, pastes and commands do: key strings in, commands and the model out.

mod alerts;
mod commands;
mod files;
mod host;
mod moving;
mod prompts;
mod sending;
mod stream;
mod table;
mod talk;

use systole_common::model::host::HostState;

use super::rig::Rig;
use crate::cmd::{Cmd, Question};
use crate::keys::script;
use crate::model::freshness::Peer;
use crate::model::requests::RequestId;
use crate::msg::{Answer, Msg};
use crate::testing::alert;

/// Three hosts, of which `db-1` is down and has alert 1; alert 2 is of `web-1`.
fn rig() -> Rig {
    let mut rig = Rig::live(&["db-1", "web-1", "web-2"]);
    rig.state("db-1", HostState::Down);
    rig.alert(alert(1, "db-1"));
    rig.alert(alert(2, "web-1"));
    rig.run(1_000, true);
    rig
}

/// The same, seen by somebody of this role.
fn rig_as(role: &str) -> Rig {
    let mut rig = rig();
    let peer = rig.model.freshness.peer.clone().unwrap();
    rig.model.freshness.peer = Some(Peer { role: role.to_owned(), ..peer });
    rig
}

impl Rig {
    /// Presses keys. Returns what was asked of the shell, without what follows the screen.
    fn keys(&mut self, script: &str) -> Vec<Cmd> {
        let mut cmds = Vec::new();
        for press in script::keys(script) {
            cmds.extend(self.send(Msg::Key(press)));
        }
        cmds.retain(|cmd| !matches!(cmd, Cmd::Interest(_) | Cmd::LookingAt(_)));
        cmds
    }

    fn reply(&mut self, request: RequestId, answer: Result<Answer, &str>) {
        self.send(Msg::Reply { request, answer: answer.map_err(|why| why.to_owned().into()) });
    }

    /// The last word.
    fn notice(&self) -> &str {
        self.model.requests.notice.as_ref().map_or("", |notice| &notice.text)
    }

    /// What stands in the open line.
    fn line(&self) -> &str {
        self.model.prompt.as_ref().map_or("", |prompt| prompt.input.value())
    }

    /// What is wrong with it.
    fn error(&self) -> &str {
        let error = self.model.prompt.as_ref().and_then(|prompt| prompt.error.as_ref());
        error.map_or("", |error| &error.text)
    }
}

/// The one question that was asked.
fn asked(cmds: &[Cmd]) -> (RequestId, &Question) {
    match cmds {
        [Cmd::Ask { request, question }] => (*request, question),
        other => panic!("{other:?}"),
    }
}
