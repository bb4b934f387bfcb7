//! Plays the works of a simulated machine: what they do is done when its moment has come.

use std::sync::Arc;
use std::time::Duration;

use super::boxes::Container;
use super::engine_json as words;
use super::launched::kinds;
use super::node::Node;
use super::orders::Deed;
use crate::domain::ContainerAct;

/// Does what a work does, moment by moment, until it is over or somebody cancels it.
pub(super) async fn play(node: Arc<Node>, id: String) {
    let mut from = 0;
    loop {
        let next = {
            let orders = node.orders();
            let order = orders.find(&id);
            order.and_then(|order| order.next_deed(from, node.wall()))
        };
        let Some((place, millis, deed)) = next else {
            return;
        };
        match u64::try_from(millis) {
            // Looked up again then: it may have been cancelled meanwhile.
            Ok(millis) if millis > 0 => tokio::time::sleep(Duration::from_millis(millis)).await,
            _ => {
                does(&node, &deed);
                from = place + 1;
            }
        }
    }
}

/// Does one thing to a machine.
pub(super) fn does(node: &Node, deed: &Deed) {
    let now = node.wall();
    match deed {
        Deed::Stop(name) => {
            let known = node.boxes().find(name).cloned();
            let stopped = node.boxes().act(name, ContainerAct::Stop, now);
            if let (Some(container), Ok(events)) = (known, stopped) {
                node.follow_container(&container, ContainerAct::Stop);
                tell(node, &container, events);
            }
        }
        Deed::Launch(launched) => {
            let kinds = kinds(launched);
            let container = node.boxes().launch(&kinds.container, now);
            node.world().end_container(kinds.container.name);
            node.world().launch(&kinds.work);
            tell(node, &container, &["create", "start"]);
        }
        Deed::Ends(name, status) => {
            let ended = node.boxes().end(name, *status, now);
            node.world().end_container(name);
            if let Some(container) = ended {
                tell(node, &container, &["die"]);
            }
        }
        Deed::Remove(name) => {
            let removed = node.boxes().remove(name);
            node.world().end_container(name);
            if let Some(container) = removed {
                tell(node, &container, &["kill", "die", "destroy"]);
            }
        }
        Deed::Served(model, history) => {
            let mut orders = node.orders();
            if let Some(model) = model {
                orders.served = Some(model.clone());
                orders.history.push(format!("{} {history}", now.0 / 1000));
            }
        }
        Deed::Keep(fetch) => {
            let mut fetch = fetch.clone();
            fetch.whole = Some(now);
            node.orders().given.push(fetch);
        }
        Deed::Delete(repo) => node.orders().deleted.push((repo.clone(), now)),
        Deed::Over(address, deed) => {
            if let Some(peer) = node.peer(address) {
                does(&peer, deed);
            }
        }
    }
}

fn tell(node: &Node, container: &Container, events: &[&str]) {
    for event in events {
        node.tell(words::event(container, event, node.wall()));
    }
}
