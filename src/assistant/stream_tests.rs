//! Lines as the program writes them, and lines that no program should write.

mod tests {
    use proptest::prelude::*;

    use super::super::stream::{Block, BlockKind, CliEvent, parse};

    /// A line, and whether its event is the right one.
    type Row = (&'static str, fn(&CliEvent) -> bool);

    #[test]
    fn lines_by_rows() {
        let rows: &[Row] = &[
            (
                r#"{"uuid":"u","subtype":"init","type":"system","session_id":"s","tools":["a"],"mcp_servers":[{"name":"n","status":"connected","x":1}],"plugins":[],"permissionMode":"default"}"#,
                |e| {
                    matches!(e, CliEvent::Init(i) if i.tools.as_deref() == Some(&["a".to_owned()])
                && i.servers.as_ref().unwrap()[0].1 == "connected")
                },
            ),
            (
                r#"{"type":"system","subtype":"init","tools":["a",7],"mcp_servers":"none"}"#,
                |e| matches!(e, CliEvent::Init(i) if i.tools.is_none() && i.servers.is_none()),
            ),
            (
                r#"{"type":"system","subtype":"status","status":"requesting"}"#,
                |e| *e == CliEvent::Requesting,
            ),
            (
                r#"{"type":"system","subtype":"status","status":null}"#,
                |e| *e == CliEvent::Alive,
            ),
            (
                r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":2,"retry_delay_ms":621.9,"error_status":null,"error":"Connection error"}"#,
                |e| matches!(e, CliEvent::Retry { attempt: 1, of: 2, after, status: None, .. } if after.as_millis() == 621),
            ),
            (
                r#"{"type":"system","subtype":"api_retry","retry_delay_ms":-1e300,"error_status":"x"}"#,
                |e| matches!(e, CliEvent::Retry { after, status: None, .. } if after.is_zero()),
            ),
            (
                r#"{"event":{"type":"message_start","message":{"id":"m","usage":{"input_tokens":10,"cache_read_input_tokens":5}}},"type":"stream_event"}"#,
                |e| matches!(e, CliEvent::MessageBegan { message, context: 15 } if message == "m"),
            ),
            (
                r#"{"type":"stream_event","event":{"type":"content_block_start","index":1,"content_block":{"type":"tool_use"}}}"#,
                |e| {
                    matches!(
                        e,
                        CliEvent::BlockBegan {
                            index: 1,
                            kind: BlockKind::Tool
                        }
                    )
                },
            ),
            (
                r#"{"type":"stream_event","event":{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}}"#,
                |e| matches!(e, CliEvent::Delta { thinking: true, text, .. } if text == "hm"),
            ),
            (
                r#"{"type":"stream_event","parent_tool_use_id":"t","event":{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"of another"}}}"#,
                |e| *e == CliEvent::Alive,
            ),
            (
                r#"{"type":"assistant","message":{"id":"m","model":"x","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"n","input":{}},{"type":"next_year"}]}}"#,
                |e| {
                    matches!(e, CliEvent::Blocks { blocks, synthetic: false, .. }
                if matches!(&blocks[..], [Block::Text(_), Block::Tool { .. }, Block::Other]))
                },
            ),
            (
                r#"{"type":"assistant","error":"authentication_failed","message":{"id":"m","model":"<synthetic>","content":[]}}"#,
                |e| {
                    matches!(
                        e,
                        CliEvent::Blocks {
                            synthetic: true,
                            error: Some(_),
                            ..
                        }
                    )
                },
            ),
            (
                r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}}"#,
                |e| matches!(e, CliEvent::ToolResult { call } if call == "t"),
            ),
            (r#"{"type":"user","message":{"content":"text"}}"#, |e| {
                *e == CliEvent::Alive
            }),
            (
                r#"{"type":"result","subtype":"success","is_error":true,"result":"said","api_error_status":401}"#,
                |e| matches!(e, CliEvent::Result(r) if r.failed && r.status == Some(401) && r.text == "said"),
            ),
            (
                r#"{"type":"result","subtype":"success","result":"no word whether it failed"}"#,
                |e| matches!(e, CliEvent::Result(r) if r.failed),
            ),
            (
                r#"{"type":"result","is_error":false,"total_cost_usd":0.5,"num_turns":2,"modelUsage":{"a":{"inputTokens":1,"outputTokens":2,"cacheReadInputTokens":3,"cacheCreationInputTokens":4,"contextWindow":9},"b":{"inputTokens":1,"contextWindow":5}}}"#,
                |e| matches!(e, CliEvent::Result(r) if r.input == 9 && r.output == 2 && r.window == 9 && r.turns == 2),
            ),
            (
                r#"{"type":"control_request","request_id":"r","request":{"subtype":"can_use_tool","tool_name":"Bash","input":{"command":"x"},"tool_use_id":"t"}}"#,
                |e| matches!(e, CliEvent::MayUse { tool, .. } if tool == "Bash"),
            ),
            (
                r#"{"type":"control_request","request_id":"r","request":{"subtype":"hook_callback"}}"#,
                |e| matches!(e, CliEvent::OtherRequest { subtype, .. } if subtype == "hook_callback"),
            ),
            (r#"{"type":"tool_progress"}"#, |e| *e == CliEvent::Alive),
            (r#"{"type":"of_next_year"}"#, |e| *e == CliEvent::Unknown),
            (r#"{"type":7}"#, |e| *e == CliEvent::Bad),
            (r"{}", |e| *e == CliEvent::Bad),
            (r"[]", |e| *e == CliEvent::Bad),
            (r"null", |e| *e == CliEvent::Bad),
            (r#"{"type":"result""#, |e| *e == CliEvent::Bad),
            (r#"{"type":"keep_alive"}{"type":"keep_alive"}"#, |e| {
                *e == CliEvent::Bad
            }),
        ];
        for (line, is) in rows {
            let event = parse(line.as_bytes());
            assert!(is(&event), "{line}\n{event:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let event = parse(b"{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"a\xffb\"}]}}");
        assert!(
            matches!(&event, CliEvent::Blocks { blocks, .. } if blocks[0] == Block::Text("a\u{fffd}b".to_owned())),
            "{event:?}"
        );
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in prop::collection::vec(any::<u8>(), 0..300)) {
            parse(&line);
        }

        #[test]
        fn no_value_in_a_known_place_breaks_it(
            kind in prop::sample::select(vec!["system", "stream_event", "assistant", "user", "result", "control_request"]),
            subtype in prop::sample::select(vec!["init", "status", "api_retry", "permission_denied", "success"]),
            key in prop::sample::select(vec!["event", "message", "request", "tools", "is_error", "modelUsage", "result", "errors", "status", "retry_delay_ms"]),
            value in prop::sample::select(vec!["null", "1", "-1e999", "\"x\"", "[]", "{}", "[{}]", "{\"type\":1}", "{\"content\":{}}", "true"]),
        ) {
            parse(format!(r#"{{"type":"{kind}","subtype":"{subtype}","{key}":{value}}}"#).as_bytes());
        }
    }
}
