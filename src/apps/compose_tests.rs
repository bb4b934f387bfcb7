//! What a compose file may say, and what it may not.

use super::*;

fn read(text: &str) -> Result<Project, Vec<Refused>> {
    compose(text, &BTreeMap::new(), &BTreeSet::new())
}

/// A service `web` with these lines.
fn web(lines: &str) -> String {
    format!(
        "services:\n  web:\n    image: a\n    {}\n",
        lines.replace('\n', "\n    ")
    )
}

fn file(text: &str, dress: &Dress) -> Json {
    serde_json::from_str(&read(text).unwrap().file(dress)).unwrap()
}

/// As many ways as we know to leave a container, and a few that only confuse.
const ESCAPES: &[(&str, &str)] = &[
    ("privileged: true", "services.web.privileged"),
    ("privileged: 'true'", "services.web.privileged"),
    ("privileged: \"yes\"", "services.web.privileged"),
    ("privileged: 1", "services.web.privileged"),
    ("cap_add: [SYS_ADMIN]", "services.web.cap_add"),
    ("cap_add: [ALL]", "services.web.cap_add"),
    ("devices: ['/dev/sda:/dev/sda']", "services.web.devices"),
    ("devices: [/dev/mem]", "services.web.devices"),
    (
        "device_cgroup_rules: ['a *:* rwm']",
        "services.web.device_cgroup_rules",
    ),
    ("network_mode: host", "services.web.network_mode"),
    (
        "network_mode: 'container:other'",
        "services.web.network_mode",
    ),
    ("net: host", "services.web.net"),
    ("pid: host", "services.web.pid"),
    ("ipc: host", "services.web.ipc"),
    ("uts: host", "services.web.uts"),
    ("userns_mode: host", "services.web.userns_mode"),
    ("cgroup: host", "services.web.cgroup"),
    ("cgroup_parent: /", "services.web.cgroup_parent"),
    (
        "security_opt: ['seccomp:unconfined']",
        "services.web.security_opt",
    ),
    (
        "security_opt: ['apparmor=unconfined']",
        "services.web.security_opt",
    ),
    (
        "security_opt: ['no-new-privileges:false']",
        "services.web.security_opt",
    ),
    (
        "security_opt: ['label:disable']",
        "services.web.security_opt",
    ),
    (
        "sysctls: {kernel.core_pattern: '|/x'}",
        "services.web.sysctls",
    ),
    (
        "extra_hosts: ['h:host-gateway']",
        "services.web.extra_hosts",
    ),
    ("oom_score_adj: -1000", "services.web.oom_score_adj"),
    ("volumes: ['/:/host']", "services.web.volumes"),
    (
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
        "services.web.volumes",
    ),
    ("volumes: ['../../etc:/x']", "services.web.volumes"),
    ("volumes: ['./a/../../etc:/x']", "services.web.volumes"),
    ("volumes: ['~/.ssh:/x']", "services.web.volumes"),
    ("volumes: ['~root/.ssh:/x:ro']", "services.web.volumes"),
    ("volumes: ['a/../..:/x']", "services.web.volumes"),
    ("volumes: ['$HOME:/x']", "services.web.volumes"),
    ("volumes: ['${X:-/}:/x']", "services.web.volumes"),
    ("volumes: ['undeclared:/x']", "services.web.volumes"),
    (
        "volumes: [{type: bind, source: /, target: /x}]",
        "services.web.volumes",
    ),
    (
        "volumes: [{type: bind, source: ../x, target: /x}]",
        "services.web.volumes",
    ),
    (
        "volumes: [{type: npipe, source: x, target: /x}]",
        "services.web.volumes",
    ),
    (
        "volumes: [{type: bind, source: ./x, target: /x, bind: {propagation: shared}}]",
        "services.web.volumes",
    ),
    ("volumes: ['./x:/x:shared']", "services.web.volumes"),
    ("volumes: ['./x:/x:rw,z']", "services.web.volumes"),
    ("volumes_from: [other]", "services.web.volumes_from"),
    ("external_links: [other]", "services.web.external_links"),
    (
        "extends: {file: /etc/passwd, service: x}",
        "services.web.extends",
    ),
    ("extends: other", "services.web.extends"),
    ("env_file: /etc/shadow", "services.web.env_file"),
    ("env_file: [../../.env]", "services.web.env_file"),
    ("env_file: '~/.env'", "services.web.env_file"),
    (
        "environment: [AWS_SECRET_ACCESS_KEY]",
        "services.web.environment",
    ),
    ("environment: {HOME: }", "services.web.environment"),
    (
        "environment: {X: '${SSH_AUTH_SOCK}'}",
        "services.web.environment",
    ),
    ("ports: ['0.0.0.0:80:80']", "services.web.ports"),
    ("ports: ['[::]:80:80']", "services.web.ports"),
    ("ports: ['3000-3005:3000-3005']", "services.web.ports"),
    ("ports: ['53:53/udp']", "services.web.ports"),
    (
        "ports: [{target: 80, published: 80, host_ip: 0.0.0.0}]",
        "services.web.ports",
    ),
    ("build: /", "services.web.build"),
    ("build: ..", "services.web.build"),
    ("build: https://example.com/x.git", "services.web.build"),
    (
        "build: {context: ., network: host}",
        "services.web.build.network",
    ),
    (
        "build: {context: ., ssh: [default]}",
        "services.web.build.ssh",
    ),
    (
        "build: {context: ., privileged: true}",
        "services.web.build.privileged",
    ),
    (
        "build: {context: ., dockerfile: /etc/x}",
        "services.web.build.dockerfile",
    ),
    (
        "build: {context: ., additional_contexts: {x: /}}",
        "services.web.build.additional_contexts",
    ),
    ("runtime: sysbox", "services.web.runtime"),
    (
        "deploy: {resources: {reservations: {devices: [{driver: cdi, capabilities: [gpu]}]}}}",
        "services.web.deploy.resources",
    ),
    ("labels: {pilothouse.app: other}", "services.web.labels"),
    (
        "labels: ['com.docker.compose.project=other']",
        "services.web.labels",
    ),
    ("container_name: other", "services.web.container_name"),
    ("logging: {driver: syslog}", "services.web.logging"),
    (
        "credential_spec: {file: /x}",
        "services.web.credential_spec",
    ),
    (
        "post_start: [{command: x, privileged: true}]",
        "services.web.post_start",
    ),
    ("use_api_socket: true", "services.web.use_api_socket"),
    ("provider: {type: x}", "services.web.provider"),
];

#[test]
fn every_way_out_is_refused_by_its_place() {
    assert!(ESCAPES.len() >= 60);
    for (lines, place) in ESCAPES {
        let refused = read(&web(lines)).expect_err(lines);
        assert!(
            refused.iter().any(|refused| refused.place == *place),
            "{lines}: {refused:?}"
        );
    }
}

#[test]
fn what_is_not_of_a_service_is_refused_too() {
    let rows = [
        ("include: [../x.yaml]\n", "include"),
        ("include: ['oci://example.com/x']\n", "include"),
        ("volumes: {v: {external: true}}\n", "volumes.v.external"),
        ("volumes: {v: {name: other_data}}\n", "volumes.v.name"),
        (
            "volumes: {v: {driver_opts: {type: none, o: bind, device: /}}}\n",
            "volumes.v.driver_opts",
        ),
        ("networks: {n: {external: true}}\n", "networks.n.external"),
        ("networks: {n: {driver: host}}\n", "networks.n.driver"),
        ("networks: {n: {driver: macvlan}}\n", "networks.n.driver"),
        (
            "networks: {n: {driver_opts: {parent: eth0}}}\n",
            "networks.n.driver_opts",
        ),
        ("secrets: {s: {file: /etc/shadow}}\n", "secrets"),
        ("configs: {c: {file: /etc/shadow}}\n", "configs"),
        ("models: {m: {model: x}}\n", "models"),
    ];
    for (lines, place) in rows {
        let refused = read(&format!("{lines}{}", web(""))).expect_err(lines);
        assert!(
            refused.iter().any(|refused| refused.place == place),
            "{lines}: {refused:?}"
        );
    }
    for nothing in [
        "",
        "services: {}",
        "- x",
        "services: [x]",
        "a: [",
        "x: !!python/object:os.system y",
    ] {
        assert!(read(nothing).is_err(), "{nothing:?}");
    }
    // Two parsers may take two of them differently.
    let twice = read(&web("privileged: false\nprivileged: true")).unwrap_err();
    assert!(twice.iter().any(|refused| refused.why == "it stands twice"));
    // What an anchor brings in is looked at as if it stood there.
    let merged = "x-a: &a {privileged: true}\nservices:\n  web:\n    <<: *a\n    image: a\n";
    assert_eq!(
        read(merged).unwrap_err()[0].place,
        "services.web.privileged"
    );
}

#[test]
fn a_person_may_allow_a_risk_by_its_place_and_nothing_else() {
    let allow = |lines: &str, places: &[&str]| {
        let allowed = places.iter().map(|place| (*place).to_owned()).collect();
        compose(&web(lines), &BTreeMap::new(), &allowed)
    };
    let project = allow("privileged: true", &["services.web.privileged"]).unwrap();
    let written: Json = serde_json::from_str(&project.file(&Dress::default())).unwrap();
    assert_eq!(written["services"]["web"]["privileged"], json!(true));
    let mounted = allow("volumes: ['/data:/data:ro']", &["services.web.volumes"]).unwrap();
    assert!(mounted.file(&Dress::default()).contains("/data:/data:ro"));
    assert!(allow("privileged: true", &["services.other.privileged"]).is_err());
    assert!(allow("extends: x", &["services.web.extends"]).is_err());
}

/// What somebody deploys who has no ill will.
const ORDINARY: &str = r#"
version: "3.8"
name: theirs
x-note: {a: b}
services:
  web:
    build: {context: ./web, args: {A: "1"}}
    command: ["python", "app.py"]
    environment: ["MODE=fast", "COST=5$$"]
    ports: ["8080:80", "127.0.0.1:9000:9000"]
    volumes: ["data:/data", "./conf/a.ini:/etc/a.ini:ro", "/scratch"]
    depends_on: {db: {condition: service_healthy}}
    deploy: {resources: {reservations: {devices: [{driver: nvidia, count: all, capabilities: [gpu]}]}}}
  db:
    image: postgres:16
    healthcheck: {test: [CMD, pg_isready], interval: 5s, retries: 3}
    networks: {default: {aliases: [store]}}
volumes: {data: }
"#;

#[test]
fn an_ordinary_file_is_written_anew_with_what_every_container_gets() {
    let dress = Dress {
        labels: [("pilothouse.app".to_owned(), "shop".to_owned())].into(),
        answers: Some((
            "web".into(),
            "80".parse().unwrap(),
            "20001".parse().unwrap(),
        )),
        env: [("ROOT_PATH".to_owned(), "/apps/shop".to_owned())].into(),
        gpus: vec!["GPU-1".into()],
    };
    let project = read(ORDINARY).unwrap();
    let ports: Vec<u16> = project.listens.iter().map(|(_, port)| port.get()).collect();
    assert_eq!(ports, [80, 9000]);
    assert_eq!(project.services().collect::<Vec<_>>(), ["db", "web"]);
    assert!(project.builds.contains("web") && !project.builds.contains("db"));
    let written = file(ORDINARY, &dress);
    let web = &written["services"]["web"];
    assert_eq!(web["ports"], json!(["127.0.0.1:20001:80"]));
    assert_eq!(web["cap_drop"], json!(["ALL"]));
    assert_eq!(web["security_opt"], json!(["no-new-privileges:true"]));
    assert_eq!(web["labels"], json!({"pilothouse.app": "shop"}));
    assert_eq!(
        web["environment"],
        json!({"MODE": "fast", "COST": "5$$", "ROOT_PATH": "/apps/shop"})
    );
    assert_eq!(web["build"]["context"], "./web");
    assert_eq!(
        web["volumes"],
        json!([
            {"type": "volume", "source": "data", "target": "/data", "read_only": false},
            {"type": "bind", "source": "./conf/a.ini", "target": "/etc/a.ini", "read_only": true},
            {"type": "volume", "target": "/scratch"},
        ])
    );
    assert_eq!(
        web["deploy"]["resources"]["reservations"]["devices"][0]["device_ids"],
        json!(["GPU-1"])
    );
    let db = &written["services"]["db"];
    assert_eq!(db.get("ports"), None);
    assert_eq!(db.get("deploy"), None);
    assert_eq!(db["pids_limit"], json!(PROCESSES));
    assert_eq!(written.get("name"), None);
}

#[test]
fn variables_are_put_in_once() {
    let variables = BTreeMap::from([
        ("A".to_owned(), "x$B".to_owned()),
        ("EMPTY".to_owned(), String::new()),
    ]);
    let written = |value: &str| {
        let text = web(&format!("environment: {{V: '{value}'}}"));
        let project = compose(&text, &variables, &BTreeSet::new())?;
        let file: Json = serde_json::from_str(&project.file(&Dress::default())).unwrap();
        Ok::<_, Vec<Refused>>(file["services"]["web"]["environment"]["V"].clone())
    };
    for (value, expected) in [
        ("$A", "x$$B"),
        ("${A}y", "x$$By"),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("$$A", "$$A"),
    ] {
        assert_eq!(written(value).unwrap(), json!(expected), "{value}");
    }
    for bad in ["$NONE", "${NONE}", "${", "${A:?x}", "${A:-$A}", "$1", "5$"] {
        assert!(written(bad).is_err(), "{bad}");
    }
}
