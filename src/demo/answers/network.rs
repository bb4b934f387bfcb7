//! Addresses, counters and sockets (pure).

use std::fmt::Write as _;

use super::scene::{Scene, hash};
use crate::demo::boxes::{Container, State};

/// Which sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) enum Sockets {
    Listening,
    Connected,
    Summary,
}

/// The last part of its address, which is one of those kept for documents (RFC 5737).
fn own(scene: &Scene<'_>) -> u64 {
    20 + hash(scene.name) % 200
}

/// `ip -br address; ip route show; ip -6 route show default; ip -s link`
pub(super) fn network(scene: &Scene<'_>) -> String {
    let (card, own) = (scene.world.profile.network.name, own(scene));
    let docker = scene.world.profile.docker;
    let mut text = format!(
        "lo               UNKNOWN        127.0.0.1/8 ::1/128\n{card:<16} UP             192.0.2.{own}/24\n"
    );
    if docker {
        text += "docker0          UP             172.17.0.1/16\n";
    }
    let _ = writeln!(
        text,
        "default via 192.0.2.1 dev {card} proto dhcp src 192.0.2.{own} metric 100"
    );
    if docker {
        text += "172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1\n";
    }
    let _ = writeln!(
        text,
        "192.0.2.0/24 dev {card} proto kernel scope link src 192.0.2.{own} metric 100"
    );
    let (received, sent) = scene.world.traffic;
    let drops = scene.world.ring.drops();
    let _ = write!(
        text,
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n    RX:  bytes packets errors dropped  missed   mcast\n         81204     912      0       0       0       0\n    TX:  bytes packets errors dropped carrier collsns\n         81204     912      0       0       0       0\n2: {card}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000\n    RX:  bytes packets errors dropped  missed   mcast\n    {received} {} 0 0 0 {}\n    TX:  bytes packets errors dropped carrier collsns\n    {sent} {} 0 0 {drops} 0\n",
        received / 940,
        scene.world.uptime / 30,
        sent / 910,
    );
    text
}

fn published<'a>(scene: &Scene<'a>) -> impl Iterator<Item = (u16, &'a Container)> {
    scene.boxes.iter().filter_map(|container| {
        let runs = !matches!(container.state, State::Exited(..));
        let (_, outside) = container.kind.port.filter(|_| runs)?;
        Some((outside, container))
    })
}

/// `ss`
pub(super) fn sockets(scene: &Scene<'_>, which: Sockets) -> String {
    let own = format!("192.0.2.{}:22", own(scene));
    let from = "192.0.2.10:51544";
    match which {
        Sockets::Listening => listening(scene),
        Sockets::Connected => format!(
            "Netid State Recv-Q Send-Q   Local Address:Port     Peer Address:Port Process\ntcp   ESTAB 0      0    {own:>21} {from:>21}\n"
        ),
        Sockets::Summary => {
            let listening = published(scene).count() + 3;
            format!(
                "Total: {}\nTCP:   {} (estab 1, closed 0, orphaned 0, timewait 0)\n\nTransport Total     IP        IPv6\nRAW\t  0         0         0\nUDP\t  2         2         0\nTCP\t  {listening}         {listening}         0\nINET\t  {}         {}         0\nFRAG\t  0         0         0\n",
                180 + listening,
                listening + 1,
                listening + 2,
                listening + 2
            )
        }
    }
}

fn listening(scene: &Scene<'_>) -> String {
    let mut text =
        "Netid State  Recv-Q Send-Q    Local Address:Port  Peer Address:Port Process\n".to_owned();
    let mut row = |kind: &str, local: &str| {
        let (state, wait) = match kind {
            "udp" => ("UNCONN", 0),
            _ => ("LISTEN", 4096),
        };
        let _ = writeln!(
            text,
            "{kind:<5} {state} 0      {wait:<6} {local:>21} {:>17}",
            "0.0.0.0:*"
        );
    };
    row("udp", "127.0.0.53%lo:53");
    row("tcp", "127.0.0.53%lo:53");
    row("tcp", "0.0.0.0:22");
    for (outside, _) in published(scene) {
        row("tcp", &format!("127.0.0.1:{outside}"));
    }
    if scene
        .world
        .works
        .iter()
        .any(|work| work.kind.user == "postgres")
    {
        row("tcp", "127.0.0.1:5432");
    }
    text
}
