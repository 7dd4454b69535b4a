//! Every stored fuzz input through the code that its fuzz target drives.
#![expect(clippy::expect_used, reason = "a test")]

mod drive;

use std::path::Path;

#[test]
fn every_stored_input_is_handled() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, drive) in drive::TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpus.join(name)).unwrap() {
            drive(&std::fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 5, "the corpus of {name} is gone");
    }
}
