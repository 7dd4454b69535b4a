//! Values that stand still.

use systole_common::model::host::HostState;

use crate::model::Dirty;
use crate::model::freshness::Trust;
use crate::msg::Msg;
use crate::testing::{alert, at, record};
use crate::update::rig::{Rig, columns};
use crate::update::{freeze, next_deadline};

impl Rig {
    fn freeze(&mut self) {
        freeze::toggle(&mut self.model, at(self.ms));
        self.send(Msg::Deadline);
        self.painted();
    }

    fn shown_cpu(&self, name: &str) -> Option<f32> {
        self.model.shown_fleet().get(name).unwrap().summary.cpu_percent
    }
}

#[test]
fn nothing_is_painted_while_only_values_change() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.run(1_000, true);
    rig.freeze();
    let shown = rig.shown_cpu("a");
    for _ in 0..100 {
        rig.cpu(&[("a", 99.0), ("b", 1.0)]);
        rig.detail(record("a"));
        rig.send(Msg::RoundTrip(900));
        rig.run(1_000, true);
        assert_eq!(rig.painted(), Dirty::No, "at {}", rig.ms);
    }
    assert_eq!(rig.shown_cpu("a"), shown);
    assert_eq!(rig.model.frozen.as_ref().unwrap().events, 0);
    assert_eq!(rig.model.shown_now(at(rig.ms)), at(1_000));
    let due = next_deadline(&rig.model, at(rig.ms)).unwrap();
    assert_eq!(due, at(rig.ms + 2_000).mono, "only the link's silence would be told");
    rig.cpu(&[("a", 99.0)]);
    freeze::toggle(&mut rig.model, at(rig.ms));
    assert_eq!(rig.shown_cpu("a"), Some(99.0));
}

#[test]
fn states_alerts_and_the_link_go_on() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.freeze();
    rig.cpu(&[("b", 99.0)]);
    rig.state("b", HostState::Down);
    assert_eq!(rig.painted(), Dirty::Now);
    rig.run(200, true);
    assert_eq!(rig.order(), ["b", "a"]);
    assert_eq!(rig.model.shown_fleet().get("b").unwrap().summary.state, HostState::Down.into());
    assert_eq!(rig.shown_cpu("b"), columns("b").cpu_percent, "its values stand still");
    rig.painted();
    rig.alert(alert(1, "b"));
    assert_eq!(rig.painted(), Dirty::Now);
    assert_eq!(rig.model.frozen.as_ref().unwrap().events, 2);
    rig.run(2_000, false);
    assert_eq!((rig.painted(), rig.model.attention.trust), (Dirty::Now, Trust::Lagging));
    rig.run(1_000, false);
    assert_eq!(rig.painted(), Dirty::Data, "how long nothing is heard never stands still");
}

#[test]
fn hosts_come_and_go_while_values_stand_still() {
    let mut rig = Rig::live(&["a", "b"]);
    rig.freeze();
    rig.summaries(vec![columns("c")]);
    rig.retire("a");
    rig.run(200, true);
    assert_eq!(rig.order(), ["b", "c"]);
    rig.picture(&["c", "d"], &[]);
    rig.run(200, true);
    assert_eq!(rig.order(), ["c", "d"]);
    let shown: Vec<_> = rig.model.shown_fleet().rows().map(|row| &row.summary.host).collect();
    assert_eq!(shown, ["c", "d"]);
}
