//! Row W6: every message that an agent sends, cut at every byte, over real connections.

use anyhow::{Context, Result, ensure};
use systole_common::model::metric::{MetricKind, Unit};
use systole_common::wire::VERSION_MAX;
use systole_common::wire::agent::{
    Declare, Live, ProcessSample, Processes, SeriesDeclaration, SeriesValue,
};
use systole_common::wire::codec::encode_frame;
use systole_common::wire::hello::{CloseCode, StreamName};
use systole_common::wire::limits::HEADER_BYTES;
use systole_tests::machine::clocks;
use systole_tests::rogue::{Rogue, open_frame};
use systole_tests::scene::Scene;

/// Each message once, small but with something in every list.
fn messages(rogue: &Rogue) -> Result<Vec<(StreamName, Vec<u8>)>> {
    let series = SeriesDeclaration {
        id: 1,
        metric: "load1".to_owned(),
        instance: "x".to_owned(),
        unit: Unit::Percent.into(),
        kind: MetricKind::Gauge.into(),
    };
    let sample = ProcessSample { pid: 1, name: "x".into(), cpu_percent: 1.0, memory_bytes: 300 };
    let values = vec![SeriesValue { id: 1, value: 0.5 }];
    let live = Live { at: clocks(), interval_ms: 1_000, values };
    Ok(vec![
        (StreamName::Heartbeat, encode_frame(VERSION_MAX, &rogue.beat(1))?),
        (StreamName::Metrics, encode_frame(VERSION_MAX, &Declare { series: vec![series] })?),
        (StreamName::Metrics, encode_frame(VERSION_MAX, &live)?),
        (StreamName::Metrics, encode_frame(VERSION_MAX, &Processes { processes: vec![sample] })?),
    ])
}

#[test]
fn a_message_cut_at_any_byte_ends_its_connection_and_nothing_else() -> Result<()> {
    let mut scene = Scene::set(2)?;
    scene.start_daemon()?;
    scene.start_agent("demo-1")?;
    scene.until_online(&["demo-1".to_owned()])?;
    let rogue = Rogue::new(&scene.stage, "demo-2")?;
    let mut cuts = 0;
    for (stream, frame) in messages(&rogue)? {
        for end in 1..frame.len() {
            let cut = frame.get(..end).unwrap_or_default();
            // In turns: the stream ends inside the frame, or the header agrees with the short body.
            let agrees = end >= HEADER_BYTES && end % 2 == 0;
            is_refused(&rogue, stream, cut, agrees).with_context(|| format!("{stream}, {end}"))?;
            cuts += 1;
        }
    }
    println!("{cuts} cuts");
    let closed =
        scene.scrape()?.count("systole_connections_closed_total", &[("reason", "protocol")]);
    ensure!(closed == cuts, "{closed} of {cuts} were counted");
    scene.is_unharmed(&["demo-1"])
}

fn is_refused(rogue: &Rogue, stream: StreamName, cut: &[u8], agrees: bool) -> Result<()> {
    let mut bytes = [open_frame(VERSION_MAX, stream)?, cut.to_vec()].concat();
    let says = if agrees {
        let length = u32::try_from(cut.len() - HEADER_BYTES)?.to_le_bytes();
        let at = bytes.len() - cut.len() + HEADER_BYTES - length.len();
        for (to, from) in bytes.iter_mut().skip(at).zip(length) {
            *to = from;
        }
        "cut short"
    } else {
        "ended inside a frame"
    };
    let contact = rogue.connect()?;
    let mut send = contact.uni(&bytes)?;
    // It may be closed already.
    let _closed = send.finish();
    let (code, why) = contact.closed()?;
    ensure!(code == CloseCode::Protocol && why.contains(says), "{code}: {why}");
    Ok(())
}
