//! `pilothouse services install` in the real binary, on this machine with a stand-in for docker: what the config says is pulled, logged
//! in for or built, run, and waited for.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use crate::desk::Desk;

/// Containers are the file `made`; what it was asked, and what was handed to it, stands beside it.
const DOCKER: &str = r#"#!/bin/sh
home=$(dirname "$(dirname "$(readlink -f "$0")")")
echo "docker $*" >>"$home/asked"
case $1 in
inspect)
	[ -e "$home/made" ] || { echo 'Error: No such object' >&2; exit 1; }
	case $* in *Labels*) cat "$home/made" ;; *) echo 'running 0 0' ;; esac
	;;
login) cat >"$home/key" ;;
build)
	for folder; do :; done
	cat "$folder/Dockerfile" "$folder/app/main.py" >"$home/built"
	;;
run)
	echo web >"$home/made"
	printf '%s' "$NGC_API_KEY" >"$home/inside"
	echo 0123
	;;
rm) rm "$home/made" ;;
esac
"#;

const KEY: &str = "nvapi-not-a-real-key";

struct Installer {
    home: TempDir,
}

impl Installer {
    /// With a service that answers on a port of the test, installed so.
    fn new(install: &str) -> Self {
        let desk = Self {
            home: tempfile::tempdir().unwrap(),
        };
        for folder in ["bin", "web/app"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        let docker = desk.path("bin/docker");
        fs::write(&docker, DOCKER).unwrap();
        fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(desk.path("web/Dockerfile"), "FROM scratch\n").unwrap();
        fs::write(desk.path("web/app/main.py"), "print()\n").unwrap();
        let config = format!(
            "models:\n  ngc_key: {{file: key-of-ngc}}\nservices:\n  - name: web\n    host: local\n    container: web-box\n    \
             port: {}\n    install: {install}\nhosts:\n  - local\n",
            answering()
        );
        fs::write(desk.path("config.yaml"), config).unwrap();
        desk
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Desk for Installer {
    fn home(&self) -> &Path {
        self.home.path()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let bin = self.path("bin");
        vec![
            ("PATH", format!("{}:/usr/bin:/bin", bin.display())),
            (
                "PILOTHOUSE_CONFIG",
                self.path("config.yaml").display().to_string(),
            ),
        ]
    }
}

/// A port on which everything is well.
fn answering() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut asked = [0; 4096];
            let _gone = stream.read(&mut asked);
            let _gone = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    port
}

const INSTALL: [&str; 5] = ["services", "install", "web", "--yes", "web"];

#[test]
fn an_image_is_built_from_a_folder_of_this_machine_and_run() {
    let desk = Installer::new(
        "{build: web, inside: 80, env: {WORDS: two words}, memory: 2 GiB, volume: data-of-web:/data, health: /ready}",
    );
    desk.says(
        &["services", "install", "web", "--dry-run"],
        0,
        &[
            "pilothouse/web-box is built there from",
            "/web, and run anew",
        ],
    );
    assert_eq!(desk.read("built"), "");
    desk.says(&["services", "install", "web"], 3, &["not confirmed"]);
    desk.says(&INSTALL, 0, &["done"]);
    assert_eq!(desk.read("built"), "FROM scratch\nprint()\n");
    let asked = desk.read("asked");
    for words in [
        "docker build --tag pilothouse/web-box ",
        "docker run --detach --name web-box --restart unless-stopped --label pilothouse.service=web --publish ",
        ":80 ",
        "--env WORDS=two words",
        "--memory 2048m",
        "--volume data-of-web:/data",
    ] {
        assert!(asked.contains(words), "{words:?} is not in {asked}");
    }
    assert!(!asked.contains("--gpus"), "{asked}");
    // Again: what was installed from here is replaced.
    desk.says(&INSTALL, 0, &["done"]);
    assert!(desk.read("asked").contains("docker rm --force web-box"));
}

#[test]
fn a_nim_is_pulled_with_the_key_that_the_config_names_and_nobody_sees_it() {
    let desk = Installer::new("{nim: 'nvcr.io/nim/nvidia/parakeet:1.3.0', inside: 9000}");
    desk.says(
        &INSTALL,
        1,
        &["the key of NVIDIA's registry is not known", "key-of-ngc"],
    );
    assert_eq!(desk.read("made"), "");
    let file = desk.path("key-of-ngc");
    fs::write(&file, format!("{KEY}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    desk.says(&INSTALL, 1, &["may be read by others"]);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let said = desk.says(&INSTALL, 0, &["done"]);
    assert_eq!(
        (desk.read("key"), desk.read("inside")),
        (KEY.into(), KEY.into())
    );
    let asked = desk.read("asked");
    assert!(asked.contains("docker pull nvcr.io/nim/nvidia/parakeet:1.3.0"));
    assert!(asked.contains("--gpus all"), "{asked}");
    let ledger = desk.run(&["ledger", "show", "--json"]).out;
    for text in [&said, &asked, &ledger] {
        assert!(!text.contains(KEY), "the key is told: {text}");
    }
}
