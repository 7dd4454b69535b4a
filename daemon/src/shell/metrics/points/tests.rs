//! Sums of anything finite, tiers, and steps in any order.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn the_largest_values_have_a_mean() {
    let bucket = Bucket::of_all(&[f64::MAX; 1_000]).unwrap().summary();
    let all = [bucket.min, bucket.mean, bucket.max].map(f64::to_bits);
    assert_eq!(all, [f64::MAX.to_bits(); 3]);
    let bucket = Bucket::of_all(&[f64::MAX, f64::MIN]).unwrap().summary();
    assert_eq!(bucket.mean.to_bits(), 0.0f64.to_bits());
    let tiny = f64::MIN_POSITIVE / 4.0;
    assert_eq!(Bucket::of_one(tiny).summary().mean.to_bits(), tiny.to_bits());
    let zero = Bucket::of_one(-0.0).summary();
    assert!(zero.min.is_sign_positive() && zero.mean.is_sign_positive());
}

#[test]
fn tiers_follow_the_step() {
    assert_eq!(tiers_for(0), [Tier::Raw]);
    assert_eq!(tiers_for(90_000), [Tier::Raw]);
    assert_eq!(tiers_for(300_000), [Tier::Minute, Tier::Raw]);
    assert_eq!(tiers_for(7_200_000), [Tier::Hour, Tier::Minute, Tier::Raw]);
    assert_eq!(whole_points(1, 60_000, MINUTE_MS), None);
    assert_eq!(whole_points(1, 180_001, MINUTE_MS), Some((60_000, 180_000)));
    assert_eq!(whole_points(0, 60_000, MINUTE_MS), Some((0, 60_000)));
}

#[test]
fn the_proposed_step_gives_few_enough_points() {
    for range in [1, 5_000_000_000, 10 * 365 * DAY_MS, i64::MAX] {
        let step = step_for(0, range);
        assert!(range / step <= i64::try_from(HISTORY_POINTS_MAX).unwrap(), "{range}: {step}");
    }
    assert_eq!(step_for(0, 30 * DAY_MS), 5_000);
}

proptest! {
    #[test]
    fn any_order_gives_the_same_points(
        mut samples in vec((0i64..100_000, 0.0f64..100.0), 0..200), step in 1i64..10_000
    ) {
        let collect = |samples: &[(i64, f64)]| {
            let mut collector = Collector::new(step);
            for (at, value) in samples {
                collector.sample(*at, *value);
            }
            collector.finish()
        };
        let any = collect(&samples);
        samples.sort_by(|one, other| one.partial_cmp(other).unwrap());
        let sorted = collect(&samples);
        prop_assert_eq!(any.len(), sorted.len());
        for (one, other) in any.iter().zip(&sorted) {
            prop_assert_eq!((one.at, one.min, one.max, one.count), (other.at, other.min, other.max, other.count));
            prop_assert!((one.mean - other.mean).abs() < 1e-9);
        }
    }
}
