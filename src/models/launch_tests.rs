//! What is launched, word by word: both ages of the launcher, `docker run`, llama.cpp, and settings in the place of flags.

mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::flags::{self, Dialect};
    use super::super::{
        Catalog, Completeness, Knob, Lasting, Launch, LaunchError, ModelSource, Recipe, Weights,
        halt, launch,
    };
    use crate::domain::{Bytes, Cluster, ClusterNode, HostId, ModelKey, Place, Wall};
    use crate::shell::RemotePath;

    fn recipe(text: &str) -> Recipe {
        let text =
            format!("defaults: {{engine: spark-launcher, port: 8888}}\nmodels:\n  m: {text}\n");
        let catalog = Catalog::load(&[("m.yaml", &text)]);
        assert_eq!(catalog.problems, []);
        catalog.recipes[&ModelKey::new("m")].as_ref().clone()
    }

    fn solo() -> Place {
        Place::Solo(HostId::new("spark-1"))
    }

    fn pair() -> Place {
        let node = |host: &str, address: &str| ClusterNode {
            host: HostId::new(host),
            address: address.parse().unwrap(),
        };
        Place::Cluster(Cluster {
            name: "pair".into(),
            head: node("spark-1", "192.168.177.11"),
            workers: vec![node("spark-2", "192.168.177.12")],
            interface: Some("enp1s0f1np1".into()),
            devices: vec!["rocep1s0f1".into(), "roceP2p1s0f1".into()],
        })
    }

    fn weights(repo: &str, path: &str) -> Weights {
        Weights {
            source: ModelSource::Repo(repo.parse().unwrap()),
            path: RemotePath::new(path).unwrap(),
            size: Bytes(1),
            files: 1,
            changed: Wall::default(),
            completeness: Completeness::Complete,
            config: None,
        }
    }

    fn knobs(pairs: &[(&str, &str)]) -> BTreeMap<String, Knob> {
        pairs
            .iter()
            .map(|(name, value)| {
                let knob = match *value {
                    "on" => Knob::Flag(true),
                    "off" => Knob::Flag(false),
                    value => Knob::Value(value.into()),
                };
                ((*name).to_owned(), knob)
            })
            .collect()
    }

    fn launched(text: &str, place: &Place, settings: &[(&str, &str)]) -> Launch {
        let on_disk = weights(
            "x/a",
            "/home/me/.cache/huggingface/hub/models--x--a/snapshots/1",
        );
        launch(&recipe(text), place, &knobs(settings), Some(&on_disk)).unwrap()
    }

    const IN_FOLDER: &str = "sh -c 'cd && cd -- \"$1\" && shift && exec \"$@\"' sh";

    #[test]
    fn the_launcher_on_one_host() {
        let launch = launched(
            "{repo: x/a, mode: either, context: 4096, gpu_percent: 70, args: [--kv-cache-dtype=fp8], env: {A: 1}}",
            &solo(),
            &[],
        );
        assert_eq!(
            launch.shown(),
            format!(
                "env 'VLLM_SPARK_EXTRA_DOCKER_ARGS=--label pilothouse.model=m --label pilothouse.port=8888 -e A=1' {IN_FOLDER} ./spark-vllm-docker \
                 ./launch-cluster.sh --solo -d exec vllm serve x/a '--port=8888' '--host=127.0.0.1' '--max-model-len=4096' \
                 '--gpu-memory-utilization=0.7' '--kv-cache-dtype=fp8'"
            )
        );
        assert_eq!(launch.lasts, Lasting::Ends);
        assert_eq!(launch.container.as_deref(), Some("vllm_node"));
        assert_eq!(launch.engine[..3], ["vllm", "serve", "x/a"]);
    }

    #[test]
    fn the_launcher_over_a_pair() {
        let launch = launched(
            "{repo: x/a, mode: either, container: mine, mods: [mods/a]}",
            &pair(),
            &[],
        );
        let shown = launch.shown();
        assert!(
            shown.ends_with(
                "./launch-cluster.sh -n 192.168.177.11,192.168.177.12 --eth-if enp1s0f1np1 --ib-if rocep1s0f1,roceP2p1s0f1 \
                 --name mine --apply-mod mods/a -d exec vllm serve x/a '--port=8888' '--host=127.0.0.1' \
                 '--tensor-parallel-size=2' '--distributed-executor-backend=ray'"
            ),
            "{shown}"
        );
        let shown = launched("{repo: x/a, mode: either, ray: false}", &pair(), &[]).shown();
        assert!(shown.contains(" --no-ray -d exec "), "{shown}");
        assert!(!shown.contains("executor-backend"), "{shown}");
    }

    #[test]
    fn the_older_launcher_reads_its_words_twice() {
        let text = r#"{repo: x/a, mode: either, form: joined, folder: /opt/it, args: ['--x={"a": "it''s $1"}']}"#;
        let launch = launched(text, &pair(), &[]);
        assert_eq!(launch.lasts, Lasting::Stays);
        let argv = launch.command.argv();
        let exec = argv.iter().position(|word| word == "exec").unwrap();
        assert_eq!(argv[exec - 1], "rocep1s0f1,roceP2p1s0f1");
        assert!(
            argv.contains(&r#"'--x={"a": "it'\''s $1"}'"#.to_owned()),
            "{argv:?}"
        );
        assert!(argv.contains(&"/opt/it".to_owned()));
        let joined = recipe(text);
        assert!(matches!(
            launch_of(&joined, &solo()),
            Err(LaunchError::OldLauncher(_))
        ));
    }

    fn launch_of(recipe: &Recipe, place: &Place) -> Result<Launch, LaunchError> {
        launch(recipe, place, &BTreeMap::new(), None)
    }

    #[test]
    fn a_local_folder_is_mounted_where_it_is() {
        let launch = launched("{local_path: /srv/my+model.v1/}", &solo(), &[]);
        let shown = launch.shown();
        assert!(
            shown.contains(" -v /srv/my+model.v1:/srv/my+model.v1:ro'"),
            "{shown}"
        );
        assert!(
            shown.contains(" exec vllm serve /srv/my+model.v1 "),
            "{shown}"
        );
        let inside = recipe("{local_path: /srv/m, args: [--chat-template=/srv/m/t.jinja]}");
        assert!(launch_of(&inside, &solo()).is_ok());
        for template in ["/srv/mm/t.jinja", "/etc/passwd", "/srv/m/../x"] {
            let outside = recipe(&format!(
                "{{local_path: /srv/m, args: [--chat-template={template}]}}"
            ));
            assert!(
                matches!(launch_of(&outside, &solo()), Err(LaunchError::Template(_))),
                "{template}"
            );
        }
    }

    #[test]
    fn what_the_launcher_would_take_apart_is_refused() {
        for value in ["a b", "$HOME", "`id`", "a;b", "*", "'", "{a}", ""] {
            let value = serde_json::to_string(value).unwrap();
            let recipe = recipe(&format!("{{repo: x/a, env: {{A: {value}}}}}"));
            let launched = launch_of(&recipe, &solo());
            // An empty value is `A=`, one word.
            assert_eq!(launched.is_ok(), value == "\"\"", "{value}: {launched:?}");
        }
    }

    #[test]
    fn docker_on_a_server() {
        let launch = launched(
            "{repo: x/a, engine: vllm, image: vllm/vllm-openai:v1, tensor_parallel: 2, env: {A: b c}}",
            &solo(),
            &[],
        );
        assert_eq!(
            launch.shown(),
            "docker run -d --name pilothouse-m --label 'pilothouse.model=m' --label 'pilothouse.port=8888' --gpus all --ipc host --ulimit 'memlock=-1' \
             -p 127.0.0.1:8888:8888 \
             --mount 'type=bind,source=/home/me/.cache/huggingface/hub/models--x--a,target=/weights/models--x--a,readonly' \
             -e 'HF_HUB_CACHE=/weights' -e 'HF_HUB_OFFLINE=1' -e 'A=b c' --entrypoint vllm vllm/vllm-openai:v1 \
             serve x/a '--port=8888' '--host=0.0.0.0' '--tensor-parallel-size=2'"
        );
        let text = "{repo: x/a, engine: vllm, listen: '::1'}";
        assert!(
            launched(text, &solo(), &[])
                .shown()
                .contains(" -p '[::1]:8888:8888' ")
        );
        assert!(matches!(
            launch_of(&recipe(text), &solo()),
            Err(LaunchError::NoWeights(..))
        ));
    }

    #[test]
    fn docker_over_a_pair_starts_the_other_node_first() {
        let launch = launched("{repo: x/a, engine: vllm, mode: cluster}", &pair(), &[]);
        let [worker] = launch.before.as_slice() else {
            panic!("{:?}", launch.before);
        };
        let argv = worker.argv();
        assert_eq!(
            argv[..6],
            ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "--"]
        );
        assert_eq!(argv[6], "192.168.177.12");
        let far = &argv[7];
        for part in [
            "docker run -d --name pilothouse-m",
            "'VLLM_HOST_IP=192.168.177.12'",
            "'MASTER_ADDR=192.168.177.11'",
            "'NCCL_IB_HCA=rocep1s0f1,roceP2p1s0f1'",
            "'NCCL_SOCKET_IFNAME=enp1s0f1np1'",
            "--network host",
            "--device /dev/infiniband",
            "'--nnodes=2' '--node-rank=1'",
            " --headless",
        ] {
            assert!(far.contains(part), "{part} in {far}");
        }
        let head = launch.command.render();
        assert!(
            head.contains("'--node-rank=0'") && !head.contains("--headless"),
            "{head}"
        );
        assert!(head.contains("'--host=127.0.0.1'"), "{head}");
    }

    #[test]
    fn llama_on_the_host_and_in_a_container() {
        let text = "{repo: x/a, engine: llama.cpp, file: q.gguf, context: 8192, args: [-ngl, 99]}";
        let launch = launched(
            text,
            &solo(),
            &[("ctx_size", "4096"), ("n_gpu_layers", "20")],
        );
        assert_eq!(
            launch.shown(),
            "llama-server --host 127.0.0.1 --port 8888 --metrics --alias m --ctx-size 4096 --n-gpu-layers 20 \
             --model /home/me/.cache/huggingface/hub/models--x--a/snapshots/1/q.gguf"
        );
        assert_eq!((launch.lasts, launch.container), (Lasting::Stays, None));
        let text = "{repo: x/a, engine: llama.cpp, image: 'ghcr.io/a/b:c'}";
        let shown = launched(text, &solo(), &[]).shown();
        assert!(shown.starts_with("sh -c "), "{shown}");
        assert!(
            shown.contains(
                " sh /home/me/.cache/huggingface/hub/models--x--a/snapshots/1 /weights/models--x--a/snapshots/1 docker run -d "
            ),
            "{shown}"
        );
    }

    #[test]
    fn any_container_gets_its_own_arguments_only() {
        let text =
            "{repo: x/a, engine: container, image: nim/x:1, inner_port: 8000, args: [--foo]}";
        let shown = launched(text, &solo(), &[("bar", "1")]).shown();
        assert!(shown.ends_with(" nim/x:1 --foo '--bar=1'"), "{shown}");
        assert!(shown.contains(" -p 127.0.0.1:8888:8000 "), "{shown}");
        let alone = launch_of(&recipe(text), &solo()).unwrap().shown();
        assert!(!alone.contains("--mount"), "{alone}");
        assert!(
            launch_of(
                &recipe("{repo: x/a, engine: container, image: x, mode: either}"),
                &pair()
            )
            .is_err()
        );
    }

    #[test]
    fn places_that_do_not_fit_are_told() {
        for (text, place) in [
            ("{repo: x/a, mode: cluster}", solo()),
            ("{repo: x/a, mode: solo}", pair()),
            ("{repo: x/a, mode: cluster, tensor_parallel: 4}", pair()),
            ("{repo: x/a, engine: llama.cpp, mode: either}", pair()),
        ] {
            let error = launch_of(&recipe(text), &place).unwrap_err();
            assert!(!error.hint().is_empty(), "{error}");
        }
    }

    #[test]
    fn a_setting_takes_the_place_of_its_flag_once() {
        for (args, settings, wanted) in [
            (
                vec!["--a=1", "--b", "2", "3", "--a", "4"],
                vec![("a", "9")],
                vec!["--a=9", "--b", "2", "3"],
            ),
            (
                vec!["--max_model_len=1", "--x"],
                vec![("max_model_len", "2")],
                vec!["--max-model-len=2", "--x"],
            ),
            (
                vec!["-tp", "2"],
                vec![("tensor_parallel_size", "1")],
                vec!["--tensor-parallel-size=1"],
            ),
            (vec!["--enable-x"], vec![("enable_x", "off")], vec![]),
            (
                vec!["--no-enable-x"],
                vec![("enable_x", "on")],
                vec!["--enable-x"],
            ),
            (
                vec!["--seed", "-1", "--y"],
                vec![("seed", "-2")],
                vec!["--seed=-2", "--y"],
            ),
            (vec![], vec![("x", "a b;$(id)")], vec!["--x=a b;$(id)"]),
        ] {
            let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
            assert_eq!(
                flags::with_knobs(Dialect::Vllm, &args, &knobs(&settings)),
                wanted
            );
        }
        let refused = launch(
            &recipe("{repo: x/a}"),
            &solo(),
            &knobs(&[("port", "1")]),
            None,
        );
        assert!(matches!(refused, Err(LaunchError::Knob(_))));
        let hostile = launch(
            &recipe("{repo: x/a}"),
            &solo(),
            &knobs(&[("a b", "1")]),
            None,
        );
        assert!(matches!(hostile, Err(LaunchError::Knob(_))));
    }

    #[test]
    fn what_was_started_is_stopped() {
        let stop = |text: &str, place: &Place| -> Vec<String> {
            let commands = halt(&recipe(text), place, 30).unwrap();
            commands
                .iter()
                .map(crate::shell::ShellCommand::render)
                .collect()
        };
        assert_eq!(
            stop("{repo: x/a, mode: either}", &pair()),
            [format!(
                "{IN_FOLDER} ./spark-vllm-docker ./launch-cluster.sh -n 192.168.177.11,192.168.177.12 \
                 --eth-if enp1s0f1np1 --ib-if rocep1s0f1,roceP2p1s0f1 stop"
            )]
        );
        assert_eq!(
            stop("{repo: x/a, engine: vllm}", &solo()),
            [
                "docker stop -t 30 pilothouse-m",
                "docker rm -f pilothouse-m"
            ]
        );
        assert_eq!(
            stop("{repo: x/a, engine: vllm, mode: cluster}", &pair()).len(),
            4
        );
        assert_eq!(stop("{repo: x/a, engine: llama.cpp}", &solo()), [""; 0]);
    }

    proptest! {
        #[test]
        fn however_often_a_flag_stands_it_stands_once_then(
            args in prop::collection::vec("(--?[a-c](=[0-9]{0,2})?|[0-9]{1,2}|--no-[a-c])", 0..8),
            value in "\\PC{0,8}",
        ) {
            let knob = knobs(&[("b", "on")]);
            let with = flags::with_knobs(Dialect::Vllm, &args, &knob);
            let named = |word: &String| flags::name(Dialect::Vllm, word);
            prop_assert_eq!(with.iter().filter(|word| named(word).as_deref() == Some("b")).count(), 1);
            prop_assert!(!with.iter().any(|word| named(word).as_deref() == Some("no-b")));
            let others = |words: &[String]| words.iter().filter_map(named).filter(|name| !["b", "no-b"].contains(&name.as_str())).collect::<Vec<_>>();
            prop_assert_eq!(others(&with), others(&args));
            let set: BTreeMap<String, Knob> = [("b".to_owned(), Knob::Value(value.clone()))].into();
            prop_assert_eq!(flags::value(Dialect::Vllm, &flags::with_knobs(Dialect::Vllm, &args, &set), &BTreeMap::new(), "b"), Some(value));
        }
    }
}
