//! The README's pictures are those that the console's tests hold it to.

use std::path::Path;

use xtask::screens::draw_all;

#[test]
fn the_pictures_are_what_the_tests_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    draw_all(root, true).map_err(|error| format!("{error:#}")).unwrap();
}
