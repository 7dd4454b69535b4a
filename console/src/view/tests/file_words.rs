//! What the lines say of files: which offer waits, what a key does to it, what became of the others.

use systole_common::model::file::FileState;
use systole_common::time::Now;
use systole_common::wire::file::FileRecord;

use super::models::{empty, live, now};
use super::{lines, painted};
use crate::model::Model;
use crate::model::prompt::{Prompt, PromptKind};
use crate::model::requests::Notice;
use crate::model::screen::{Popup, View};
use crate::testing::{WALL, at, offer, receiving};
use crate::tone::Tone;
use crate::view::theme::{Symbols, Theme};

fn shown_at(model: &Model, now: Now, size: (u16, u16)) -> Vec<String> {
    lines(&painted(model, now, &Theme::plain(Symbols::Ascii), size))
}

fn shown(model: &Model, size: (u16, u16)) -> Vec<String> {
    shown_at(model, now(), size)
}

fn viewer(mut model: Model) -> Model {
    if let Some(peer) = &mut model.freshness.peer {
        peer.role = "viewer".to_owned();
    }
    model
}

/// The files view of three offers and one that was rejected.
fn offers() -> Model {
    let mut model = empty();
    for id in [5, 6, 7] {
        model.files.take(offer(id, "web-1", "f2.bin"), at(60_000).mono);
    }
    let over = FileRecord {
        state: FileState::Rejected.into(),
        decided_by: Some("bo".to_owned()),
        path: String::new(),
        ..offer(4, "web-1", "f1.bin")
    };
    model.files.take(over, at(60_000).mono);
    model.screen.show(View::Files);
    model
}

#[test]
fn the_line_above_the_keys_names_the_offer_that_waits_longest() {
    let mut model = offers();
    model.screen.show(View::Fleet);
    let text = shown(&model, (80, 24));
    assert!(text[22].contains("offer: web-1 f2.bin 1.2G [4] decides (+2)"), "{}", text[22]);
    let line = shown(&viewer(model), (80, 24))[22].clone();
    assert!(line.contains("[4] shows it"), "{line}");
}

#[test]
fn who_has_the_keys_on_a_card_is_told_of_no_offer() {
    let mut model = offers();
    assert!(!shown(&model, (80, 24))[22].contains("offer:"));
    model.files.cursor = Some(4);
    assert!(
        shown(&model, (80, 24))[22].contains("offer: web-1 f2.bin"),
        "it is over: the next one"
    );
}

#[test]
fn who_looks_at_an_offer_is_not_told_that_nothing_waits() {
    let mut model = offers();
    (model.alerts, model.talk) = Default::default();
    let line = |model: &Model| shown(model, (80, 24))[22].clone();
    assert!(line(&model).contains("this offer waits for your decision"), "{}", line(&model));
    let viewer = viewer(model);
    assert!(line(&viewer).contains("nothing waits for you"), "{}", line(&viewer));
}

#[test]
fn hints_are_of_keys_that_do_something() {
    let mut model = offers();
    let hints = |model: &Model| shown(model, (80, 24))[23].clone();
    assert!(hints(&model).contains("y accept  n reject"), "{}", hints(&model));
    assert!(!hints(&viewer(model.clone())).contains("accept"));
    assert!(shown(&viewer(model.clone()), (80, 24)).join(" ").contains("waits for an operator"));
    model.files.armed = Some(5);
    assert!(hints(&model).contains("Enter accepts f2.bin  Esc does not"), "{}", hints(&model));
    model.screen.show(View::Alerts);
    assert!(!hints(&model).contains("accepts"), "its card is not here: {}", hints(&model));
    model.screen.show(View::Files);
    (model.files.armed, model.files.cursor) = (None, Some(4));
    assert!(!hints(&model).contains("accept"), "it is over: {}", hints(&model));
}

#[test]
fn files_of_one_name_are_told_apart() {
    let text = shown(&offers(), (80, 24));
    let rows: Vec<&String> = text.iter().filter(|row| row.contains("f2.bin  ")).collect();
    for (row, id) in rows.iter().zip(["> 5 04:16 ", "  6 04:16 ", "  7 04:16 "]) {
        assert!(row.starts_with(id), "{rows:?}");
    }
    let old = shown_at(&offers(), at(86_400_000), (80, 24)).join("\n");
    assert!(old.contains("> 5 11-21 web-1"), "{old}");
}

#[test]
fn what_is_not_saved_is_not_said_to_be() {
    let mut model = offers();
    model.files.cursor = Some(4);
    let text = shown(&model, (80, 24)).join("\n");
    assert!(text.contains("nothing of it is saved"), "{text}");
    for (id, words) in [(4, "nothing of it is saved"), (5, "goes to     received_files/web-1/")] {
        model.screen.popup = Some(Popup::File { id, offset: 0 });
        let text = shown(&model, (80, 24)).join("\n");
        assert!(text.contains(words) && !text.contains("saved as    received"), "{text}");
    }
}

#[test]
fn an_end_tomorrow_has_its_day() {
    let mut model = empty();
    let late = FileRecord {
        expires_at: WALL.plus(std::time::Duration::from_hours(24)),
        ..offer(5, "web-1", "f2.bin")
    };
    model.files.take(late, at(60_000).mono);
    model.screen.show(View::Files);
    let text = shown(&model, (80, 24)).join("\n");
    assert!(text.contains("expires 23h58, tomorrow 04:16"), "{text}");
}

#[test]
fn a_transfer_that_goes_on_says_so_in_full_and_one_that_stands_tells_no_speed() {
    let mut model = empty();
    for (ms, bytes) in [(40, 600), (41, 620), (59, 640), (60, 705)] {
        let record = receiving(4, "web-1", bytes * 1_000_000);
        model.files.take(record, at(ms * 1_000).mono);
    }
    model.screen.show(View::Files);
    for size in [(80, 24), (40, 10)] {
        let text = shown(&model, size).join("\n");
        assert!(text.contains("672M/1.2G 62M/s RESUMED"), "{text}");
    }
    model.freshness.tick(at(62_400));
    let text = shown_at(&model, at(62_400), (80, 24)).join("\n");
    assert!(text.contains("no byte for 2s") && !text.contains("M/s"), "{text}");
}

#[test]
fn a_long_notice_is_read_to_its_end() {
    let mut model = live();
    let words = "not accepted: there is no room for it on the monitor, 512 KiB are free beyond the \
                 reserve and 1.2 GiB are needed; delete received files there, or raise files.per_host";
    let notice = Notice { text: words.to_owned(), tone: Tone::Bad, at: at(60_000).mono };
    model.requests.notice = Some(notice);
    for view in [View::Fleet, View::Files] {
        model.screen.show(view);
        for size in [(80, 24), (120, 40), (70, 12)] {
            let text = shown(&model, size);
            let end: Vec<&str> = text[..text.len() - 1].iter().map(|line| line.trim()).collect();
            assert!(end.join(" ").contains(words), "{size:?}: {text:#?}");
        }
    }
    assert_eq!(shown(&model, (39, 9)).len(), 9);
}

#[test]
fn a_reason_for_an_offer_that_is_over_is_known_to_be_for_nothing() {
    let mut model = offers();
    model.prompt = Some(Prompt::new(PromptKind::RejectWhy(5), "too b"));
    let text = shown(&model, (80, 24));
    assert!(text[23].starts_with("Enter rejects file 5"), "{}", text[23]);
    let over = FileRecord { state: FileState::Withdrawn.into(), ..offer(5, "web-1", "f2.bin") };
    model.files.take(over, at(60_100).mono);
    let text = shown(&model, (80, 24));
    assert!(text[22].contains("f2.bin is withdrawn: nothing is sent"), "{}", text[22]);
    assert!(text[23].starts_with("the offer is over > too b"), "{}", text[23]);
}

#[test]
fn the_counts_of_the_files_fit_beside_the_views() {
    let mut model = offers();
    model.host = Some(crate::model::host_view::HostView::new("web-0142"));
    model.screen.under.push(View::Host);
    let line = shown(&model, (80, 24))[1].clone();
    assert!(line.ends_with("3 waiting  0 coming in"), "{line}");
}
