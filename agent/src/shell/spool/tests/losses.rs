//! What is lost and how it is counted: trimmed, unreadable, of an older copy, of a daemon that was away.

use super::*;

const YEAR_MS: i64 = 31_536_000_000;

/// Few enough files that 4,000 slots do not fit.
const SMALL: SpoolBounds = SpoolBounds { bytes: 1 << 20, age: DAY };

#[test]
fn a_clock_that_is_set_makes_nothing_older() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = SpoolBounds { age: Duration::from_hours(2), ..BOUNDS };
    let mut spool = open_with(&folder, bounds);
    spool.follow(&[daemon("mon-1")]);
    fill(&mut spool, 1_000);
    for wrong in [YEAR_MS, -YEAR_MS, 0] {
        for _ in 0..100 {
            let slot_ms = T0 + wrong + 5_000 * i64::try_from(spool.newest()).unwrap();
            spool.append(slot_ms, 5_000, &samples(0, 40)).unwrap();
        }
        assert_eq!((spool.oldest(), spool.dropped(&daemon("mon-1"))), (1, 0), "{wrong}");
    }
    drop(spool);
    let mut spool = open_with(&folder, bounds);
    fill(&mut spool, 1_000);
    let oldest = spool.oldest();
    assert!((100..=860).contains(&oldest), "two hours are 1,440 slots of 2,300: {oldest}");
}

#[test]
fn what_was_dropped_stays_counted_after_it_was_confirmed_and_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let one = daemon("mon-1");
    let mut spool = open_with(&folder, SMALL);
    spool.follow(std::slice::from_ref(&one));
    fill(&mut spool, 500);
    spool.receipt(&one, &[(1, 100)]);
    fill(&mut spool, 4_000);
    let lost = spool.oldest() - 1 - 100;
    assert!(lost > 1_000);
    assert_eq!(spool.dropped(&one), lost);
    drop(spool);
    let mut spool = open_with(&folder, SMALL);
    spool.follow(std::slice::from_ref(&one));
    assert_eq!(spool.dropped(&one), lost, "what the daemon had was written down in time");
    let oldest = spool.oldest();
    spool.receipt(&one, &[(1, oldest - 1)]);
    assert_eq!(spool.dropped(&one), lost, "the daemon knows of it, and it is lost all the same");
    spool.save();
    drop(spool);
    let mut spool = open_with(&folder, SMALL);
    spool.follow(std::slice::from_ref(&one));
    assert_eq!((spool.dropped(&one), spool.status().dropped), (lost, lost));
}

#[test]
fn a_daemon_that_comes_back_lacks_what_went_while_it_was_away() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (daemon("mon-1"), daemon("mon-2"));
    let mut spool = open_with(&folder, SMALL);
    spool.follow(&[one.clone(), other.clone()]);
    fill(&mut spool, 500);
    spool.receipt(&other, &[(1, 300)]);
    spool.follow(std::slice::from_ref(&one));
    assert!(spool.received(&other).is_empty(), "it holds nothing back");
    fill(&mut spool, 4_000);
    spool.save();
    drop(spool);
    let mut spool = open_with(&folder, SMALL);
    spool.follow(&[]);
    spool.follow(&[other.clone(), daemon("new")]);
    assert_eq!(spool.received(&other).ranges(), [(1, 300)], "the rest is declared");
    assert_eq!(spool.dropped(&other), spool.oldest() - 1 - 300);
    assert_eq!(spool.received(&daemon("new")).ranges(), [(1, spool.oldest() - 1)]);
    for number in 0..20 {
        spool.follow(&[daemon(&format!("passing-{number}"))]);
    }
    spool.save();
    let text = fs::read_to_string(folder.path().join("cursors")).unwrap();
    assert_eq!(text.lines().count(), 1 + 1 + 1 + 8 + 1, "{text}");
}

#[test]
fn after_damage_to_the_cursors_each_loss_is_declared_and_none_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let one = daemon("mon-1");
    let mut spool = open_with(&folder, SMALL);
    spool.follow(std::slice::from_ref(&one));
    fill(&mut spool, 4_000);
    spool.save();
    drop(spool);
    fs::write(folder.path().join("cursors"), "damaged").unwrap();
    let (mut spool, losses) = Spool::open(folder.path(), SMALL, None).unwrap();
    assert_eq!(losses.len(), 1);
    spool.follow(std::slice::from_ref(&one));
    assert!(spool.oldest() > 1 && spool.received(&one).is_empty());
    assert_eq!(spool.dropped(&one), 0, "nobody knows");
}

#[test]
fn a_file_that_cannot_be_read_any_more_is_set_aside_and_its_slots_are_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (daemon("mon-1"), daemon("mon-2"));
    let mut spool = open(&folder);
    spool.follow(&[one.clone(), other.clone()]);
    fill(&mut spool, 1_700);
    spool.receipt(&one, &[(1, 100), (1_690, 1_700)]);
    let mut bytes = fs::read(segment(&folder, 2)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(segment(&folder, 2), bytes).unwrap();
    let error = spool.read(800, 5_000, 1 << 30).unwrap_err();
    assert!(matches!(error, SpoolError::Unreadable(_)), "{error}");
    let held = spool.held();
    assert_eq!(held.ranges(), [(1, 1_700)]);
    spool.save();
    drop(spool);

    let (mut spool, losses) = Spool::open(folder.path(), BOUNDS, None).unwrap();
    assert!(losses.len() == 1 && losses[0].contains("2.log: is damaged at byte"), "{losses:?}");
    assert!(losses[0].contains("0000000002.damaged-1"), "{losses:?}");
    spool.lose(&held);
    let lost = 1_700 - u64::try_from(kept(&mut spool).len()).unwrap();
    assert!((100..1_000).contains(&lost), "{lost}");
    assert_eq!((spool.dropped(&one), spool.dropped(&other)), (lost, lost));
    spool.lose(&held);
    spool.receipt(&other, &[(1, 1_700)]);
    assert_eq!(spool.dropped(&other), lost);
    fill(&mut spool, 1);
}

#[test]
fn sequences_of_another_copy_are_left_out_also_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    fill(&mut spool, 10);
    spool.skip_to(600).unwrap();
    spool.skip_to(300).unwrap();
    assert_eq!((spool.newest(), spool.oldest()), (600, 1));
    drop(spool);
    let mut spool = open(&folder);
    assert!(spool.newest() >= 600, "{}", spool.newest());
    fill(&mut spool, 2);
    let newest = spool.newest();
    drop(spool);
    assert_eq!(open(&folder).newest(), newest, "and then it goes on as ever");
}

#[test]
fn the_interval_that_the_daemons_want_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(&folder);
    assert_eq!(spool.interval(), Duration::from_secs(5));
    spool.set_interval(Duration::from_secs(1));
    drop(spool);
    assert_eq!(open(&folder).interval(), Duration::from_secs(1));
}
