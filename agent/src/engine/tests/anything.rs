//! Whatever happens in whatever order: the engine keeps its promises and never spins.

use proptest::prelude::*;
use systole_common::wire::control::{Intervals, Policy};
use systole_common::wire::hello::{CloseCode, RefusalCode};

use super::rig::{Rig, address, closed, seconds};
use crate::engine::effect::Effect;
use crate::engine::input::{ConnectionId, Input, Loss, RequestId};

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Freeze(u64),
    Accept(u64, u32),
    Refuse(u64),
    Fail(u64, bool),
    Echo(u64, u64),
    Reset(u64),
    Close(u64, usize),
    Ask(u64, u32),
    Certificate(bool),
    Configure(bool),
    Leave(u64),
    Return,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let connection = || 0_u64..12;
    let step = prop_oneof![
        4 => (0_u64..20_000).prop_map(Step::Wait),
        1 => (0_u64..200_000).prop_map(Step::Freeze),
        4 => (connection(), any::<u32>()).prop_map(|(id, ms)| Step::Accept(id, ms)),
        1 => connection().prop_map(Step::Refuse),
        2 => (connection(), any::<bool>()).prop_map(|(id, refused)| Step::Fail(id, refused)),
        6 => (connection(), 0_u64..50).prop_map(|(id, back)| Step::Echo(id, back)),
        2 => connection().prop_map(Step::Reset),
        2 => (connection(), 0_usize..9).prop_map(|(id, code)| Step::Close(id, code)),
        1 => (connection(), any::<u32>()).prop_map(|(id, ms)| Step::Ask(id, ms)),
        1 => any::<bool>().prop_map(Step::Certificate),
        1 => any::<bool>().prop_map(Step::Configure),
        1 => (0_u64..1_000).prop_map(Step::Leave),
        1 => Just(Step::Return),
    ];
    proptest::collection::vec(step, 1..80)
}

/// One of the newest attempts: the smaller the number, the newer.
fn recent(rig: &Rig, back: u64) -> ConnectionId {
    let newest = rig.dials().last().map_or(1, |(_, connection)| connection.0);
    ConnectionId(newest.saturating_sub(back).max(1))
}

fn carry_out(rig: &mut Rig, step: &Step) {
    let intervals = |ms| Intervals { heartbeat_ms: ms, live_ms: ms, stored_ms: ms };
    match *step {
        Step::Wait(ms) => rig.advance(ms),
        Step::Freeze(ms) => rig.freeze(ms),
        Step::Accept(id, ms) => rig.accept_with(recent(rig, id), intervals(ms)),
        Step::Refuse(id) => rig.refuse(recent(rig, id), RefusalCode::Conflict, 0),
        Step::Fail(id, refused) => {
            let (connection, why) = (recent(rig, id), "no".to_owned());
            rig.input(Input::Failed { connection, why, refused });
        }
        Step::Echo(id, back) => {
            let sequence = rig.engine.heartbeats_sent().saturating_sub(back);
            rig.echo_of(recent(rig, id), sequence);
        }
        Step::Reset(id) => rig.lose(recent(rig, id), Loss::Reset),
        Step::Close(id, code) => {
            use systole_common::model::coded::Coded;
            rig.lose(recent(rig, id), closed(CloseCode::ALL[code % CloseCode::ALL.len()]));
        }
        Step::Ask(id, ms) => {
            let connection = recent(rig, id);
            let policy = Policy { intervals: intervals(ms), ..Policy::default() };
            rig.input(Input::Policy { connection, policy });
        }
        Step::Certificate(true) => rig.input(Input::CertificateReady),
        Step::Certificate(false) => rig.input(Input::CertificateUnusable { why: "no".to_owned() }),
        Step::Configure(both) => {
            let names = if both { &["mon-1", "mon-2"][..] } else { &["mon-2"] };
            rig.input(Input::Daemons(names.iter().map(|name| address(name)).collect()));
        }
        Step::Leave(s) => {
            let (request, lease) = (RequestId(1), seconds(s));
            rig.input(Input::Leave { request, lease, why: String::new() });
        }
        Step::Return => rig.input(Input::Return { request: RequestId(2) }),
    }
}

proptest! {
    #[test]
    fn heartbeats_count_on_and_no_deadline_is_left_behind(steps in steps()) {
        let mut rig = Rig::with(&["mon-1", "mon-2"]);
        for step in &steps {
            carry_out(&mut rig, step);
            rig.input(Input::Tick);
            let next = rig.engine.next_deadline().expect("it beats for ever");
            prop_assert!(next.0 > rig.now_ms * 1_000_000, "{step:?} leaves a deadline behind");
        }
        for (expected, (_, beat)) in (1..).zip(rig.beats()) {
            prop_assert_eq!(beat.sequence, expected);
            prop_assert!((1..=60_000).contains(&beat.next_in_ms), "{}", beat.next_in_ms);
            let mut targets: Vec<_> = beat.targets.iter().map(|one| one.connection).collect();
            prop_assert!(targets.len() <= 4, "two connections for each daemon");
            targets.dedup();
            prop_assert_eq!(targets.len(), beat.targets.len());
        }
    }

    #[test]
    fn a_stop_ends_within_a_second_whatever_came_before(steps in steps()) {
        let mut rig = Rig::with(&["mon-1"]);
        for step in &steps {
            carry_out(&mut rig, step);
        }
        let begun = rig.now_ms;
        rig.input(Input::Stop { why: "service stop".to_owned() });
        rig.advance(2_000);
        let end = rig.effects.iter().find(|(_, effect)| *effect == Effect::Stopped);
        prop_assert!(end.expect("it stops").0 <= begun + 1_000);
        prop_assert_eq!(rig.engine.next_deadline(), None);
        let dialled: std::collections::BTreeSet<_> =
            rig.dials().into_iter().map(|(_, connection)| connection).collect();
        prop_assert_eq!(dialled.len(), rig.dials().len(), "no number is used twice");
    }
}
