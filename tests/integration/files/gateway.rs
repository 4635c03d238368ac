//! Files in the rest of the gateway: plugins, log, metrics, status, reload; and how they are sent.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{SITE, site};
use crate::support::{Gateway, Request, Setup, eventually};

const MIB: u64 = 1 << 20;

#[test]
fn plugins_are_around_files() {
    let gateway = site(
        r#"
        [upstream.site]
        files = "public"
        [plugin.rewrite]
        file = "<plugins>/rewrite.wasm"
        config = { strip_prefix = "/static" }
        [plugin.request-id]
        file = "<plugins>/request-id.wasm"
        [plugin.stamp]
        file = "<plugins>/stamp.wasm"
        config = { set = { cache-control = "max-age=60" } }
        [[route]]
        name = "static"
        path = "/static/*"
        upstream = "site"
        director = "rewrite"
        middleware = ["request-id"]
        modify_response = ["stamp"]
        "#,
    )
    .start();
    let mut client = gateway.connect();
    for (target, status) in [("/static/ten.txt", 200), ("/static/none", 404)] {
        let answer = client.ask(Request::get(target));
        assert_eq!((answer.status(), answer.get("cache-control")), (status, Some("max-age=60")), "{target}");
        assert!(answer.has("x-request-id"), "{target}: {answer:?}");
    }
    let part = client.ask(Request::get("/static/ten.txt").with("range", "bytes=2-3"));
    assert_eq!((part.status(), part.text().as_str()), (206, "23"));
    // To where it leads from what the client asked for, whatever the director made of it.
    assert_eq!(client.ask(Request::get("/static/docs")).get("location"), Some("./docs/"));

    let line = gateway.log().access("/static/ten.txt");
    assert_eq!((&line["route"], &line["upstream"]), (&"static".into(), &"site".into()));
    assert!(line["endpoint"].is_null() && line["bytes"] == 10 && line["complete"] == true, "{line}");
    assert!(line["upstream_ms"].as_f64().is_some(), "{line}");
}

#[test]
fn a_plugin_may_have_the_body_of_a_file() {
    let gateway = site(
        r#"
        [upstream.site]
        files = "public"
        [plugin.redact]
        file = "<plugins>/redact.wasm"
        config = { rules = [{ text = "3456", with = "…" }] }
        [[route]]
        path = "/*"
        upstream = "site"
        modify_response = ["redact"]
        "#,
    )
    .start();
    let answer = gateway.get("/ten.txt");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "012…789"), "{answer:?}");
}

#[test]
fn a_director_may_choose_files() {
    let gateway = site(
        r#"
        [upstream.site]
        files = "public"
        [upstream.app]
        endpoints = ["http://127.0.0.1:9"]
        [plugin.canary]
        file = "<plugins>/canary.wasm"
        config = { upstream = "site", header = "x-static" }
        [[route]]
        path = "/*"
        upstream = "app"
        director = "canary"
        "#,
    )
    .start();
    assert_eq!(gateway.ask(Request::get("/ten.txt").with("x-static", "1")).text(), "0123456789");
    assert_eq!(gateway.get("/ten.txt").status(), 502);
}

#[test]
fn status_and_metrics_know_of_files() {
    let gateway = site(SITE).start();
    for target in ["/ten.txt", "/ten.txt", "/docs", "/none"] {
        gateway.get(target);
    }
    let upstream = &gateway.status()["upstreams"][0];
    assert_eq!(upstream["name"], "site");
    assert!(
        upstream["files"].as_str().unwrap().ends_with("public") && upstream["endpoints"].is_null(),
        "{upstream}"
    );
    let metrics = gateway.metrics();
    for (class, count) in [("2xx", 2.0), ("3xx", 1.0), ("4xx", 1.0), ("5xx", 0.0)] {
        let series = format!("upstream_files_total{{upstream=\"site\",class=\"{class}\"}}");
        assert_eq!(metrics.value(&series), count, "{class}");
    }
}

#[test]
fn links_may_lead_out_where_the_configuration_says_so() {
    let gateway = site(&SITE.replace("\"./public\"", "\"./public\"\nfollow_symlinks = true")).start();
    assert_eq!(gateway.get("/outside").text(), "secret");
    assert_eq!(gateway.get("/parent/secret.txt").text(), "secret");
    assert_eq!(gateway.get("/.env").status(), 404);
}

#[test]
fn the_folder_may_be_a_link_that_changes() {
    let setup = Gateway::with(SITE).file("releases/1/a.txt", "one").file("releases/2/a.txt", "two");
    let link = |to: &str, folder: &Path| {
        std::os::unix::fs::symlink(to, folder.join("public.new")).unwrap();
        std::fs::rename(folder.join("public.new"), folder.join("public")).unwrap();
    };
    link("releases/1", setup.folder());
    let gateway = setup.start();
    assert_eq!(gateway.get("/a.txt").text(), "one");
    link("releases/2", gateway.folder());
    assert_eq!(gateway.get("/a.txt").text(), "two");
}

#[test]
fn a_file_that_may_not_be_read_is_forbidden() {
    let setup = site(SITE);
    let file = setup.folder().join("public/ten.txt");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    // Whoever may do everything may read it all the same.
    let may_all = File::open(&file).is_ok();
    let gateway = setup.start();
    let answer = gateway.get("/ten.txt");
    assert_eq!(answer.status(), if may_all { 200 } else { 403 }, "{answer:?}");
}

#[test]
fn a_folder_that_is_not_there_is_a_mistake() {
    for (setup, why) in [
        (Gateway::with(SITE), "No such file or directory"),
        (Gateway::with(SITE).file("public", ""), "it is not a folder"),
    ] {
        let outcome = setup.check();
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.text.contains("error: upstream.site.files: cannot serve"), "{outcome:?}");
        assert!(outcome.text.contains(why), "{outcome:?}");
    }
    let gateway = site(SITE).start();
    gateway.configure(&SITE.replace("./public", "./elsewhere"));
    let outcome = gateway.reload();
    assert!(!outcome.is_ok() && outcome.text.contains("upstream.site.files"), "{outcome:?}");
    assert_eq!(gateway.get("/ten.txt").text(), "0123456789");
    std::fs::create_dir(gateway.folder().join("elsewhere")).unwrap();
    assert!(gateway.reload().is_ok());
    assert_eq!(gateway.get("/ten.txt").status(), 404);
}

/// A site with a file of this many zeros.
fn with_large(size: u64) -> Setup {
    let setup = site(SITE);
    File::create(setup.folder().join("public/large")).unwrap().set_len(size).unwrap();
    setup
}

#[test]
fn a_large_file_is_read_as_it_is_taken() {
    let gateway = with_large(128 * MIB).start();
    gateway.get("/ten.txt");
    let (mut client, before) = (gateway.connect(), resident(&gateway));
    client.send(Request::get("/large").bytes());
    let head = client.head().unwrap();
    assert_eq!(head.get("content-length"), Some("134217728"));
    client.exactly(1 << 20).unwrap();
    // Whatever the gateway reads ahead, it reads while this client takes nothing and another is served.
    for _ in 0..50 {
        gateway.get("/ten.txt");
    }
    let grown = resident(&gateway).saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes are kept");
    let rest = client.exactly((127 * MIB).try_into().unwrap()).unwrap();
    assert!(rest.iter().all(|byte| *byte == 0));
    client.send(Request::get("/ten.txt").bytes());
    assert_eq!(client.response().text(), "0123456789");
}

/// The memory that the gateway's process has in use.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn a_client_of_a_file_that_becomes_shorter_hears_of_it() {
    let gateway = with_large(128 * MIB).start();
    let mut client = gateway.connect();
    client.send(Request::get("/large").bytes());
    client.head().unwrap();
    File::options().write(true).open(gateway.folder().join("public/large")).unwrap().set_len(0).unwrap();
    assert!(client.rest().len() < 128 << 20);
    let line = gateway.log().access("/large");
    assert!(line["status"] == 200 && line["complete"] == false, "{line}");
}

#[test]
fn a_client_that_goes_away_leaves_no_file_open() {
    let gateway = with_large(128 * MIB).start();
    gateway.get("/ten.txt");
    let before = gateway.open_files();
    let mut clients: Vec<_> = (0..8).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(Request::get("/large").bytes());
        client.head().unwrap();
    }
    // A connection from before may have ended meanwhile.
    assert!(gateway.open_files() >= before + 12);
    drop(clients);
    eventually("the files are closed", || gateway.open_files() <= before);
}
