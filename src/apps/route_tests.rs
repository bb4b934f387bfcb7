//! What a route may be made of.

use super::*;

/// Pieces that mean something to nginx, to a shell, to an expression, or to a person's eye.
const PIECES: &[&str] = &[
    "",
    " ",
    "\n",
    "\r",
    "\t",
    "\0",
    "\"",
    "'",
    "\\",
    ";",
    "{",
    "}",
    "#",
    "$",
    "$http_authorization",
    "${x}",
    "`id`",
    "$(id)",
    "|",
    "&",
    "<",
    ">",
    "*",
    "?",
    "[",
    "]",
    "(",
    ")",
    "!",
    "%",
    "%0a",
    "..",
    "../x",
    "/",
    "//",
    "~",
    "~*",
    "^",
    ",",
    "allow all;",
    "} location /x { return 200",
    "; include /etc/passwd",
    "default",
    "volatile",
    "hostnames",
    "include x",
    "\u{202e}",
    "\u{200b}",
    "\u{1b}[31m",
    "é",
    "漢",
];

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[test]
fn no_hostile_value_becomes_part_of_a_route() {
    let mut tried = 0;
    for piece in PIECES {
        for value in [
            (*piece).to_owned(),
            format!("a{piece}b"),
            format!("10.0.0.1{piece}"),
            format!("{piece}10.0.0.0/8"),
            format!("0123456789abcdef{piece}0123456789"),
        ] {
            tried += 1;
            if let Ok(network) = value.parse::<Network>() {
                let printed = network.to_string();
                assert!(
                    printed
                        .bytes()
                        .all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte))
                );
            }
            if let Ok(name) = value.parse::<AppName>() {
                assert!(
                    name.as_str()
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                );
            }
            if let Ok(key) = HeaderKey::new("X-Key", secret(&value)) {
                // Nothing that ends a string, a line, or begins a variable.
                let text = key.value.expose();
                assert!(
                    !text.contains(['"', '\\', '$', ';', '{', '}', '\n', '\r', '\0', '*', '(']),
                    "{text:?}"
                );
            }
            let name_is_taken = HeaderKey::new(&value, secret("0123456789abcdef")).is_ok();
            let plain = value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            assert!(!name_is_taken || plain, "{value:?}");
            assert!(
                Login::new(&value, secret("$6$a$b")).is_err() || !value.contains([':', '\n', '/'])
            );
            assert!(
                Login::new("a", secret(&format!("$6${value}"))).is_err()
                    || !value.contains([':', '\n', ';'])
            );
        }
    }
    assert!(tried >= 200, "{tried}");
}

#[test]
fn a_network_is_printed_from_what_was_understood() {
    for (text, printed) in [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::1", "::1/128"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::/0", "::/0"),
    ] {
        assert_eq!(text.parse::<Network>().unwrap().to_string(), printed);
    }
    for bad in [
        "",
        "10",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "all",
        "10.0.0.0/8/8",
        " 10.0.0.1",
    ] {
        assert_eq!(
            bad.parse::<Network>(),
            Err(InvalidRoute::Network),
            "{bad:?}"
        );
    }
}

#[test]
fn the_files_of_a_route() {
    let route = Route {
        app: "my-app".parse().unwrap(),
        port: "20001".parse().unwrap(),
        access: Access {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
            header: Some(HeaderKey::new("X-Api-Key", secret("Bearer abc.DEF+123=")).unwrap()),
            login: Some(Login::new("ann", secret("$6$salt$hash")).unwrap()),
        },
    };
    let files = route.files();
    insta::assert_snapshot!(files.location);
    assert_eq!(
        files.key.unwrap().expose(),
        "map $http_x_api_key $pilothouse_key_my_app {\n    default 0;\n    \"~^Bearer\\ abc\\.DEF\\+123\\=$\" 1;\n}\n"
    );
    assert_eq!(files.login.unwrap().expose(), "ann:$6$salt$hash\n");
    let open = Route {
        access: Access::default(),
        ..route
    };
    let files = open.files();
    assert_eq!((files.key, files.login), (None, None));
    assert!(!files.location.contains("allow") && !files.location.contains("auth"));
}
