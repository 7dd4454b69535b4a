//! An independent QUIC client knocks with certificates that must open nothing.

use std::path::PathBuf;

use anyhow::{Result, anyhow, ensure};
use serde_json::Value;
use systole_common::wire::codec::decode;
use systole_common::wire::hello::{CloseCode, HelloAnswer, RefusalCode};
use systole_common::wire::kind::Kind;
use systole_tests::foreigner::{Foreigner, Knock};
use systole_tests::scene::Scene;
use xtask::certs::Variant;
use xtask::test::skip;

const NAME: &str = "foreign::nothing_opens_to_a_wrong_certificate";

/// A knock, and the words that the daemon's one log line about it must have.
struct Case {
    knock: Knock,
    says: &'static str,
}

/// Certificate and key.
type Files = Option<(PathBuf, PathBuf)>;

/// TLS alerts in QUIC's error codes.
const TLS_ALERTS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;

#[test]
fn nothing_opens_to_a_wrong_certificate() -> Result<()> {
    let foreigner = match Foreigner::get()? {
        Ok(foreigner) => foreigner,
        Err(why) => return skip(NAME, &why).map_err(|why| anyhow!(why)),
    };
    let mut scene = Scene::set_with(2, |plan| plan.refusals = Variant::ALL.to_vec())?;
    scene.start_all()?;
    let cases = cases(&scene);
    let knocks: Vec<Knock> = cases.iter().map(|case| case.knock.clone()).collect();
    let before = scene.scrape()?;
    let answers = foreigner.knock(&scene.stage, &knocks)?;
    ensure!(answers.len() == cases.len(), "{answers:?}");
    for (case, answer) in cases.iter().zip(&answers) {
        is_refused_in_the_handshake(&scene, case, answer)?;
    }
    let after = scene.scrape()?;
    let refused = |scrape: &systole_tests::scrape::Scrape| {
        scrape.count("systole_handshakes_refused_total", &[])
    };
    let counted = refused(&after) - refused(&before);
    ensure!(
        counted >= u64::try_from(cases.len())?,
        "{counted} refusals counted of {}",
        cases.len()
    );
    scene.is_unharmed(&["demo-1", "demo-2"])
}

fn is_refused_in_the_handshake(scene: &Scene, case: &Case, answer: &Value) -> Result<()> {
    let name = &case.knock.name;
    ensure!(answer["name"] == name.as_str(), "{answer}");
    ensure!(answer["streams"] == serde_json::json!({}), "{name} got something: {answer}");
    let code = code(answer).unwrap_or(0);
    ensure!(TLS_ALERTS.contains(&code), "{name} was not refused by TLS: {answer}");
    let address = format!("address={}:", case.knock.local);
    let line = scene.daemon_journal().only(&[&address])?;
    ensure!(line.contains("connection refused") && line.contains(case.says), "{name}: {line}");
    Ok(())
}

/// One of each kind of certificate that must be refused, each from an address of its own.
fn cases(scene: &Scene) -> Vec<Case> {
    let certs = scene.stage.dir.join("certs");
    let pair = |stem: &str| {
        let file = |kind: &str| certs.join(format!("{stem}.{kind}"));
        Some((file("crt"), file("key")))
    };
    let variant = |variant: Variant, leaf: &str| pair(&format!("refusal/{variant}/{leaf}"));
    let list: Vec<(&str, Files, &str)> = vec![
        ("no certificate", None, "no certificate was presented"),
        ("foreign CA", variant(Variant::WrongCa, "agent/demo-1"), "not signed by our CA"),
        ("expired", variant(Variant::Expired, "agent/demo-1"), "ended on"),
        ("not yet valid", variant(Variant::NotYetValid, "agent/demo-1"), "valid from"),
        ("for servers", variant(Variant::WrongPurpose, "agent/demo-1"), "made for"),
        (
            "no purpose",
            variant(Variant::NoPurpose, "agent/demo-1"),
            "does not say that it is for clients",
        ),
        ("a CA itself", variant(Variant::CaLeaf, "agent/demo-1"), "CA"),
        ("two names", variant(Variant::TwoUris, "agent/demo-1"), "URI"),
        ("no name", variant(Variant::NoUri, "agent/demo-1"), "URI"),
        ("another fleet", variant(Variant::OtherFleet, "agent/demo-1"), "another-fleet"),
        ("crossed CAs", variant(Variant::WrongRole, "operator/demo"), "signed by the agent CA"),
        ("expired admin", variant(Variant::Expired, "operator/demo"), "ended on"),
        ("foreign admin", variant(Variant::WrongCa, "operator/demo"), "not signed by our CA"),
        ("the daemon's own", pair("daemon/demo-mon"), "not accepted here"),
    ];
    list.into_iter()
        .zip(10..)
        .map(|((name, certificate, says), last): (_, u8)| Case {
            knock: Knock {
                name: name.to_owned(),
                local: format!("127.0.1.{last}"),
                certificate,
                purpose: if name.contains("admin") { "console" } else { "main" },
            },
            says,
        })
        .collect()
}

#[test]
fn an_agent_that_asks_for_operator_rights_gets_nothing() -> Result<()> {
    let foreigner = match Foreigner::get()? {
        Ok(foreigner) => foreigner,
        Err(why) => {
            let name = "foreign::an_agent_that_asks_for_operator_rights_gets_nothing";
            return skip(name, &why).map_err(|why| anyhow!(why));
        }
    };
    let mut scene = Scene::play(2)?;
    let certs = scene.stage.dir.join("certs");
    let knock = |stem: &str, local: &str, purpose| Knock {
        name: stem.to_owned(),
        local: local.to_owned(),
        certificate: Some((certs.join(format!("{stem}.crt")), certs.join(format!("{stem}.key")))),
        purpose,
    };
    // The admin shows that this client is understood when its certificate is right.
    let knocks = [
        knock("operator/demo", "127.0.1.1", "console"),
        knock("agent/demo-1", "127.0.1.2", "console"),
        knock("operator/demo", "127.0.1.3", "main"),
    ];
    let answers = foreigner.knock(&scene.stage, &knocks)?;
    let [admin, agent, admin_as_agent] = answers.as_slice() else {
        anyhow::bail!("{answers:?}");
    };
    let welcome = hello_answer(admin)?;
    ensure!(welcome.refused.is_none() && welcome.daemon == "demo-mon", "{welcome:?}");
    let hosts = String::from_utf8_lossy(&stream(admin, "4")?).into_owned();
    ensure!(hosts.contains("demo-1") && hosts.contains("demo-2"), "the admin sees hosts");
    for refused in [agent, admin_as_agent] {
        gets_nothing(refused)?;
    }
    for local in ["127.0.1.2", "127.0.1.3"] {
        let line = scene.daemon_journal().only(&["connection refused", &format!("{local}:")])?;
        ensure!(line.contains("does not allow a"), "{line}");
    }
    scene.is_unharmed(&["demo-1", "demo-2"])
}

/// A refusal on the hello's stream, nothing on any other, and a closed connection.
fn gets_nothing(answer: &Value) -> Result<()> {
    let hello = hello_answer(answer)?;
    let refusal = hello.refused.ok_or_else(|| anyhow!("let in: {answer}"))?;
    ensure!(refusal.code.known() == Some(RefusalCode::Role), "{refusal:?}");
    let streams = answer["streams"].as_object().map_or(0, serde_json::Map::len);
    ensure!(streams == 1, "only the hello is answered: {answer}");
    let code = code(answer);
    let expected = systole_common::model::coded::Coded::code(CloseCode::Refused);
    ensure!(code == Some(expected.into()), "{answer}");
    Ok(())
}

fn hello_answer(answer: &Value) -> Result<HelloAnswer> {
    let bytes = stream(answer, "0")?;
    let (header, body) = bytes.split_at_checked(8).ok_or_else(|| anyhow!("no frame: {answer}"))?;
    ensure!(header.first() == Some(&Kind::HelloAnswer.number()), "{answer}");
    Ok(decode(body)?)
}

/// The bytes that came on a stream.
fn stream(answer: &Value, id: &str) -> Result<Vec<u8>> {
    let hex = answer.pointer(&format!("/streams/{id}")).and_then(Value::as_str);
    let hex = hex.ok_or_else(|| anyhow!("no stream {id}: {answer}"))?;
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16);
    Ok(hex.as_bytes().chunks(2).map(byte).collect::<Result<_, _>>()?)
}

/// The code that the daemon has closed the connection with.
fn code(answer: &Value) -> Option<u64> {
    answer.pointer("/closed/code")?.as_u64()
}
