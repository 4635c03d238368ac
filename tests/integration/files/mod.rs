//! Static files as an upstream.

mod answers;
mod gateway;

use std::fs::{File, create_dir_all};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::{Gateway, Setup};

/// When all files were last changed.
const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const CHANGED_SECONDS: u64 = 784_111_777;

const FILES: [(&str, &str); 22] = [
    ("secret.txt", "secret"),
    ("public/index.html", "<h1>home</h1>"),
    ("public/ten.txt", "0123456789"),
    ("public/empty.txt", ""),
    ("public/plain", "no extension"),
    ("public/app.js", "plain"),
    ("public/app.js.br", "as brotli"),
    ("public/app.js.gz", "as gzip"),
    ("public/app.js.zst", "as zstandard"),
    ("public/style.css", "plain"),
    ("public/style.css.gz", "as gzip"),
    ("public/docs/index.html", "docs"),
    ("public/docs/index.html.gz", "docs as gzip"),
    ("public/bare/x.txt", "x"),
    ("public/a b/ü.txt", "umlaut"),
    ("public/..a", "two dots and more"),
    ("public/a..b", "dots inside"),
    ("public/a:b/index.html", "colon"),
    ("public/.env", "secret"),
    ("public/.git/config", "secret"),
    ("public/.well-known/security.txt", "contact"),
    ("public/leads.txt", "plain"),
];

/// A gateway to be with a folder `public`, and beside it what nobody must see.
fn site(text: &str) -> Setup {
    let setup = FILES.into_iter().fold(Gateway::with(text), |setup, (name, text)| setup.file(name, text));
    let public = setup.folder().join("public");
    for (name, _) in FILES {
        let file = File::options().write(true).open(setup.folder().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(CHANGED_SECONDS)).unwrap();
    }
    for (link, target) in [
        ("inside", "ten.txt"),
        ("docs/up", "../ten.txt"),
        ("outside", "../secret.txt"),
        ("parent", ".."),
        ("loop", "loop"),
        ("nothing", "no-such-file"),
        ("leads.txt.gz", "../secret.txt"),
    ] {
        symlink(target, public.join(link)).unwrap();
    }
    symlink(public.join("ten.txt"), public.join("absolute")).unwrap();
    create_dir_all(public.join("bare/deeper")).unwrap();
    assert!(Command::new("mkfifo").arg(public.join("pipe")).status().unwrap().success());
    setup
}

const SITE: &str = r#"
    [upstream.site]
    files = "./public"
    [[route]]
    path = "/*"
    upstream = "site"
"#;
