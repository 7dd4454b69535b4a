//! Frames of a fleet all of whose values change each second: the time of one, and its bytes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ratatui::Terminal;
use ratatui::layout::Size as Cells;
use systole_common::ids::InstanceId;
use systole_common::model::host::HostState;
use systole_common::time::{Mono, Now, UnixMs};
use systole_common::wire::feed::{FeedSnapshot, FeedSummary, FeedTick, HostSummary};
use systole_common::wire::limits::PAGE_RECORDS_MAX;
use systole_console::model::freshness::Peer;
use systole_console::model::screen::Size;
use systole_console::model::{Manners, Model};
use systole_console::msg::{FeedEvent, Msg};
use systole_console::shell::backend::FrameBackend;
use systole_console::update::update;
use systole_console::view::symbols::Symbols;
use systole_console::view::theme::{Looks, Theme};
use systole_console::view::view;

use super::super::ConsoleArgs;
use super::super::arguments::ConsoleReport;
use super::super::report::Promise;

/// Sizes of the screen: name for programs, columns, lines, and the limit of a frame's time.
const SIZES: [(&str, u16, u16); 3] = [("80x24", 80, 24), ("120x40", 120, 40), ("200x60", 200, 60)];
/// A frame of 120×40 takes no longer than this.
const FRAME_P99_MS_MAX: f64 = 6.0;
/// Hosts of the small fleet that the large one is compared with.
const FEW: usize = 100;

/// Adds the figures of frames.
pub(super) fn measure(args: &ConsoleArgs, report: &mut ConsoleReport) -> Result<()> {
    for (name, width, height) in SIZES {
        let size = Size { width, height };
        let few = draw(FEW, args.frames, size)?;
        let many = draw(args.hosts, args.frames, size)?;
        let is_promised = name == "120x40";
        report.add("frame_p50_ms", &format!("{name}: frame, p50"), many.frame_ms(50)?, "ms");
        report.add("frame_p99_ms", &format!("{name}: frame, p99"), many.frame_ms(99)?, "ms");
        if is_promised {
            report.promised(Promise::AtMost(FRAME_P99_MS_MAX));
        }
        let what = format!("{name}: frame of {FEW} hosts, p50");
        report.add("frame_of_few_p50_ms", &what, few.frame_ms(50)?, "ms");
        let what = format!("{name}: taking a second's news, p99");
        report.add("update_p99_ms", &what, many.update_ms(99)?, "ms");
        let what = format!("{name}: bytes of a frame, all values changed");
        report.add("frame_bytes", &what, many.bytes_mean(), "bytes");
        report.add(
            "first_frame_bytes",
            &format!("{name}: bytes of the first frame"),
            many.first,
            "bytes",
        );
    }
    Ok(())
}

/// What some frames took.
struct Drawn {
    frames: Vec<Duration>,
    updates: Vec<Duration>,
    bytes: Vec<usize>,
    first: f64,
}

impl Drawn {
    fn frame_ms(&self, percent: usize) -> Result<f64> {
        percentile_ms(&self.frames, percent)
    }

    fn update_ms(&self, percent: usize) -> Result<f64> {
        percentile_ms(&self.updates, percent)
    }

    fn bytes_mean(&self) -> f64 {
        self.bytes.iter().sum::<usize>() as f64 / self.bytes.len().max(1) as f64
    }
}

fn percentile_ms(times: &[Duration], percent: usize) -> Result<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    Ok(sorted.get(place).context("no frame was drawn")?.as_secs_f64() * 1_000.0)
}

/// Draws `frames` frames of a fleet of `hosts`, a second of news before each.
fn draw(hosts: usize, frames: usize, size: Size) -> Result<Drawn> {
    let theme = Theme::named("auto", Symbols::Block, &Looks::default());
    let mut model = Model::new(at(0), size, manners(), None);
    let mut terminal = Terminal::new(FrameBackend::new(Cells::new(size.width, size.height)))?;
    begin(&mut model, hosts);
    let mut drawn = Drawn {
        frames: Vec::with_capacity(frames),
        updates: Vec::with_capacity(frames),
        bytes: Vec::with_capacity(frames),
        first: 0.0,
    };
    terminal.draw(|frame| view(&model, at(0), &theme, frame))?;
    drawn.first = terminal.backend_mut().take().len() as f64;
    for second in 1..=u64::try_from(frames)? {
        let began = Instant::now();
        news(&mut model, hosts, second);
        drawn.updates.push(began.elapsed());
        let began = Instant::now();
        terminal.draw(|frame| view(&model, at(second), &theme, frame))?;
        let bytes = terminal.backend_mut().take();
        drawn.frames.push(began.elapsed());
        drawn.bytes.push(bytes.len());
    }
    Ok(drawn)
}

fn manners() -> Manners {
    Manners { bell: false, themes: vec!["auto"], symbols: vec!["block"] }
}

fn at(second: u64) -> Now {
    let wall = 1_780_000_000_000 + i64::try_from(second).unwrap_or(0) * 1_000;
    Now { mono: Mono((second + 1_000) * 1_000_000_000), wall: UnixMs(wall) }
}

fn begin(model: &mut Model, hosts: usize) {
    let peer =
        Peer { daemon: "mon-1".into(), address: "10.0.0.5:5001".into(), role: "admin".into() };
    update(model, at(0), Msg::Linked(peer));
    let snapshot = FeedSnapshot {
        instance: InstanceId(1),
        at: at(0).wall,
        hosts: u32::try_from(hosts).unwrap_or(u32::MAX),
        alerts: 0,
        after_overflow: false,
    };
    update(model, at(0), Msg::Feed(FeedEvent::Snapshot(snapshot)));
    summaries(model, hosts, 0);
    update(model, at(0), Msg::Feed(FeedEvent::Complete));
    tick(model, 0);
}

/// All columns of all hosts, then a tick.
fn news(model: &mut Model, hosts: usize, second: u64) {
    summaries(model, hosts, second);
    tick(model, second);
}

fn tick(model: &mut Model, second: u64) {
    let tick = FeedTick { sequence: second, at: at(second).wall, loop_lag_us: 0 };
    update(model, at(second), Msg::Feed(FeedEvent::Tick(tick)));
}

fn summaries(model: &mut Model, hosts: usize, second: u64) {
    let all: Vec<HostSummary> = (0..hosts).map(|host| summary(host, second)).collect();
    for page in all.chunks(PAGE_RECORDS_MAX) {
        let summary = FeedSummary { hosts: page.to_vec(), retired: Vec::new() };
        update(model, at(second), Msg::Feed(FeedEvent::Summary(summary)));
    }
}

/// A host whose values all differ from those of the second before.
fn summary(host: usize, second: u64) -> HostSummary {
    let mix =
        (host as u64).wrapping_mul(0x9e37_79b9).wrapping_add(second.wrapping_mul(0x85eb_ca6b));
    let share = |shift: u32| ((mix >> shift) % 1_000) as f32 / 10.0;
    HostSummary {
        host: format!("web-{host:04}.rack-{:02}", host % 40),
        state: HostState::Online.into(),
        cause: None,
        since: at(0).wall,
        heartbeat_age_ms: Some(mix % 1_000),
        heartbeat_interval_ms: Some(1_000),
        rtt_us: Some(400),
        cpu_percent: Some(share(3)),
        memory_percent: Some(share(7)),
        swap_percent: Some(0.0),
        disk_percent: Some(share(11)),
        load1: Some(share(13) / 10.0),
        alerts_critical: 0,
        alerts_warning: 0,
    }
}
