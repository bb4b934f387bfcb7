//! What the `config.json` of a model says, as far as an estimate and a launch need it (pure). The file is foreign.

use serde_json::Value;

use super::ModelConfig;
use crate::text::SafeText;

/// Where a model that takes more than text says what its language model is like.
const PARTS: [&str; 4] = [
    "text_config",
    "llm_config",
    "language_config",
    "thinker_config",
];

/// Reads it. What is no JSON object tells nothing.
pub(super) fn read(text: &str) -> Option<ModelConfig> {
    let whole: Value = serde_json::from_str(text).ok()?;
    if !whole.is_object() {
        return None;
    }
    let mut parts = vec![&whole];
    while let Some(inner) = parts.last().and_then(|last| part(last)) {
        parts.push(inner);
    }
    // The inner ones know better of what both have, but for what is only said of the whole.
    let find = |key: &str| {
        parts
            .iter()
            .rev()
            .find_map(|part| part.get(key).filter(|v| !v.is_null()))
    };
    let number = |key: &str| find(key).and_then(Value::as_u64);
    let small = |key: &str| number(key).and_then(|number| u32::try_from(number).ok());
    let heads = small("num_attention_heads");
    let head_dim = small("head_dim").or_else(|| small("hidden_size")?.checked_div(heads?));
    let dtype = find("torch_dtype").or_else(|| find("dtype"));
    Some(ModelConfig {
        architecture: word(whole.get("architectures").and_then(|all| all.get(0))),
        context: number("max_position_embeddings"),
        layers: small("num_hidden_layers"),
        kv_heads: small("num_key_value_heads").or(heads),
        head_dim,
        dtype_bytes: dtype.and_then(Value::as_str).and_then(dtype_bytes),
        quantization: word(find("quantization_config").and_then(|q| q.get("quant_method"))),
    })
}

fn part(of: &Value) -> Option<&Value> {
    PARTS
        .iter()
        .find_map(|name| of.get(name).filter(|inner| inner.is_object()))
}

fn word(value: Option<&Value>) -> Option<SafeText> {
    let text = value?.as_str()?;
    Some(SafeText::new(&text.chars().take(80).collect::<String>()))
}

fn dtype_bytes(name: &str) -> Option<u8> {
    Some(match name.strip_prefix("torch.").unwrap_or(name) {
        "float32" => 4,
        "bfloat16" | "float16" | "half" => 2,
        "int8" | "uint8" => 1,
        name if name.starts_with("float8") => 1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_config_is_read() {
        let config = read(
            r#"{"architectures":["Qwen3MoeForCausalLM"],"hidden_size":2048,"num_attention_heads":32,
            "num_hidden_layers":48,"num_key_value_heads":4,"head_dim":128,"max_position_embeddings":262144,
            "torch_dtype":"bfloat16","quantization_config":{"quant_method":"fp8"}}"#,
        )
        .unwrap();
        let expected = ModelConfig {
            architecture: Some(SafeText::new("Qwen3MoeForCausalLM")),
            context: Some(262_144),
            layers: Some(48),
            kv_heads: Some(4),
            head_dim: Some(128),
            dtype_bytes: Some(2),
            quantization: Some(SafeText::new("fp8")),
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn the_language_model_of_one_with_eyes_is_looked_at() {
        let config = read(
            r#"{"architectures":["X"],"dtype":"float8_e4m3fn","head_dim":null,"thinker_config":{"text_config":
            {"hidden_size":4096,"num_attention_heads":32,"num_hidden_layers":3}}}"#,
        )
        .unwrap();
        assert_eq!((config.layers, config.kv_heads), (Some(3), Some(32)));
        assert_eq!((config.head_dim, config.dtype_bytes), (Some(128), Some(1)));
    }

    #[test]
    fn whatever_else_stands_there_is_no_harm() {
        for text in ["", "null", "[]", "\"x\"", "{", "{\"a\":", &"[".repeat(9000)] {
            assert_eq!(read(text), None, "{text:?}");
        }
        let odd = r#"{"architectures":"x","num_hidden_layers":-1,"num_attention_heads":0,"hidden_size":1e99,
            "max_position_embeddings":"many","torch_dtype":7,"quantization_config":[]}"#;
        let config = ModelConfig {
            kv_heads: Some(0),
            ..ModelConfig::default()
        };
        assert_eq!(read(odd), Some(config));
        let hostile = read("{\"architectures\":[\"a\\u001b]0;x\\u0007\\nb\"]}").unwrap();
        assert_eq!(hostile.architecture.unwrap().as_str(), "a␛␊b");
    }
}
