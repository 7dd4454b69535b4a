//! Whatever happens in whatever order: all that is kept comes, the rest is declared.

use proptest::prelude::*;

use super::rig::Rig;
use super::*;

#[derive(Debug, Clone)]
enum Step {
    Spool,
    Up,
    Down,
    Receipts(bool),
    LosesLive(bool),
    Refuses(Option<u64>),
    Expire(u64),
    Hole(u64),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => Just(Step::Spool),
        2 => Just(Step::Up),
        1 => Just(Step::Down),
        1 => any::<bool>().prop_map(Step::Receipts),
        1 => any::<bool>().prop_map(Step::LosesLive),
        1 => proptest::option::of(0_u64..40).prop_map(Step::Refuses),
        1 => (0_u64..20).prop_map(Step::Expire),
        1 => (0_u64..300).prop_map(Step::Hole),
        4 => (1_u64..30).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..100)
}

proptest! {
    #[test]
    fn whatever_happens_all_that_is_kept_comes_and_the_rest_is_declared(steps in steps()) {
        let mut rig = Rig::new(1, 200);
        let mut connections = 0;
        for step in steps {
            match step {
                Step::Spool => rig.spool(),
                Step::Up => {
                    connections += 1;
                    rig.up(connections);
                }
                Step::Down => rig.down(),
                Step::Receipts(gives) => rig.receipts = gives,
                Step::LosesLive(loses) => rig.loses_live = loses,
                Step::Refuses(seconds) => rig.refuses = seconds.map(Duration::from_secs),
                Step::Expire(slots) => rig.kept.oldest = (rig.kept.oldest + slots).min(rig.kept.newest + 1),
                Step::Hole(at) => {
                    rig.missing_on_disk.insert(at, at + 3);
                }
                Step::Pass(seconds) => rig.pass(seconds),
            }
        }
        (rig.receipts, rig.loses_live, rig.refuses) = (true, false, None);
        rig.up(connections + 1);
        rig.spool();
        rig.pass(200);
        prop_assert_eq!(rig.cursor().waiting, 0);
        let settled = rig.recorded.union(&rig.declared);
        prop_assert_eq!(settled.ranges(), [(1, rig.kept.newest)]);
    }
}
