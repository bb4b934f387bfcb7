//! The catalogue by rows: what is bundled, what is laid over it, what is refused and on which line it is told.

mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::{Catalog, EngineKind, HostFolder, Knob, LauncherForm, Mode, ModelSource};
    use crate::domain::{Mib, ModelKey};

    fn recipe(catalog: &Catalog, key: &str) -> super::super::Recipe {
        catalog.recipes[&ModelKey::new(key)].as_ref().clone()
    }

    fn told(catalog: &Catalog) -> Vec<(Option<u64>, &str, &str)> {
        catalog
            .problems
            .iter()
            .map(|problem| {
                (
                    problem.line,
                    problem.entry.as_deref().unwrap_or_default(),
                    problem.what.as_str(),
                )
            })
            .collect()
    }

    #[test]
    fn what_is_bundled_holds() {
        let catalog = Catalog::with_bundled(&[]);
        assert_eq!(catalog.problems, []);
        assert!(catalog.recipes.len() >= 14, "{}", catalog.recipes.len());
        let sources: BTreeSet<_> = catalog.recipes.values().map(|r| &r.source).collect();
        assert_eq!(sources.len(), catalog.recipes.len());
        for mode in [Mode::Solo, Mode::Cluster, Mode::Either] {
            assert!(catalog.recipes.values().any(|r| r.mode == mode), "{mode:?}");
        }
        for recipe in catalog.recipes.values() {
            assert!(
                recipe.size.is_some_and(|size| size > Mib(1024)),
                "{}",
                recipe.key
            );
            let needs_two = recipe.mode == Mode::Cluster;
            assert!(!needs_two || recipe.tensor_parallel >= 2, "{}", recipe.key);
        }
        let first = recipe(&catalog, "qwen3.6-35b-nvfp4");
        assert_eq!(first.gpu_percent, Some(40));
        assert_eq!(first.context, Some(262_144));
        assert_eq!(first.port.get(), 8888);
        assert_eq!(first.listen, "127.0.0.1");
        assert_eq!(first.container, "vllm_node");
        assert_eq!(first.knobs["max_num_seqs"], Knob::Value("4".into()));
        assert!(first.args.contains(
            &r#"--speculative-config={"method": "mtp", "num_speculative_tokens": 3}"#.to_owned()
        ));
        assert_eq!(
            first.engine,
            EngineKind::SparkLauncher {
                folder: HostFolder::new("~/spark-vllm-docker").unwrap(),
                form: LauncherForm::Escaped,
                image: None,
                mods: Vec::new(),
                ray: true,
            }
        );
    }

    #[test]
    fn later_files_are_laid_over_earlier_ones_field_by_field() {
        let below = "\
defaults: {engine: vllm, port: 8000}
models:
  a:
    repo: x/a
    size: 10 GiB
    args: [--kv-cache-dtype=fp8, --max-model-len=4096]
    knobs: {max_num_seqs: 4, seed: 1}
    env: {A: 1, B: 2}
  b: {repo: x/b}
  c: {repo: x/c}
";
        let above = "\
defaults: {port: 9000}
models:
  a:
    local_path: /srv/a
    knobs: {max_num_seqs: 8, seed: null}
    env: {B: 3}
    listen: 0.0.0.0
  b: false
  d: {repo: x/d, engine: llama.cpp, file: d.gguf}
";
        let catalog = Catalog::load(&[("one", below), ("two", above)]);
        assert_eq!(catalog.problems, []);
        let keys: Vec<&str> = catalog.recipes.keys().map(ModelKey::as_str).collect();
        assert_eq!(keys, ["a", "c", "d"]);
        let a = recipe(&catalog, "a");
        assert_eq!(a.port.get(), 9000);
        assert_eq!(a.listen, "0.0.0.0");
        assert!(matches!(&a.source, ModelSource::Local(path) if path.as_str() == "/srv/a"));
        assert_eq!(a.size, Some(Mib(10 * 1024)));
        assert_eq!(a.args.len(), 2);
        assert_eq!(a.context, Some(4096));
        assert_eq!(a.knobs.len(), 1);
        assert_eq!(a.knobs["max_num_seqs"], Knob::Value("8".into()));
        let env: Vec<(&str, &str)> = a
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(env, [("A", "1"), ("B", "3")]);
        let d = recipe(&catalog, "d");
        assert_eq!(d.container, "pilothouse-d");
        assert!(matches!(
            d.engine,
            EngineKind::LlamaCpp {
                image: None,
                file: Some(_)
            }
        ));
    }

    #[test]
    fn another_engine_takes_what_only_the_first_understood_along() {
        let own = "models:\n  nemotron-3-nano: {engine: vllm, image: my/vllm:1}\n";
        let catalog = Catalog::with_bundled(&[("own.yaml".into(), own.into())]);
        assert_eq!(catalog.problems, []);
        let recipe = recipe(&catalog, "nemotron-3-nano");
        assert_eq!(recipe.container, "pilothouse-nemotron-3-nano");
        assert!(matches!(recipe.engine, EngineKind::Vllm { image } if image == "my/vllm:1"));
    }

    #[test]
    fn every_problem_is_told_with_its_line_and_the_rest_loads() {
        let text = "\
defaults: {engine: vllm}
modles: {}
models:
  good: {repo: x/a}
  Bad Key: {repo: x/a}
  both: {repo: x/a, local_path: /srv/a}
  none: {size: 3 GiB}
  slip:
    repo: x/a
    contxt: 4096
    port: 0
    mode: clutser
  size: {repo: x/a, size: 35 GB}
  token:
    repo: x/a
    env:
      HF_TOKEN: hf_abc
  flags:
    repo: x/a
    args: [--port=1, --api-key=x]
  knob: {repo: x/a, knobs: {port: 1}}
  file: {repo: x/a, file: a.gguf}
  image: {repo: x/a, engine: container}
  list: [a]
";
        let catalog = Catalog::load(&[("m.yaml", text)]);
        let keys: Vec<&str> = catalog.recipes.keys().map(ModelKey::as_str).collect();
        assert_eq!(keys, ["good"]);
        let told = told(&catalog);
        let places: Vec<(Option<u64>, &str)> = told
            .iter()
            .map(|(line, entry, _)| (*line, *entry))
            .collect();
        assert_eq!(
            places,
            [
                (2, ""),
                (5, "Bad Key"),
                (6, "both"),
                (10, "slip"),
                (11, "slip"),
                (12, "slip"),
                (13, "size"),
                (17, "token"),
                (20, "flags"),
                (20, "flags"),
                (21, "knob"),
                (24, "list"),
                (22, "file"),
                (23, "image"),
                (7, "none"),
            ]
            .map(|(line, entry)| (Some(line), entry)),
            "{told:#?}"
        );
        let hints: Vec<&str> = catalog
            .problems
            .iter()
            .filter_map(|problem| problem.hint.as_deref())
            .collect();
        assert!(hints.contains(&"did you mean `context`?"), "{hints:?}");
        assert!(hints.contains(&"did you mean `cluster`?"), "{hints:?}");
        assert!(!format!("{:?}", catalog.problems).contains("hf_abc"));
    }

    #[test]
    fn a_bad_entry_of_an_own_file_leaves_the_bundled_one() {
        let own = "models:\n  gpt-oss-120b:\n    port: banana\n";
        let catalog = Catalog::with_bundled(&[("own.yaml".into(), own.into())]);
        assert_eq!(told(&catalog).len(), 1);
        assert_eq!(catalog.problems[0].line, Some(3));
        assert_eq!(catalog.problems[0].file, "own.yaml");
        assert_eq!(recipe(&catalog, "gpt-oss-120b").port.get(), 8888);
    }

    /// Values that quoting alone does not make harmless, after the review of shells and options.
    const HOSTILE: &[&str] = &[
        "$(id)",
        "`id`",
        "a;id",
        "a b",
        "a\nb",
        "a\u{0}b",
        "-oProxyCommand=id",
        "--privileged",
        "../../etc",
        "a'b\"c",
        "\u{202e}x",
        "{a,b}",
        "a\u{a0}b",
        "~root",
        "*",
        "%n",
        "a,readonly=false",
        "",
    ];

    #[test]
    fn hostile_values_are_refused_or_stay_one_word() {
        for value in HOSTILE {
            let quoted = serde_json::to_string(value).unwrap();
            for field in [
                "repo",
                "local_path",
                "size",
                "mode",
                "engine",
                "folder",
                "image",
                "file",
                "port",
                "listen",
                "container",
                "hosts",
                "mods",
                "gpu_percent",
                "context",
            ] {
                let text =
                    format!("defaults: {{engine: vllm}}\nmodels:\n  a:\n    {field}: {quoted}\n");
                let catalog = Catalog::load(&[("m", &text)]);
                assert_eq!(catalog.recipes.len(), 0, "{field}: {quoted}");
                let first = &catalog.problems[0];
                assert!(!first.what.chars().any(char::is_control), "{first:?}");
            }
            for field in ["args: [--x=V]", "knobs: {x: V}", "env: {X: V}"] {
                let field = field.replace("--x=V", &quoted).replace('V', &quoted);
                let text = format!(
                    "defaults: {{engine: vllm}}\nmodels:\n  a:\n    repo: x/a\n    {field}\n"
                );
                let catalog = Catalog::load(&[("m", &text)]);
                let Some(recipe) = catalog.recipes.values().next() else {
                    assert!(!catalog.problems.is_empty(), "{field}");
                    continue;
                };
                let kept = recipe
                    .args
                    .iter()
                    .chain(recipe.env.values())
                    .all(|kept| kept == value);
                assert!(kept, "{field}: {recipe:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn no_text_ends_the_process(text in r"(models:\n)?(  [a-z]{1,3}:( \{?[a-z_]{1,8}: [^\n]{0,12}\}?)?\n|    [a-z_]{1,10}: [^\n]{0,20}\n|\PC{0,30}\n){0,12}") {
            let catalog = Catalog::with_bundled(&[("own".into(), text)]);
            prop_assert!(catalog.recipes.len() >= 14);
        }
    }
}
